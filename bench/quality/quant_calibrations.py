"""What the choice of a calibration costs a network: six calibrations, judged on mixtures that none of them has.

    python bench quant_calibrations [NETWORK ...] [--recipes NAME ...] [--calibrations NAME ...] [--mixtures N]
                                [--set evaluation|tuning] [--data FOLDER] [--rows FILE.jsonl] [--kept] [--write]

A cell is the mean and the worst loss of SI-SDR against the float network in dB, of a detector the decisions that
change in %, in brackets the mean SNR. Mixtures are those of `quant_goals.py` at each level; *stated* is the SNR, or
the share of decisions as in float, that an export states at 0, -20 and -30 dB. Rows are kept as there. `--write` leaves
rows of the page that this call has not as they are. Each statement is compared with what mixtures of the same
level show.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from demonstrations.recordings import refuse_unlisted
from demonstrations.speech_data import FOLDER
from published_signals import mixture
from quality import quant_audio, quant_goals
from quality.quant_audio import CALIBRATION, SECONDS, SETS, in_hops
from quality.quant_bench import DENOISER, Bench, apply_recipe
from quality.quant_goals import INSIDE, OURS, PAGE, SILERO, fetch_all, honest
from quality.quant_levels import LEVELS_DB, Kept, Levels
from tables import ResultFile, Table, rows_between

from edgekit.base.errors import EdgeKitError
from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.runtime.build_folder.levels import MOST_MARGIN_DB

ROWS = FOLDER.parent / "quant-calibrations.jsonl"
BEGIN, END = "<!-- quant-calibrations -->", "<!-- end of quant-calibrations -->"
NETWORKS = ("GTCRN", "DTLN", DENOISER, SILERO)
RECIPES = ("w8a8", "auto")
MIXTURES = 36
MIXED_DBFS = (-20, -50, -32, -60, -26, -80, -16, -38)  # of the clips in turn
NOISES = (*(noise for _, noise, _ in CALIBRATION), "wind", "white-noise")
HEAD = ("network", "recipe", "calibration", "int8, %", *(f"at {x} dB" for x in LEVELS_DB), "stated")


@dataclass(frozen=True)
class Mixed:
    """A clip: a voice, a noise, their ratio in dB, and the level of both; None for that of the recordings."""

    voice: str
    noise: str
    snr_db: float
    dbfs: float | None = None


PLAIN = [Mixed(*row) for row in CALIBRATION]
CALIBRATIONS: Mapping[str, Sequence[Mixed]] = {
    "one level": PLAIN,
    "mixed levels": [replace(m, dbfs=x) for m, x in zip(PLAIN, MIXED_DBFS, strict=True)],
    "2 clips": PLAIN[:2],
    "20 clips": [
        Mixed(("en", "es")[n % 2], NOISES[3 * n % len(NOISES)], (0, 5, 10, 3)[n % 4])
        for n in range(20)
    ],
    "noise alone": [replace(m, voice="") for m in PLAIN],
    "another language": [replace(m, voice="fr") for m in PLAIN],
}


@dataclass(frozen=True)
class CalibratedRow:
    """A row of `quant_levels`, and the calibration it came from; `warned` are the export's notes on that."""

    calibration: str
    kept: Kept
    warned: Sequence[str]


def read_row(calibration: str, kept: Mapping[str, object], warned: Sequence[str]) -> CalibratedRow:
    """Return a row of the file."""
    return CalibratedRow(calibration, Kept(**kept), warned)  # type: ignore[arg-type]


def sounds(data: Path, name: str) -> Iterator[Samples]:
    """Yield the clips of a calibration, (samples,)."""
    clips = CALIBRATIONS[name]
    refuse_unlisted([m.voice for m in clips if m.voice], [m.noise for m in clips])
    for number, made in enumerate(clips):
        noise = quant_audio.noise(data, made.noise, SECONDS, 2.0)
        spoken = quant_audio.speech(data, made.voice, SECONDS, number) if made.voice else noise
        mixed = mixture(spoken, noise, made.snr_db) if made.voice else noise
        if made.dbfs is not None:
            mixed = mixed * np.float32(10 ** (made.dbfs / 20) / np.sqrt(np.mean(mixed**2)))
        yield quant_audio.as_16_bit_file(mixed)


def calibration(data: Path, model: Model, name: str) -> Calibration:
    """Return a calibration as an export reads it."""
    clips = tuple(in_hops(model, heard) for heard in sounds(data, name))
    return at_common_level(model, Calibration(clips, name))


class Calibrations:
    """The mixtures at every level, and what float networks make of them."""

    def __init__(self, data: Path, named: str, mixtures: int) -> None:
        """Take the folder of `speech_data` and the set of this name."""
        self.data = data
        self._levels = Levels(Bench(data, SETS[named]), named, mixtures, pesq=False)

    def row(self, network: str, recipe: str, name: str) -> CalibratedRow:
        """Measure a network in a recipe with a calibration."""
        model = self._levels.bench.model(network)
        clips = calibration(self.data, model, name)
        made = apply_recipe(model, clips, recipe)
        kept = self._levels.row_of(network, recipe, made)
        return CalibratedRow(name, kept, made.notes)


