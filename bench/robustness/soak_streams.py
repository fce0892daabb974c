"""Minutes of sound through builds of other targets: in blocks of random length, with constants that change in flight.

    python bench soak_streams [--minutes 10] [--targets c99 wasm onnxruntime litert] [--recipes float32 w8a8]

The bundled denoiser takes a noisy sentence hop by hop at changing levels, and a small offline network takes noise in
blocks of random length while its session constants change. In the last seconds a fresh instance stands beside each: the
denoiser's may differ by what rounding leaves, the small network has forgotten what was before and gives the same bits.
Prints a line per build; exits with 1 where they differ by more, or memory grew.
"""

import argparse
import resource
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import session_network
from robustness.soak import DRIFT_DB, GROWTH_KB

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS, NETWORK, OPTIONS
from edgekit.export.hop_runner import snr_db
from edgekit.runtime.stream import Stream

TARGETS = ("c99", "wasm", "onnxruntime", "litert")
SECONDS, FRAMES = 30, 200  # beside a fresh instance, at the end
TURN = 50  # blocks between two changes of the constants
HOP = 4  # frames
LONGEST = 400  # frames of a block
FRAMES_PER_MINUTE = 60 * 125


def denoiser(target: str, recipe: str, minutes: float, folder: Path) -> str:
    """Hop by hop; returns what was found, with FAILED in front of what should not be."""
    options: dict[str, Any] = {
        "sample_rate": OPTIONS.sample_rate,
        "frontend": str(OPTIONS.frontend),
    }
    if recipe != "float32":
        options["calibration"] = str(CLIPS / "calibration")
    api.export(str(NETWORK), target, folder, recipe=recipe, **options)
    old, fresh = Stream.open(folder), Stream.open(folder)
    (name,) = (tensor.name for tensor in old.manifest.hop_inputs)
    (shape,) = (tensor.shape for tensor in old.manifest.hop_inputs)
    samples = read_wav(CLIPS / "noisy.wav").samples.astype(np.float32).ravel()
    size = int(np.prod(shape))
    sentence = samples[: samples.size // size * size].reshape(-1, *shape)
    random, rate = np.random.default_rng(0), OPTIONS.sample_rate or 16000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for hop in range(int(minutes * 60 * rate) // size):
        if hop % (6 * rate // size) == 0:
            level = np.float32(10 ** random.uniform(-3, 0))
        old.process({name: level * sentence[hop % len(sentence)]})
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    made: list[list[Any]] = [[], []]
    for hop in range(SECONDS * rate // size):
        for stream, found in zip((old, fresh), made, strict=True):
            outputs = stream.process({name: sentence[hop % len(sentence)]})
            found.append(next(iter(outputs.values())))
    drift = -snr_db(*(np.array(found[-len(found) // 10 :]) for found in (made[1], made[0])))
    failed = "" if growth <= GROWTH_KB * 16 and drift <= DRIFT_DB else "FAILED: "
    return f"{failed}{growth} kB more, {drift:.1f} dB beside a fresh instance"


def blocks(target: str, minutes: float, folder: Path) -> str:
    """Blocks of random length, other constants every `TURN` of them; returns as `denoiser`."""
    source = session_network.network(folder.with_suffix(".onnx"))
    api.export(str(source), target, folder, session_constants=["speaker", "level"], hop=HOP)
    old, fresh = Stream.open(folder), Stream.open(folder)
    shapes = {tensor.name: tensor.shape for tensor in old.manifest.constants}
    random = np.random.default_rng(0)

    def noise(*shape: int) -> np.ndarray[Any, Any]:
        return random.standard_normal(shape).astype(np.float32)

    frames = turns = count = 0
    while frames < minutes * FRAMES_PER_MINUTE:
        if count % TURN == 0:
            constants = {constant: noise(*shape) for constant, shape in shapes.items()}
            old.session(constants)
            turns += 1
        length = int(random.integers(0, LONGEST))
        old.push({"x": noise(1, session_network.WIDTH, length)})
        frames, count = frames + length, count + 1
    old.push({"x": noise(1, session_network.WIDTH, -frames % HOP)})  # to a whole hop
    fresh.session(constants)
    last = noise(1, session_network.WIDTH, FRAMES)
    ours, theirs = (next(iter(s.push({"x": last}).values())) for s in (old, fresh))
    same = np.array_equal(ours[..., -FRAMES // 2 :], theirs[..., -FRAMES // 2 :])
    return f"{'' if same else 'FAILED: '}{count} blocks, {turns} sessions, the same bits: {same}"


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--recipes", nargs="+", default=["float32", "w8a8"])
    given = parser.parse_args()
    failed = 0
    for target in given.targets:
        with tempfile.TemporaryDirectory() as scratch:
            rows = {
                f"denoiser {recipe}": partial(denoiser, target, recipe) for recipe in given.recipes
            }
            for name, run in {**rows, "blocks": partial(blocks, target)}.items():
                try:
                    told = run(given.minutes, Path(scratch) / name.replace(" ", "-"))
                except UsageError as error:
                    told = f"refused: {error}"
                failed += told.startswith("FAILED")
                print(f"{target} {name}, {given.minutes:g} minutes: {told}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
