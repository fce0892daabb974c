"""Judge integers of a network on clips left out of their calibration, sound at several levels.

A build is calibrated on all clips, so its output on these is too good. The same recipe is calibrated without some of
them and judged on those. Sound is judged at its level and quieter: a step that suits loud sound is coarse for quiet
sound.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.decisions import decisions_of, least_alike, probabilities
from edgekit.judge.held_out_report import BEYOND_DB, FALLBACK, HeldOutReport, Level
from edgekit.judge.measurement import Reference
from edgekit.judge.metric import RequiredMetric, clean_of
from edgekit.judge.speech_quality import si_sdr_db
from edgekit.judge.verification import hops_decided_otherwise, verified_hops
from edgekit.quantize.apply import ObservedModel, close_rounding, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.held_out import QUARTERS, Parts, spread_parts
from edgekit.quantize.calibrate.rest import pcm_input
from edgekit.quantize.calibrate.sound_levels import silent_clips
from edgekit.quantize.recipe import NEAREST, RECIPES, SHAPED, Recipe
from edgekit.targets.trials import Trials

Arrays = Mapping[str, Array]
Progress = Callable[[str, int, int], None]
LEVELS_DB = (0, -20, -30)
JUDGED_HOPS = (
    3000  # of each level, over all parts: seconds, as the start of a clip is not like the rest
)
LONG_PARTS = 8  # that share these hops, unless parts are shorter
MOST_DB = 120.0  # of a clip: less noise is none
# Two-sided quantiles of Student's t at 95 % for 1, 2, ... degrees of freedom; the last one serves more.
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
SILENCE_DBFS = -120.0


@dataclass(frozen=True)
class HeldOutSound:
    """What a network hears, and what of its calibration can be left out to judge it.

    Attributes:
        pcm: the input that takes sound, which comes at many levels; None where no sound goes in.
        parts: of the calibration; None of a denoiser with a sampler, and of one short clip.
    """

    pcm: str | None
    parts: Parts | None


def sound_inputs(model: Model, calibration: Calibration) -> HeldOutSound:
    """Return what a network hears, with fresh parts of the calibration."""
    if model.sampler is not None:
        return HeldOutSound(None, None)
    first = str(model.stream_inputs[0].name)
    hops = [len(clip[first]) for clip in calibration.clips]
    pcm, rate = pcm_input(model), model.stream.sample_rate_hz
    if len(hops) == 1 and hops[0] < QUARTERS:
        return HeldOutSound(pcm, None)
    silent = frozenset[int]()
    if pcm is not None and rate is not None:
        silent = silent_clips(calibration.clips, pcm, rate)
    return HeldOutSound(pcm, Parts(hops, silent))


def judge(
    model: Model,
    seen: ObservedModel,
    recipe: Recipe,
    kernels: str | None,
    progress: Progress,
    metric: RequiredMetric | None = None,
) -> HeldOutReport:
    """Quantize without the parts of every fold, and compare the outputs for them with the float network.

    Args:
        model: the float network.
        seen: the observations of it, with its parts.
        recipe: of the quantization; one that fits weights does so for the first fold only.
        kernels: the target whose C runs it, which has the bits of the build; None for onnxruntime, which also runs
            networks without sound input.
        progress: gets the number of networks that are done.
        metric: the user's, and the value that it must reach.

    Raises:
        ToolError: there are `kernels`, and no C compiler.
    """
    judging = _LevelCriteria(model, seen, kernels, progress, metric)
    fitted = close_rounding(recipe, seen).rounding not in (NEAREST, SHAPED)
    judged = judging.run(recipe, 1 if fitted else len(judging.folds))
    short = [row for row in judged.levels if row.short]
    if not short or recipe.name == FALLBACK:
        return judged
    worst = min(short, key=lambda row: row.worth)
    rows = judging.run(RECIPES[FALLBACK], 1, quick=True).levels
    return replace(judged, instead=next(row for row in rows if row.level_db == worst.level_db))


@dataclass
class _Found:
    """Findings at one level, by clip: the noise of each output, decisions, the metric, and the SI-SDR lost.

    Decisions are those of the worst output: how many are equal, and of how many.
    """

    noises: list[dict[str, float]] = field(default_factory=list)
    decided: list[tuple[int, int]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)

    def level(self, level_db: int, needed: float) -> Level:
        """Combine all clips."""
        lost = (float(np.mean(self.lost)), max(self.lost)) if self.lost else None
        alike, said = _mean([equal / count for equal, count in self.decided]), _mean(self.values)
        ratios = _ratios(self.noises)
        worst, best = (None if x >= MOST_DB else x for x in (min(ratios), max(ratios)))
        return Level(
            level_db,
            _ratio(self.noises),
            alike,
            said,
            needed,
            worst,
            best,
            None if worst is None else mean_margin_db(ratios),
            lost,
            self._least_alike(),
        )

    def _least_alike(self) -> float | None:
        """Return the limit on other clips; None of a single clip and without decisions."""
        if len(self.decided) < 2:
            return None
        equal, count = (sum(column) for column in zip(*self.decided, strict=True))
        return least_alike(count - equal, count, len(self.decided))


class _LevelCriteria:
    """The judged parts at all levels, and the float network's outputs for them."""

    def __init__(
        self,
        model: Model,
        seen: ObservedModel,
        kernels: str | None,
        progress: Progress,
        metric: RequiredMetric | None,
    ) -> None:
        parts, pcm = seen.parts, pcm_input(model)
        assert parts is not None
        self.model, self.seen, self.progress = model, seen, progress
        self.kernels = None if pcm is None else kernels
        self.levels_db = LEVELS_DB[:1] if pcm is None else LEVELS_DB
        self.metric, self.parts = metric, parts.parts
        self.folds, self.count = parts.folds, len(parts.parts)
        hops = JUDGED_HOPS if pcm is not None else min(JUDGED_HOPS, verified_hops(model))
        longest = max(parts.parts[number].hops for fold in parts.folds for number in fold)
        shares = hops // len(parts.folds), LONG_PARTS // len(parts.folds)
        spread = (spread_parts(fold, longest, *shares) for fold in parts.folds)
        self.numbers = sorted({number for fold in spread for number in fold})
        most = max(hops // len(self.numbers), 1)
        clips = seen.calibration.clips
        cut = [parts.parts[number].cut(clips, model.constants, most) for number in self.numbers]
        self.references = [
            Reference(model, [clip_at_level(clip, pcm, level) for clip in cut])
            for level in self.levels_db
        ]
        pairs = zip(self.numbers, cut, strict=True)
        self.dbfs = {} if pcm is None else {n: dbfs(clip[pcm]) for n, clip in pairs}
        self.ends = probabilities(model)
        self.beyond = parts.beyond(BEYOND_DB)

    def run(self, recipe: Recipe, most_folds: int, quick: bool = False) -> HeldOutReport:
        """Judge a recipe on some of the folds; a `quick` compilation shares no kernels with the build."""
        folds = self.folds[:most_folds]
        found = [_Found() for _ in self.levels_db]
        heard: list[dict[str, float]] = []
        for done, fold in enumerate(folds):
            self.progress("judge held-out clips", done, len(folds))
            quantized = quantize_observed(self.seen.without(fold), recipe, "")
            heard += self._judge_fold(fold, quantized, quick, found)
        needed = self.metric[1] if self.metric else 0
        pairs = zip(self.levels_db, found, strict=True)
        rows = [each.level(level, needed) for level, each in pairs]
        judged = self._judged_of(chain.from_iterable(folds))
        return HeldOutReport(
            len(judged),
            self.count,
            tuple(rows),
            _ratio(heard) if heard else None,
            self.beyond,
            level_dbfs=self._mean_dbfs(judged),
        )

    def _judged_of(self, numbers: Iterable[int]) -> list[int]:
        """Return those of the parts that are judged."""
        return [number for number in numbers if number in self.numbers]

    def _mean_dbfs(self, numbers: Sequence[int]) -> float | None:
        return float(np.mean([self.dbfs[number] for number in numbers])) if self.dbfs else None

    def _judge_fold(
        self, fold: Sequence[int], quantized: Model, quick: bool, found: "list[_Found]"
    ) -> list[dict[str, float]]:
        """Add the integers' results for the clips that were left out, at each level, and the noise of the others."""
        places = {number: place for place, number in enumerate(self.numbers)}
        left_out = self._judged_of(fold)
        unheard = [(level, places[n]) for level in range(len(self.levels_db)) for n in left_out]
        known = [(0, places[n]) for n in self.numbers if n not in fold]
        wanted = [*unheard, *known]
        clips = [self.references[level].clips[place] for level, place in wanted]
        heard = []
        runs = zip(wanted, self._outputs(quantized, clips, quick), strict=True)
        for at, ((level, place), outputs) in enumerate(runs):
            noise = self.references[level].noise(place, outputs)
            if at < len(unheard):
                self._see(found[level], level, place, outputs, noise)
            else:
                heard.append(noise)
        return heard

    def _see(
        self, found: "_Found", level: int, place: int, outputs: Arrays, noise: dict[str, float]
    ) -> None:
        """Add the integers' results for a clip that was left out."""
        found.noises.append(noise)
        found.lost += self._lost(level, place, outputs)
        if self.ends or self.model.decide is not None:
            found.decided.append(self._equal_decisions(level, place, outputs))
        if self.metric is not None:
            found.values.append(self._measured(level, place, outputs))

    def _outputs(self, quantized: Model, clips: Sequence[Clip], quick: bool) -> Iterable[Arrays]:
        if self.kernels is not None:
            trials = Trials(quantized, clips, self.kernels, quick)
            (found,) = trials.run(lambda _, outputs: outputs)
            return found

        return map(HopRunner(quantized), clips)

    def _equal_decisions(self, level: int, place: int, outputs: Arrays) -> tuple[int, int]:
        """The number of decisions that are those of the float network, and of all; of the worst output."""
        exact = self.references[level].runs[place]
        found = list[tuple[int, int]]()
        for name, end in self.ends.items():
            same = decisions_of(exact[name], end) == decisions_of(outputs[name], end)
            found.append((int(same.sum()), same.size))
        if self.model.decide is not None:
            hops = len(next(iter(exact.values())))
            found.append((hops - hops_decided_otherwise(self.model, exact, outputs), hops))
        return min(found, key=lambda pair: pair[0] / pair[1])

    def _lost(self, level: int, place: int, outputs: Arrays) -> list[float]:
        """The SI-SDR that a clip loses, of one PCM output, where its clean form is known; else none."""
        clean, (pcm, *others) = self._clean(place), self.model.stream_outputs
        if clean is None or others or not clean.any():
            return []
        name = str(pcm.name)
        exact = self.references[level].runs[place][name]
        if exact.size != clean.size or not exact.any() or not outputs[name].any():
            return []
        return [si_sdr_db(np.ravel(exact), clean) - si_sdr_db(np.ravel(outputs[name]), clean)]

    def _clean(self, place: int) -> Float32 | None:
        """The clean form of a judged part, as late as the outputs."""
        stream, part = self.model.stream, self.parts[self.numbers[place]]
        hops = len(next(iter(self.references[0].runs[place].values())))
        if stream.hop_samples is None:
            return None
        calibration = self.seen.calibration
        return clean_of(calibration, part, hops, stream.hop_samples, stream.delay_samples or 0)

    def _measured(self, level: int, place: int, outputs: Arrays) -> float:
        """Return the user's metric of a clip."""
        assert self.metric is not None
        exact = self.references[level].runs[place]
        gain = np.float32(10 ** (self.levels_db[level] / 20))
        clean = self._clean(place)
        return self.metric[0](outputs, exact, None if clean is None else clean * gain)


def clip_at_level(clip: Clip, pcm: str | None, level_db: int) -> Clip:
    """Return a clip with its sound at a level relative to the recording; one without sound is as it is."""
    return clip if pcm is None else {**clip, pcm: clip[pcm] * np.float32(10 ** (level_db / 20))}


def dbfs(samples: Array) -> float:
    """Return the root mean square of samples relative to full scale, in dB; at least `SILENCE_DBFS`."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(10 * math.log10(max(power, 1e-30)), SILENCE_DBFS)


def _ratio(noises: Sequence[Mapping[str, float]]) -> float | None:
    """Return the mean SNR of the clips in dB, each by its worst output; None without noise.

    The noise of all clips together is that of one or two of them, and predicts others less well.
    """
    ratios = _ratios(noises)
    return float(np.mean(ratios)) if min(ratios) < MOST_DB else None


def mean_margin_db(ratios: Sequence[float]) -> float | None:
    """Return how far the mean of as many other clips may be from the mean of these; None of a single clip.

    That is Student's prediction interval at 95 %: t * s * sqrt(1/n + 1/n), s the standard deviation of n clips.
    """
    count = len(ratios)
    if count < 2:
        return None
    quantile = STUDENT_95[min(count - 1, len(STUDENT_95)) - 1]
    return quantile * float(np.std(ratios, ddof=1)) * math.sqrt(2 / count)


def _ratios(noises: Sequence[Mapping[str, float]]) -> list[float]:
    """Return the SNR of each clip's worst output in dB, at most `MOST_DB`."""
    return [min(-10 * math.log10(max(*n.values(), 1e-30)), MOST_DB) for n in noises]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
