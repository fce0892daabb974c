"""What quantization costs networks that others trained, on voices and noises that calibration has not heard.

    python bench/quant_goals.py [--only REGEX] [--set evaluation|tuning] [--data FOLDER] [--out FILE.jsonl]

Speech and noise come from Debian packages (`bench/speech_data.py`), the networks from PyPI
(`bench/published_networks.py`). Every figure is of the generated C, states carried, beside the C of the float
network. PESQ and STOI need `pip install pesq pystoi`.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import quant_audio
from published_measure import whole_options
from published_networks import CACHE, fetch, path_of
from published_pipelines import PIPELINES
from quant_audio import IN_WIND, SETS, Loss, Mixture, MixtureSet, loss, outputs
from rich.console import Console
from rich.table import Table
from speech_data import FOLDER
from speech_data import fetch as fetch_speech

from edgekit.base.errors import EdgeKitError
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs
from edgekit.targets.trials import Trials
from edgekit.verbs.auto import search as auto
from edgekit.verbs.auto.measure import cache_folder
from edgekit.verbs.export.equalizing import settled
from edgekit.verbs.export.importing import load_model

WIND = ("es", "wind", 0.0)
LEVELS_DB = (0, -20, -30, -40)
SILERO = "Silero VAD, opset 15"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured of what, and the goal it was held to."""

    network: str
    condition: str
    measured: str
    goal: str
    met: bool


class Bench:
    """The networks, their calibrations and what was found for them; each is made once."""

    def __init__(self, data: Path, of: MixtureSet = quant_audio.EVALUATION) -> None:
        """Take the folder of `speech_data`, and what is measured on."""
        self.data, self.set = data, of

    @cache  # noqa: B019
    def model(self, name: str) -> Model:
        """A published pipeline, or the bundled denoiser, as one network from PCM."""
        if name == "denoiser":
            return load_model(str(NETWORK), OPTIONS).model
        pipeline = PIPELINES[name]
        return load_model(
            str(path_of(pipeline.networks[0], CACHE)), whole_options(pipeline, CACHE)
        ).model

    def calibration(self, name: str, wind: bool = False) -> Calibration:
        """Speech in noise; with or without a clip in wind."""
        return quant_audio.calibration(self.data, self.model(name), [WIND] if wind else [])

    @cache  # noqa: B019
    def found(self, name: str, wind: bool = False) -> tuple[Model, Recipe, float]:
        """What `auto` makes of a network, its recipe, and how many processor seconds that took."""
        start = time.process_time()
        result = auto.find(
            self.model(name), self.calibration(name, wind), None, _quiet, cache_folder()
        )
        return result.quantized, result.recipe, time.process_time() - start

    def quantized(self, name: str, recipe: str) -> Model:
        """A network in a recipe that ships, as an export makes it."""
        model, calibration = self.model(name), self.calibration(name)
        found = settled(model, calibration, RECIPES[recipe], _quiet)
        return quantize_observed(found.seen, found.recipe, calibration.label)

    @cache  # noqa: B019
    def exact(self, name: str, of: MixtureSet, snr_db: float, gain_db: float) -> list[np.ndarray]:
        """What the float network makes of them."""
        return outputs(self.model(name), self.mixtures(of, snr_db, gain_db))

    @cache  # noqa: B019
    def mixtures(self, of: MixtureSet, snr_db: float, gain_db: float) -> list[Mixture]:
        """What is listened to."""
        return quant_audio.mixtures(self.data, of, snr_db, gain_db)

    def row(
        self,
        name: str,
        quantized: Model,
        condition: str,
        snr_db: float = 5.0,
        gain_db: float = 0.0,
        of: MixtureSet | None = None,
        mean: float = 0.1,
        worst: float = np.inf,
        pesq: float = np.inf,
    ) -> Row:
        """Measure one condition against its goal, on the bench's mixtures where no others are named."""
        return _row(
            name, condition, self.lost(name, quantized, snr_db, gain_db, of), mean, worst, pesq
        )

    def lost(
        self,
        name: str,
        quantized: Model,
        snr_db: float = 5.0,
        gain_db: float = 0.0,
        of: MixtureSet | None = None,
    ) -> Loss:
        """What a network loses against its float form."""
        mixtures = self.mixtures(of or self.set, snr_db, gain_db)
        exact = self.exact(name, of or self.set, snr_db, gain_db)
        return loss(mixtures, exact, outputs(quantized, mixtures))


def _row(name: str, condition: str, lost: Loss, mean: float, worst: float, pesq: float) -> Row:
    goals = (
        ("mean", lost.mean_db, mean),
        ("worst", lost.worst_db, worst),
        ("PESQ", lost.pesq, pesq),
    )
    stoi = "" if lost.stoi is None else f", STOI {lost.stoi:.4f}"
    said = ", ".join(f"{what} {value:.3f}" for what, value, _ in goals if value is not None)
    return Row(
        name,
        condition,
        f"{said}{stoi}, SNR {lost.snr_db:.1f} dB",
        ", ".join(f"{what} <= {goal:g}" for what, _, goal in goals if np.isfinite(goal)),
        all(value is None or value <= goal for _, value, goal in goals),
    )


