"""What every verb does in an install of its own: with an extra that it needs it works, else it names the extra.

    PYTHONPATH=bench python tests/installs.py      all sets: torch comes as pip's index has it, maybe gigabytes
    PYTHONPATH=bench python tests/installs.py bare audio ethos-u export+torch+audio

As a script, has pip install the wheels without extras, with each extra alone, and with all, and tries every verb in
each. Prints what a verb did that it should not have done, and exits with 1 where one did. Each environment is removed
when it was tried: the largest takes some gigabytes.
"""

import os
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import tiny_build
import tiny_networks
from forked import Elsewhere
from packaging.requirements import Requirement

from edgekit import api
from edgekit.base.installation import DISTRIBUTION, EXTRAS

ROOT = Path(__file__).parent.parent
BARE: tuple[str, ...] = ()
README = ("export", "torch", "audio")
# extra -> extras that it brings
BRINGS = {
    "torch": ("export",),
    "litert": ("export",),
    "ethos-u": ("litert", "export"),
    "wasm": ("export",),
    "hls": ("export",),
    "demo": ("audio", "export"),
    "train": ("torch", "export"),
}
SETS = (
    BARE,
    ("export",),
    ("torch",),
    ("litert",),
    ("ethos-u",),
    ("wasm",),
    ("hls",),
    ("audio",),
    ("mic",),
    ("updates",),
    ("dask",),
    ("demo",),
    ("train",),
    README,
    ("ethos-u", "wasm", "hls", "mic", "updates", "dask", "demo", "train"),
)

# Of nobody: an Ed25519 private key of 32 zero bytes, as RFC 8410 writes it.
KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
-----END PRIVATE KEY-----
"""
FACTORY = """
import torch


def factory():
    return torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU()), (torch.rand(1, 8),)
