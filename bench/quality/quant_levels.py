"""What a recipe costs a network at every level of sound: one row of `quant_goals.py`, as it is kept in a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from published_pipelines import PIPELINES
from quality import quant_audio
from quality.quant_audio import SETS, Mixture
from quality.quant_bench import Bench, Made
from quality.quant_stock import STOCK, runs

from edgekit.base.wav import Samples
from edgekit.demos.show_denoise import OPTIONS, si_sdr_db
from edgekit.export.hop_runner import snr_db
from edgekit.graph.model import Model
from edgekit.judge.held_out_report import HeldOutReport
from edgekit.judge.levels import dbfs
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs
from edgekit.targets.trials import Trials
from edgekit.verbs.export.importing import load_model

LEVELS_DB = (0, -20, -30, -40)
DIGITS = "digits"
SI_SDR, DECISIONS, TOP_1 = "SI-SDR, dB", "decisions, %", "top-1, %"
MOST_DB = 120.0  # of a ratio: less noise is none


@dataclass(frozen=True)
class Kept:
    """What was measured of one network in one recipe.

    Attributes:
        network: of `Bench.model`, or `DIGITS`.
        recipe: of `Bench.quantized`, or of `quant_stock.STOCK`.
        set: of `quant_audio.SETS`.
        mixtures: how many, or images.
        unit: of what is lost.
        lost: by level, of each mixture: SI-SDR against the float network, or the share of its decisions that are
            other ones.
        ratios: by level, of each mixture, of the output to its difference from the float network's, dB; not of
            decisions.
        pesq: by level, lost on average; where it was asked for.
        stated: by level, what an export says of clips left out of the calibration: `snr_db`, `worst_db`,
            `best_db`, `margin_db`, `alike`, `least_alike` and `lost_db`, mean and most, of `judged.Level`.
        int8: the share of multiply-accumulates; None of what is not ours.
        dbfs: levels of sound as it was recorded: of clips that are left out, and of the mixtures on average.
        seconds: of processors, for the recipe and its search.
        said: what was measured of channels that are equal.
    """

    network: str
    recipe: str
    set: str
    mixtures: int
    unit: str
    lost: Mapping[str, Sequence[float]]
    ratios: Mapping[str, Sequence[float]]
    pesq: Mapping[str, float]
    stated: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    int8: float | None = None
    seconds: float | None = None
    said: str | None = None
    dbfs: tuple[float, float] | None = None


class Levels:
    """The mixtures, and what float networks make of them at each level; each is made once."""

    def __init__(self, bench: Bench, named: str, count: int, pesq: bool) -> None:
        """Take the set of this name; `pesq` is measured too."""
        self.bench, self.named, self.count = bench, named, count
        self.heard = quant_audio.varied(bench.data, SETS[named], count)
        self.pesq = quant_audio.pesq() if pesq else None

    @cache  # noqa: B019
    def exact(self, name: str, level: int) -> list[Samples]:
        """What the float network makes of the mixtures."""
        return self._floats(name)(level)

    @cache  # noqa: B019
    def _floats(self, name: str) -> Callable[[int], list[Samples]]:
        return self._in_c(self.bench.model(name))

    def row(self, name: str, recipe: str) -> Kept:
        """Measure a network in a recipe."""
        if name == DIGITS:
            return digits(recipe)
        if recipe not in STOCK:
            return self.row_of(name, recipe, self.bench.made(name, recipe))
        run, kept = runs(STOCK[recipe], PIPELINES[name], self.bench.data), self._empty(name, recipe)
        return self._at_levels(kept, lambda level: [run(m.noisy) for m in self._at(level)])

    def row_of(self, name: str, recipe: str, made: Made) -> Kept:
        """Measure what a recipe made of a network."""
        kept = replace(
            self._empty(name, recipe),
            int8=int8_share(made.quantized),
            seconds=made.seconds,
            said=made.said,
            stated={} if made.judged is None else _stated(made.judged),
        )
        if made.judged is not None:
            found_at = float(np.mean([dbfs(m.noisy) for m in self.heard]))
            kept = replace(kept, dbfs=(made.judged.level_dbfs, found_at))
        return self._at_levels(kept, self._in_c(made.quantized))

    def _empty(self, name: str, recipe: str) -> Kept:
        unit = DECISIONS if name in PIPELINES and PIPELINES[name].detects else SI_SDR
        return Kept(name, recipe, self.named, self.count, unit, {}, {}, {})

    def _at_levels(self, kept: Kept, found: Callable[[int], list[Samples]]) -> Kept:
        for level in LEVELS_DB:
            kept = self._with(kept, level, found(level))
        return kept

    def _with(self, kept: Kept, level: int, found: Sequence[Samples]) -> Kept:
        """The row with what was found at a level."""
        exact, at = self.exact(kept.network, level), str(level)
        if kept.unit == DECISIONS:
            other = [
                100 * float(np.mean((a >= 0.5) != (b[: len(a)] >= 0.5)))
                for a, b in zip(exact, found, strict=True)
            ]
            return replace(kept, lost={**kept.lost, at: other})
        cut = [b[: len(a)] for a, b in zip(exact, found, strict=True)]
        ratios = [min(snr_db(a, b), MOST_DB) for a, b in zip(exact, cut, strict=True)]
        lost = self._lost(si_sdr_db, exact, cut)
        pesq = kept.pesq
        if self.pesq is not None:
            pesq = {**pesq, at: float(np.mean(self._lost(self.pesq, exact, cut)))}
        return replace(
            kept, lost={**kept.lost, at: lost}, ratios={**kept.ratios, at: ratios}, pesq=pesq
        )

    def _lost(
        self,
        metric: Callable[[Samples, Samples], float],
        exact: Sequence[Samples],
        found: Sequence[Samples],
    ) -> list[float]:
        rows = zip(self.heard, exact, found, strict=True)
        return [metric(a, m.clean[: len(a)]) - metric(b, m.clean[: len(a)]) for m, a, b in rows]

    def _at(self, level: int) -> list[Mixture]:
        gain = np.float32(10 ** (level / 20))
        return [replace(m, noisy=gain * m.noisy) for m in self.heard]

    def _in_c(self, model: Model) -> Callable[[int], list[Samples]]:
        """What generated C makes of the mixtures at a level, its delay taken away."""
        heard = [m for level in LEVELS_DB for m in self._at(level)]
        trials = Trials(model, [quant_audio.in_hops(model, m.noisy) for m in heard])
        delay, (name,) = model.stream.delay_samples or 0, trials.outputs

        def found(level: int) -> list[Samples]:
            first = LEVELS_DB.index(level) * self.count
            numbers = range(first, first + self.count)
            (made,) = trials.run(lambda _, outputs: np.ravel(outputs[name]), clips=numbers)
            return [samples[delay:] for samples in made]

        return found


def _stated(judged: HeldOutReport) -> dict[str, dict[str, Any]]:
    """What an export says of each level."""
    keys = ("snr_db", "worst_db", "best_db", "margin_db", "alike", "least_alike", "lost_db")
    return {str(row.level_db): {key: getattr(row, key) for key in keys} for row in judged.levels}


def int8_share(model: Model) -> float:
    """The share of multiply-accumulates with both operands in 8 bits."""
    manifest = with_macs(describe(model, "host"), model)
    return manifest.macs_int8 / manifest.macs_per_hop


def digits(recipe: str) -> Kept:
    """An image classifier: of each image, whether it is lost (1) or won (-1)."""
    from quality import digits_net

    options = replace(OPTIONS, frontend=None, sample_rate=None)
    model = load_model("quality.digits_net:factory", options).model
    images, _, tests, labels = digits_net.data()
    (value,) = model.stream_inputs
    clips = tuple({str(value.name): part[:, None]} for part in np.array_split(images[:300], 3))

    def right(network: Model) -> np.ndarray:
        trials = Trials(network, [{str(value.name): tests[:, None]}])
        ((scores,),) = trials.run(lambda _, found: found[trials.outputs[0]].reshape(len(tests), -1))
        return np.asarray(scores.argmax(1) == labels, np.float64)

    quantized = quantize(model, Calibration(clips, DIGITS), recipe)
    lost = 100 * (right(model) - right(quantized))
    share = int8_share(quantized)
    return Kept(DIGITS, recipe, DIGITS, len(tests), TOP_1, {"0": [*lost]}, {}, {}, int8=share)
