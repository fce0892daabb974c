"""The int8 .tflite of the litert target beside the one that LiteRT's own tools make, in the same interpreter.

    python bench litert_own --tools PYTHON [NETWORK ...]

PYTHON is that of an environment with litert-torch and ai-edge-quantizer (`make bench-litert` has one in .venv-peers):
it converts the torch module, calibrates on the same hops and quantizes to int8 weights and activations. Both files then
run in turn, `invoke` alone under the clock, one thread, the fastest of all rounds; SNR is against the float network.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from hops import model, noise
from networks import BENCHMARKS

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.runtime.runners.litert import interpreter_class
from edgekit.runtime.stream import Stream
from edgekit.targets.litert import lower_litert

BENCH = Path(__file__).parents[1]
ROUNDS, CALLS = 40, 100


def ours(name: str, folder: Path) -> Path:
    """Our build of a network, as a folder."""
    build = lower_litert(model(name, "w8a8"), "litert")
    for file, content in build.files.items():
        (folder / file).write_bytes(content)
    (folder / "manifest.json").write_text(build.manifest.to_json(), encoding="utf-8")
    return folder / "model.tflite"


def theirs(name: str, python: str, folder: Path, hops: dict[str, Any]) -> Path:
    """What LiteRT's tools make of it."""
    given, out = folder / "calibration.npz", folder / "theirs.tflite"
    np.savez(given, **hops)
    source = BENCHMARKS[name].source
    command = [python, str(BENCH), "peer_litert", source, str(out), str(given)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return out


def fastest_us(paths: list[Path]) -> list[float]:
    """Microseconds of the fastest invoke of each file, in turn."""
    interpreters = [interpreter_class()(model_path=str(path), num_threads=1) for path in paths]
    best = [np.inf] * len(paths)
    for interpreter in interpreters:
        interpreter.allocate_tensors()
    for _ in range(ROUNDS):
        for i, interpreter in enumerate(interpreters):
            for _ in range(CALLS):
                start = time.perf_counter_ns()
                interpreter.invoke()
                best[i] = min(best[i], (time.perf_counter_ns() - start) / 1000)
    return best


def their_snr_db(name: str, file: Path, hops: dict[str, Any], exact: dict[str, Any]) -> float:
    """The lowest signal-to-noise ratio of their outputs, states carried."""
    interpreter = interpreter_class()(model_path=str(file), num_threads=1)
    run = interpreter.get_signature_runner()
    takes, gives = run.get_input_details(), run.get_output_details()
    names = [str(value.name) for value in model(name, "float32").ir.graph.inputs]
    states = {n: np.zeros(takes[f"args_{i}"]["shape"], np.float32) for i, n in enumerate(names)}
    made: dict[str, list[Any]] = {key: [] for key in exact}
    for hop in range(len(next(iter(hops.values())))):
        now = [hops[n][hop] if n in hops else states[n] for n in names]
        feeds = {f"args_{i}": quantized(a, takes[f"args_{i}"]) for i, a in enumerate(now)}
        for key, q in run(**feeds).items():
            scale, zero = gives[key]["quantization"]
            real = (q.astype(np.float32) - zero) * np.float32(scale) if scale else q
            if key in made:
                made[key].append(real)
            else:
                states[key.removesuffix("_next")] = real
    return min(snr_db(exact[key], np.stack(rows)) for key, rows in made.items())


def quantized(array: Any, detail: dict[str, Any]) -> Any:
    """An input in the file's type."""
    scale, zero = detail["quantization"]
    if not scale:
        return array
    return np.clip(np.rint(array / scale) + zero, -128, 127).astype(detail["dtype"])


def main() -> int:
    """Print one row per network; 1 where ours is more than 5 % slower."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", default=["b", "c"])
    parser.add_argument("--tools", required=True, metavar="PYTHON")
    given = parser.parse_args()
    slow = 0
    print("network  ours us  theirs us  ratio  ours dB  theirs dB  ours bytes  theirs bytes")
    for name in given.networks:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            hops = dict(noise(model(name, "float32"), 60, seed=3))
            files = [ours(name, folder), theirs(name, given.tools, folder, hops)]
            exact = run_hops(model(name, "float32"), hops)
            made = Stream.open(folder).run(hops)
            snr = min(snr_db(array, made[key]) for key, array in exact.items())
            other = their_snr_db(name, files[1], hops, exact)
            mine, their = fastest_us(files)
            sizes = [file.stat().st_size for file in files]
        slow += mine > 1.05 * their
        print(
            f"{name:7}  {mine:7.1f}  {their:9.1f}  {mine / their:5.2f}  {snr:7.1f}  {other:9.1f}  "
            f"{sizes[0]:10,}  {sizes[1]:12,}",
            flush=True,
        )
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