def cells(row: CalibratedRow) -> Sequence[str]:
    """Return a row as the table shows it."""
    kept, found = row.kept, []
    for level in map(str, LEVELS_DB):
        lost = [x for x in kept.lost[level] if not np.isnan(x)]
        text = f"{np.mean(lost):.2f} / {max(lost):.2f}"
        ratios = kept.ratios.get(level)
        found.append(f"{text} [{np.mean(ratios):.1f}]" if ratios else text)
    said = (_statement_text(says) for says in kept.stated.values())
    share = f"{100 * (kept.int8 or 0):.1f}"
    return (kept.network, kept.recipe, row.calibration, share, *found, ", ".join(said))


def _statement_text(says: Mapping[str, float | None]) -> str:
    if says["alike"] is not None:
        least = says.get("least_alike")
        others = "" if least is None else f" (≥ {100 * least:.1f})"
        return f"{100 * says['alike']:.2f}{others} %"
    if says["snr_db"] is None:
        return "equal"
    margin = says.get("margin_db")
    within = "" if margin is None or margin > MOST_MARGIN_DB else f" ±{margin:.1f}"
    return f"{says['snr_db']:.1f}{within}"


def spread(rows: Sequence[CalibratedRow]) -> Iterator[tuple[str, bool]]:
    """Yield what was asked of each network and recipe over the calibrations with speech, and whether it is so."""
    for network, recipe in dict.fromkeys((r.kept.network, r.kept.recipe) for r in rows):
        of = [r for r in rows if (r.kept.network, r.kept.recipe) == (network, recipe)]
        speech = [r.kept for r in of if r.calibration != "noise alone"]
        means = [np.mean([np.nanmean(lost) for lost in kept.lost.values()]) for kept in speech]
        shares = [100 * (kept.int8 or 0) for kept in speech]
        if speech:
            asked = 0.1 if recipe == "auto" else 0.2
            apart, shift = max(means) - min(means), max(shares) - min(shares)
            yield f"{network}, {recipe}: losses {apart:.2f} apart, {asked} asked", apart <= asked
            yield f"{network}, {recipe}: int8 shares {shift:.1f} points apart, 3 asked", shift <= 3
        for row in (r for r in of if r.calibration == "noise alone"):
            yield f"{network}, {recipe}: noise alone is warned of", bool(row.warned)


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--recipes", nargs="+", default=RECIPES, metavar="NAME")
    parser.add_argument("--calibrations", nargs="+", default=list(CALIBRATIONS), metavar="NAME")
    parser.add_argument("--mixtures", type=int, default=MIXTURES, metavar="N")
    parser.add_argument("--set", choices=SETS, default="evaluation", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--rows", type=Path, default=ROWS, metavar="FILE")
    parser.add_argument("--kept", action="store_true", help="measure nothing that lacks")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    fetch_all(given.data)
    file = ResultFile(given.rows, read_row)
    known = {
        (r.kept.network, r.kept.recipe, r.calibration): r
        for r in file.read()
        if (r.kept.set, r.kept.mixtures) == (given.set, given.mixtures)
    }
    bench, table = Calibrations(given.data, given.set, given.mixtures), Table(*HEAD)
    rows: list[CalibratedRow] = []
    for network, recipe, name in (
        (n, r, c) for n in given.networks for r in given.recipes for c in given.calibrations
    ):
        row = known.get((network, recipe, name))
        if row is None and not given.kept:
            try:
                row = bench.row(network, recipe, name)
            except EdgeKitError as error:
                print(f"{network}, {recipe}, {name}: {error}", file=sys.stderr, flush=True)
                continue
            file.append(row)
        if row is not None:
            print(table.add_row(*cells(row)), file=sys.stderr, flush=True)
            rows.append(row)
    table.show()
    statements = [
        (f"{row.calibration}, {said}", met)
        for row in rows
        if row.calibration != "noise alone"
        for said, met in honest(row.kept)
    ]
    asked = [*spread(rows), *statements]
    for said, met in asked:
        print(f"{'met' if met else 'missed'}: {said}")
    ratios = [(said, met) for said, met in statements if "ratio" in said]
    near, inside = sum(met for _, met in ratios), sum(said.endswith(INSIDE) for said, _ in ratios)
    print(f"of {len(ratios)} stated ratios {near} are within 1 dB, {inside} within their margin")
    if given.write:
        write(table)
    return int(not all(met for _, met in asked))


def write(table: Table) -> None:
    """Put the rows into the page; what this call has not stays there as it is."""
    found = {tuple(line[:3]): line for line in (*rows_between(PAGE, BEGIN, END), *table.rows)}
    order = list(product(quant_goals.NETWORKS, OURS, CALIBRATIONS))
    table.rows = [found[key] for key in sorted(found, key=order.index)]
    table.put(PAGE, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