"""


@dataclass(frozen=True)
class Use:
    """One command: its arguments in the folder that `files` fills, the extra without which it cannot work.

    `stops`: it runs until Ctrl-C, which it gets when it has printed a line. `refuses`: what it may say in the place of
    its result.
    """

    arguments: str
    extra: str | None = None
    slow: bool = False
    stops: bool = False
    refuses: str | None = None


USES = (
    Use("--version"),
    Use("doctor"),
    Use("targets"),
    Use("inspect build"),
    Use("run build in.npz bare.npz"),
    Use("bench build --hops 3"),
    Use("run build in.wav out.wav"),
    Use("run build float.wav out.wav", "audio"),
    Use("invert draws images.npz -o maps.npz"),
    Use("sample draws -n 2 -o again.npz --start maps.npz --noise maps.npz"),
    Use("serve page --port 0", stops=True),
    Use("bundle external -o weights.bundle --key key.pem --release 1", "updates"),
    Use("inspect net.onnx", "export"),
    Use("prune net.onnx --pattern 1:4 --smallest 1 -o sparse.onnx", "export"),
    Use(
        "finetune net.onnx --recipe w8a8 --calibration clips --steps 1 -o tuned.onnx",
        "torch",
        refuses="nothing is written",
    ),
    Use("stream offline.onnx -o hop.onnx", "export"),
    Use("quantize net.onnx --recipe w8a8 --calibration clips -o int8.onnx", "export"),
    Use("export net.onnx --target c99 -o portable", "export"),
    Use("export net.onnx --target onnxruntime -o ort", "export"),
    Use("export net.onnx --target litert -o lite", "litert"),
    Use("export net.onnx --target ethos-u55 --calibration clips -o npu", "ethos-u"),
    Use("export net.onnx --target wasm -o web", "wasm"),
    Use("export picture.onnx --target fpga --datapath hls --calibration pictures -o engine", "hls"),
    Use("export own:factory --target c99 -o own", "torch"),
    Use("export denoiser.onnx --sampler sampler.toml --target c99 -o drawn", "export"),
    Use("clips sounds"),
    Use("clips pairs --channels 2"),
    Use("demo"),
    Use("demo digits", "demo", slow=True),
    Use("demo denoise", slow=True),
    Use("demo deform", "demo", slow=True),
    Use("demo compressor", "demo", slow=True),
    Use("demo browser", "wasm", slow=True, refuses="pip install soundfile soxr"),
)


def files(folder: Path) -> None:
    """Write the networks, the build and the recordings that `USES` name."""
    tiny_networks.recurrent(folder / "net.onnx")
    tiny_networks.offline(folder / "offline.onnx")
    build = tiny_build.write(folder / "build")
    random = np.random.default_rng(0)
    hops = random.standard_normal((3, 1, tiny_build.HOP)).astype(np.float32)
    (build / "golden").mkdir()
    np.savez(build / "golden" / "input.npz", pcm=hops)
    np.savez(
        build / "golden" / "output.npz",
        pcm_out=tiny_build.expected(hops.ravel()).reshape(hops.shape),
    )
    np.savez(folder / "in.npz", pcm=hops)
    soundfile.write(folder / "in.wav", np.zeros(1600), 16000)
    soundfile.write(folder / "float.wav", np.zeros(1600), 16000, subtype="FLOAT")
    (folder / "clips").mkdir()
    noise = random.standard_normal((60, 1, tiny_networks.WIDTH)).astype(np.float32)
    np.savez(folder / "clips" / "noise.npz", x=noise)
    tiny_networks.picture(folder / "picture.onnx")
    (folder / "pictures").mkdir()
    picture = random.standard_normal((8, 1, 4, 8, 8)).astype(np.float32)
    np.savez(folder / "pictures" / "noise.npz", x=picture)
    (folder / "own.py").write_text(FACTORY)
    tiny_networks.denoiser(folder / "denoiser.onnx")
    (folder / "sampler.toml").write_text(tiny_networks.SAMPLER_TOML)
    api.export(folder / "denoiser.onnx", "c99", folder / "draws", sampler=folder / "sampler.toml")
    np.savez(folder / "images.npz", x=np.zeros((2, tiny_networks.WIDTH), np.float32))
    api.export(folder / "net.onnx", "c99", folder / "external", weights="external")
    (folder / "key.pem").write_text(KEY)
    (folder / "page").mkdir()
    (folder / "page" / "index.html").write_text("<!doctype html>")


def faults(edgekit: Path, extras: tuple[str, ...], folder: Path, slow: bool) -> Iterator[str]:
    """Run every command of `USES`; yield what it did where that is not what this install should do."""
    here = {extra for given in extras for extra in (given, *BRINGS.get(given, ()))}
    with Elsewhere(edgekit.parent / "python", folder, clean()) as there:
        for use in USES:
            able = use.extra is None or use.extra in here
            if use.slow and able and not slow:
                continue
            if use.stops:
                code, said = ran(edgekit, use, folder)
            else:
                code, said = there.run(f"edgekit {use.arguments}")
            yield from _fault(use, able, code, said)


def _fault(use: Use, able: bool, code: int, said: str) -> Iterator[str]:
    if able and code and (use.refuses is None or use.refuses not in said):
        yield f"{use.arguments}: exit code {code}: {said}"
    elif not able and (code != 1 or "pip install " not in said):
        yield f"{use.arguments}: exit code {code}, no pip command: {said}"
    elif use.extra and not able and not any(EXTRAS[e][-1] in said for e in (use.extra, "audio")):
        yield f"{use.arguments}: another extra than {use.extra}: {said}"


def heed_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ran(edgekit: Path, use: Use, folder: Path) -> tuple[int, str]:
    """Run a command that Ctrl-C stops; returns its exit code and what it printed."""
    with subprocess.Popen(
        [edgekit, *use.arguments.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean(),
        preexec_fn=heed_interrupts,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
    return process.returncode, said


def clean() -> dict[str, str]:
    """This process's environment without paths of modules, and with a wide screen."""
    return {n: v for n, v in os.environ.items() if n != "PYTHONPATH"} | {"COLUMNS": "200"}


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder; nothing is left in the checkout."""
    copy = folder / "checkout"
    stages = [path.name for path in (ROOT / "src" / "edgekit").iterdir() if path.is_symlink()]
    for name in ("src", "docs", *stages):
        shutil.copytree(ROOT / name, copy / name, symlinks=True)
    for name in ("pyproject.toml", "PYPI.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-c", "import setuptools.build_meta as b; b.build_wheel('..')"],
        cwd=copy,
        env=clean(),
        capture_output=True,
        text=True,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def linked(environment: Path, wheel: Path, extras: tuple[str, ...]) -> Path:
    """Fill a new venv with a wheel and links to what its extras require, as this Python has it; returns `edgekit`.

    Nothing is downloaded: it holds what pip would install, in the versions of this environment.
    """
    (packages,) = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for distribution in required(wheel, extras):
        for file in metadata.files(distribution) or ():
            top = packages / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__") and not top.exists():
                top.symlink_to(
                    Path(str(file.locate())).parents[len(file.parts) - 2]
                    if len(file.parts) > 1
                    else Path(str(file.locate()))
                )
    edgekit = environment / "bin" / "edgekit"
    edgekit.write_text(
        f"#!{environment / 'bin' / 'python'}\nfrom edgekit.cli import main\n\nmain()\n"
    )
    edgekit.chmod(0o755)
    return edgekit


def required(wheel: Path, extras: tuple[str, ...]) -> set[str]:
    """Names of the distributions that pip would install for the wheel with these extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    own = DISTRIBUTION
    lines = [
        line.removeprefix("Requires-Dist: ")
        for line in text.splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    found: set[str] = set()
    done: set[tuple[str, str]] = set()
    queue = [(own, extra) for extra in ("", *extras)]
    while queue:
        name, extra = queue.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        if name != own:
            try:
                lines_of = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue  # of another platform, or one that this environment does not have
            found.add(name)
        for line in lines if name == own else lines_of:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                queue += [(wanted.name, inner) for inner in ("", *wanted.extras)]
    return found


def main() -> int:
    """Try the named sets of extras, or all."""
    named = [tuple(e for e in word.split("+") if e != "bare") for word in sys.argv[1:]] or SETS
    failed = 0
    with TemporaryDirectory(prefix="edgekit-") as name:
        command = [sys.executable, "bench", "release", str(Path(name) / "wheels")]
        subprocess.run(command, cwd=ROOT, check=True)
        wheel, demo_wheel = sorted((Path(name) / "wheels").glob("*.whl"))
        work = Path(name) / "files"
        work.mkdir()
        files(work)
        for extras in named:
            label = "+".join(extras) or "bare"
            folder = Path(name) / label
            venv.create(folder / "venv", with_pip=True)
            python, wanted = folder / "venv" / "bin" / "python", f"[{','.join(extras)}]"
            wheels = (f"{wheel}{wanted if extras else ''}", demo_wheel)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *wheels], env=clean(), check=True
            )
            shutil.copytree(work, folder / "work")
            edgekit = folder / "venv" / "bin" / "edgekit"
            found = list(faults(edgekit, extras, folder / "work", slow=True))
            print(f"{label}: {'ok' if not found else f'{len(found)} faults'}", flush=True)
            for fault in found:
                print(f"  {fault}")
            failed += len(found)
            shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