def gtcrn(bench: Bench) -> Iterator[Row]:
    """The acceptance of GTCRN with `auto`."""
    name = "GTCRN"
    quantized, _, seconds = bench.found(name)
    manifest = with_macs(describe(quantized, "host"), quantized)
    share = manifest.macs_int8 / manifest.macs_per_hop
    yield Row(
        name,
        "auto",
        f"int8 {share:.3f} of MACs; search {seconds:.0f} s CPU",
        ">= 0.8",
        share >= 0.8,
    )
    for snr_db in (5.0, 0.0):
        yield bench.row(name, quantized, f"auto, {snr_db:g} dB", snr_db, worst=0.3, pesq=0.03)
    yield bench.row(name, quantized, "auto, in wind", of=IN_WIND, mean=0.3)
    windy, _, _ = bench.found(name, wind=True)
    yield bench.row(name, windy, "auto, calibrated with wind", worst=0.3)
    yield bench.row(name, windy, "auto, calibrated with wind, in wind", of=IN_WIND, mean=0.3)


def levels(bench: Bench) -> Iterator[Row]:
    """What each recipe loses at each level, of networks that take PCM; `auto` against w8a16."""
    for name in ("GTCRN", "DTLN", "NSNet2", "denoiser"):
        made = {r: bench.quantized(name, r) for r in ("w8a16", "w8a8")}
        made["auto"] = bench.found(name)[0]
        for level in LEVELS_DB:
            of = {r: bench.lost(name, quantized, gain_db=level) for r, quantized in made.items()}
            for recipe, lost in of.items():
                mean = worst = np.inf
                if recipe == "auto":
                    mean, worst = of["w8a16"].mean_db + 0.05, of["w8a16"].worst_db + 0.15
                yield _row(name, f"{recipe}, {level} dB level", lost, mean, worst, np.inf)


def gtcrn_int4(bench: Bench) -> Iterator[Row]:
    """The types of `auto` with int4 weights."""
    _, recipe, _ = bench.found("GTCRN")
    for rounding in ("gptq", "adaround"):
        narrow = replace(
            recipe, name="auto-w4", weights="int4", rounding=rounding, bias_correction=True
        )
        quantized = quantize(bench.model("GTCRN"), bench.calibration("GTCRN"), narrow)
        yield bench.row("GTCRN", quantized, f"auto's types, int4 weights by {rounding}", mean=0.7)


def others(bench: Bench) -> Iterator[Row]:
    """DTLN, NSNet2 and the bundled denoiser."""
    for name, mean in (("DTLN", 0.2), ("NSNet2", 0.05)):
        quantized, _, _ = bench.found(name)
        yield bench.row(name, quantized, "auto", mean=mean)
    name = "denoiser"
    quantized = bench.quantized(name, "w8a8")
    yield bench.row(name, quantized, "w8a8", mean=0.1)


def silero(bench: Bench) -> Iterator[Row]:
    """Decisions of the voice activity detector."""
    quantized, _, _ = bench.found(SILERO)
    mixtures = bench.mixtures(bench.set, 5.0, 0.0)
    heard = [outputs(model, mixtures) for model in (bench.model(SILERO), quantized)]
    exact, found = (np.concatenate(clips) >= 0.5 for clips in heard)
    same = float(np.mean(exact == found))
    measured = f"{same:.4f} of {len(exact)} frames decided alike, {exact.mean():.2f} of them speech"
    yield Row(SILERO, "auto", measured, ">= 0.995", same >= 0.995)


def digits(_: Bench) -> Iterator[Row]:
    """An image classifier."""
    import digits_net

    model = load_model(
        "digits_net:factory", replace(OPTIONS, frontend=None, sample_rate=None)
    ).model
    images, _, tests, labels = digits_net.data()
    (value,) = model.stream_inputs
    clips = tuple({str(value.name): part[:, None]} for part in np.array_split(images[:300], 3))

    def right(network: Model) -> float:
        trials = Trials(network, [{str(value.name): tests[:, None]}])
        ((scores,),) = trials.run(lambda _, found: found[trials.outputs[0]].reshape(len(tests), -1))
        return float(np.mean(scores.argmax(1) == labels))

    exact = right(model)
    for recipe in ("w8a8",):
        lost = exact - right(quantize(model, Calibration(clips, "digits"), recipe))
        measured = (
            f"{100 * lost:.2f} % of {len(tests)} images lost, float gets {100 * exact:.1f} % right"
        )
        yield Row("digits", recipe, measured, "<= 0.3 %", lost <= 0.003)


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "levels": levels,
    "gtcrn": gtcrn,
    "int4": gtcrn_int4,
    "others": others,
    "silero": silero,
    "digits": digits,
}


def failure(data: Path) -> int:
    """Fetch networks, speech and noise; say what failed, and return its exit code, or 0."""
    try:
        fetch(CACHE)
        fetch_speech(data)
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _quiet(_stage: str, _done: int, _total: int) -> None:
    """Show no progress."""


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--set", choices=SETS, default="evaluation", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE", help="one JSON object per row is added")
    given = parser.parse_args()
    if code := failure(given.data):
        return code
    bench, rows = Bench(given.data, SETS[given.set]), []
    for part, measure in PARTS.items():
        if re.search(given.only, part):
            for row in measure(bench):
                rows.append(row)
                print(f"{row.network}, {row.condition}: {row.measured} ({row.goal})", flush=True)
                if given.out:
                    with given.out.open("a") as file:
                        file.write(json.dumps(asdict(row)) + "\n")
    table = Table("network", "recipe, condition", "loss in dB and points", "goal", "met")
    for row in rows:
        table.add_row(
            row.network, row.condition, row.measured, row.goal, "yes" if row.met else "no"
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return int(not all(row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
