"""Does EdgeKit itself install, export and run on a Raspberry Pi? Under user emulation, with Debian's arm64 Python.

Debian's arm64 Python and the wheels for aarch64 go into a cache folder, once, some 400 MB. QEMU runs that Python, and a
wheel of this checkout in it: `doctor`, an export of the bundled denoiser for `host`, `run` and `replay`. Its integers
must equal the oracle in every bit. The same network is exported on this machine: scales are measured in float on each,
so the two sounds are near, and not the same bits. "native" is the emulated core.
"""

import argparse
import io
import json
import os
import shutil
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from layers.debian_arm64 import CACHE, fetch_python, fetch_wheels, install, run_checked

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import snr_db

HERE = Path(__file__).resolve().parents[2]
DEMO = HERE / "src" / "edgekit" / "demos"
WHEELS = (
    "jinja2",
    "numpy",
    "pycparser",
    "rich",
    "typer",
    "ml_dtypes",
    "onnx",
    "onnx-ir",
    "onnxruntime",
    "onnxscript",
)
CORES = {
    "cortex-a76": "neondot",
    "cortex-a72": "neon",
}  # a Raspberry Pi 5 and 4, and the kernels of each
TOOLS = {
    "qemu-aarch64": "qemu-user",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "apt-get": "apt",
}
# The cross compiler has no "native": it stands for the compiler of the board.
COMPILER = """\
#!/bin/sh
n=$#
while [ $n -gt 0 ]; do
    a=$1; shift; n=$((n - 1))
    [ "$a" = -march=native ] && a=-mcpu=$PI_CORE
    set -- "$@" "$a"
done
exec aarch64-linux-gnu-gcc "$@"
"""
LEAST_DB = 40.0  # the integers are 47 dB from the float network
CLIPS = ("1_birds.wav", "6_clean.wav")  # few: an emulated core takes minutes for each
DENOISER = (
    *("--recipe", "w8a8", "--force"),
    *("--sample-rate", "16000", "--frontend", "stft:512:128:sqrt_hann:logpow"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Set the system up, and run all steps on each core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of Debian's Python")
    parser.add_argument("--core", choices=[*CORES, "all"], default="all")
    given = parser.parse_args(arguments)
    if missing := [package for tool, package in TOOLS.items() if shutil.which(tool) is None]:
        print(f"missing: as root, apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    set_up(given.cache)
    sound = _export_here(given.cache / "here")
    cores = list(CORES) if given.core == "all" else [given.core]
    return max(_try_core(given.cache, core, sound) for core in cores)


def set_up(cache: Path) -> None:
    """Fetch Debian's arm64 Python and the wheels for aarch64 where they are not here yet; install this checkout."""
    fetch_wheels(cache, "site", WHEELS)
    own = cache / "own"
    shutil.rmtree(own, ignore_errors=True)
    install(own, "--no-deps", "--no-build-isolation", str(HERE))
    compiler = cache / "cc"
    compiler.write_text(COMPILER, encoding="utf-8")
    compiler.chmod(0o755)


def _export_here(folder: Path) -> bytes:
    """Export and run the denoiser on this machine; return the sound."""
    own = [sys.executable, "-m", "edgekit"]
    return _denoise(own, folder, dict(os.environ))


def _try_core(cache: Path, core: str, sound: bytes) -> int:
    """Run all steps on an emulated core; return the exit code."""
    python = fetch_python(cache)
    emulated = ["qemu-aarch64", "-cpu", core, "-L", str(cache / "root"), str(python)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cache),
        "CC": str(cache / "cc"),
        "PI_CORE": core,
        "PYTHONPATH": f"{cache / 'own'}:{cache / 'site'}",
        "EDGEKIT_CACHE": str(cache / "objects"),
        "OMP_NUM_THREADS": "1",
    }
    kernels = CORES[core]
    said = run_checked([*emulated, "-m", "edgekit", "doctor"], environment)
    if f"host ({kernels} kernels)" not in " ".join(said.split()):
        print(f"{core}: doctor does not name the {kernels} kernels\n{said}", file=sys.stderr)
        return 1
    folder = cache / core
    own = _denoise([*emulated, "-m", "edgekit"], folder, environment)
    manifest = json.loads((folder / "build" / "manifest.json").read_text(encoding="utf-8"))
    ratio = snr_db(_samples(sound), _samples(own))
    chosen = str(manifest["tools"]["kernels"]).startswith(kernels)
    exact = bool(manifest["verification"]["bit_exact_with_oracle"])
    print(
        f"{core}: {kernels} kernels chosen: {chosen}; bit-exact with the oracle: {exact}; "
        f"{ratio:.1f} dB beside the sound of this machine's own export"
    )
    return 0 if chosen and exact and ratio >= LEAST_DB else 1


def _samples(sound: bytes) -> Array:
    with wave.open(io.BytesIO(sound)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32)


def _denoise(edgekit: Sequence[str], folder: Path, environment: Mapping[str, str]) -> bytes:
    """Export the denoiser, run a clip, replay its recording; return the clean sound."""
    folder.mkdir(parents=True, exist_ok=True)
    build, clean, record = (str(folder / name) for name in ("build", "clean.wav", "pi.rec"))
    network, clips = str(DEMO / "denoise.onnx"), folder / "clips"
    clips.mkdir(exist_ok=True)
    for name in CLIPS:
        shutil.copy(DEMO / "clips" / "calibration" / name, clips)
    request = ("--target", "host", *DENOISER, "--calibration", str(clips), "-o", build)
    run_checked([*edgekit, "export", network, *request], environment)
    noisy = str(DEMO / "clips" / "noisy.wav")
    run_checked([*edgekit, "run", build, noisy, clean, "--record", record], environment)
    run_checked([*edgekit, "replay", record, build], environment)
    return (folder / "clean.wav").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
