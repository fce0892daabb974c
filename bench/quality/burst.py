"""How integers recover from a burst: a second of noise at full scale, and then speech at -40 dB.

    python bench burst [NETWORK ...] [--recipes NAME ...] [--clips N] [--set evaluation|tuning]
                           [--data FOLDER] [--rows FILE.jsonl] [--write]

The speech is that of mixtures of the set, which no calibration has, 40 dB below full scale. Each is heard behind the
burst, and behind a second of digital silence in its place; behind the burst also comes digital silence alone. The curve
is the power of the output in stretches of 250 ms, mean of all clips; asked is that the curve of the integers lies
within 0.3 dB of the float network's, and that silence is silent. Both are the generated C. A row is kept once it is
measured.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from numpy.typing import NDArray
from quality.quant_audio import RATE, SETS, in_hops, varied
from quality.quant_bench import DENOISER, Bench
from quality.quant_goals import WAIT_PAGE, fetch_all
from tables import ResultFile, Table

from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.targets.trials import Trials

ROWS = FOLDER.parent / "burst.jsonl"
BEGIN, END = "<!-- burst -->", "<!-- end of burst -->"
NETWORKS = (DENOISER, "GTCRN", "DTLN")
RECIPES = ("w8a8", "auto")
CLIPS = 108  # fewer do not tell 0.3 dB
SPEECH_DBFS, FULL_SCALE = -40.0, 0.99
SECONDS, WINDOW = 3, RATE // 4
MOST_DB, SILENT_DBFS = 0.3, -120.0
HEAD = ("network", "recipe", "first 250 ms", "later", "without a burst", "silence after it")
Curve = NDArray[np.float64]  # powers, (windows,)


@dataclass(frozen=True)
class Kept:
    """A row: curves of powers, (windows,) each, of the float network and of the integers.

    `behind` a burst, `alone`, and in `silence` behind a burst.
    """

    network: str
    recipe: str
    clips: int
    behind: tuple[Sequence[float], Sequence[float]]
    alone: tuple[Sequence[float], Sequence[float]]
    silence: tuple[Sequence[float], Sequence[float]]
    set: str = "evaluation"


def sounds(
    data: Path, named: str, count: int
) -> tuple[list[Samples], list[Samples], list[Samples]]:
    """Clips of speech behind bursts, of the same speech behind silence, and of bursts before silence."""
    behind, alone, silence = [], [], []
    for number, mixed in enumerate(varied(data, SETS[named], count)):
        level = np.sqrt(np.mean(np.square(mixed.noisy)))
        speech = mixed.noisy * np.float32(10 ** (SPEECH_DBFS / 20) / level)
        drawn = np.random.default_rng(number).uniform(-FULL_SCALE, FULL_SCALE, RATE)
        burst, nothing = drawn.astype(np.float32), np.zeros(RATE, np.float32)
        behind.append(np.concatenate([burst, speech]))
        alone.append(np.concatenate([nothing, speech]))
        silence.append(np.concatenate([burst, np.zeros_like(speech)]))
    return behind, alone, silence


def curves(model: Model, clips: Sequence[Samples]) -> Curve:
    """Powers of what the generated C makes of clips behind their first second, its delay taken away, (windows,)."""
    trials = Trials(model, [in_hops(model, clip) for clip in clips], quick=True)
    start, (name,) = RATE + (model.stream.delay_samples or 0), trials.outputs
    (made,) = trials.run(lambda _, found: np.ravel(found[name])[start:].astype(np.float64))
    windows = min(len(samples) for samples in made) // WINDOW
    cut = np.stack([samples[: windows * WINDOW] for samples in made])
    return np.asarray(np.square(cut).reshape(len(cut), windows, WINDOW).mean(axis=(0, 2)))


def row(bench: Bench, name: str, recipe: str, count: int, named: str) -> Kept:
    """Measure a network in a recipe, on the set of this name."""
    model, made = bench.model(name), bench.made(name, recipe).quantized
    groups = sounds(bench.data, named, count)
    clips = [clip for group in groups for clip in group]
    pairs = []
    for first in range(0, len(clips), count):
        group = clips[first : first + count]
        pairs.append((curves(model, group).tolist(), curves(made, group).tolist()))
    return Kept(name, recipe, count, *pairs, set=named)


def apart(pair: tuple[Sequence[float], Sequence[float]]) -> Curve:
    """By how many dB the curve of the integers is above that of the float network, (windows,)."""
    exact, found = (np.maximum(powers, 1e-14) for powers in pair)
    return np.asarray(10 * np.log10(found / exact))


def cells(kept: Kept) -> tuple[str, ...]:
    """A row as the table shows it: the difference that is largest, dB."""
    behind, alone = apart(kept.behind), apart(kept.alone)
    loudest = 10 * np.log10(max(max(kept.silence[1][1:]), 1e-20))
    silent = "silent" if loudest < SILENT_DBFS else f"{loudest:.0f} dBFS"
    found = [behind[:1], behind[1:], alone]
    said = [f"{part[np.argmax(np.abs(part))]:+.1f}" for part in found]
    return (kept.network, kept.recipe, *said, silent)


def main() -> int:
    """Measure what lacks and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), metavar="NAME")
    parser.add_argument("--clips", type=int, default=CLIPS, metavar="N")
    parser.add_argument("--set", choices=SETS, default="evaluation", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--rows", type=Path, default=ROWS, metavar="FILE")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{WAIT_PAGE.name}")
    given = parser.parse_args()
    fetch_all(given.data)
    bench, file, rows, table = Bench(given.data), ResultFile(given.rows, Kept), [], Table(*HEAD)
    kept = {(row.network, row.recipe, row.clips, row.set): row for row in file.read()}
    for name, recipe in ((n, r) for n in given.networks for r in given.recipes):
        key = name, recipe, given.clips, given.set
        if key not in kept:
            kept[key] = row(bench, *key)
            file.append(kept[key])
        rows.append(kept[key])
    missed = 0
    for found in rows:
        behind, shown = apart(found.behind), cells(found)
        most = float(np.abs(behind).max())
        met = most <= MOST_DB and shown[-1] == "silent"
        missed += not met
        print(table.add_row(*shown))
        print("  curve, dB:", " ".join(f"{value:+.1f}" for value in behind))
        print(f"  {'met' if met else 'missed'}: {most:.2f} dB, {MOST_DB:g} asked; {shown[-1]}")
    if given.write:
        table.put(WAIT_PAGE, BEGIN, END)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
