"""Integers of a network that hears sound, judged on clips left out of their calibration, at several levels.

A build is calibrated on all clips, so its output on these flatters. What is judged is the same recipe calibrated
without some of them, on those, each as it is and quieter: a step that suits loud sound is coarse for quiet one.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.auto.decisions import decided, probabilities
from edgekit.verbs.auto.measure import Reference
from edgekit.verbs.export.metric import Metric, clean_of
from edgekit.verbs.export.verification import hops_decided_otherwise

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.apply import Observed
    from edgekit.quantize.calibrate.clips import Calibration, Clip
    from edgekit.quantize.calibrate.held_out import Parts
    from edgekit.quantize.recipe import Recipe

Arrays = Mapping[str, NDArray[Any]]
Progress = Callable[[str, int, int], None]
Asked = tuple[Metric, float]  # a metric, and what it must reach
LEVELS_DB = (0, -20, -30)
MIN_SNR_DB = 20.0
MIN_ALIKE = 0.98  # of the decisions of a detector
JUDGED_HOPS = 750  # of each level, over all parts
BEYOND_DB = 3.0  # a left-out clip's peaks above those of all others, half a bit of a range
MOST_BEYOND = 0.05  # of all tensors
FEWER_DB = 1.0  # what unheard clips may come out worse by before it is said
FALLBACK = "w8a16"


@dataclass(frozen=True)
class Level:
    """What was found of clips that are so many dB above what they were recorded at.

    Attributes:
        level_db: the level.
        snr_db: of the worst output against the float network's; None without noise.
        alike: the share of decisions that are those of the float network; None of a network that decides nothing.
        metric: the mean of the user's metric, where there is one; then it alone counts.
        needed: what it must reach.
    """

    level_db: int
    snr_db: float | None
    alike: float | None
    metric: float | None = None
    needed: float = 0.0

    @property
    def worth(self) -> float:
        """What counts, the more the better: the metric, decisions, or else the ratio."""
        ratio = math.inf if self.snr_db is None else self.snr_db
        return next((x for x in (self.metric, self.alike) if x is not None), ratio)

    @property
    def wanted(self) -> str:
        """What is needed, for people."""
        if self.metric is not None:
            return f"{self.needed:g} is"
        return (
            f"{100 * MIN_ALIKE:.0f} % are" if self.alike is not None else f"{MIN_SNR_DB:g} dB are"
        )

    @property
    def short(self) -> bool:
        """Whether it is below what is wanted."""
        if self.metric is not None:
            return self.metric < self.needed
        if self.alike is not None:
            return self.alike < MIN_ALIKE
        return self.snr_db is not None and self.snr_db < MIN_SNR_DB

    @property
    def said(self) -> str:
        """What was found, for people."""
        if self.metric is not None:
            return f"{self.metric:.4g}"
        if self.alike is not None:
            return f"{100 * self.alike:.2f} % of decisions alike"
        return "equal" if self.snr_db is None else f"{self.snr_db:.1f} dB"


@dataclass(frozen=True)
class Judged:
    """What a recipe keeps of clips that it was not calibrated on.

    Attributes:
        clips: how many of them, or of the quarters of a single clip.
        of: of how many in all.
        levels: one row each of `LEVELS_DB`.
        heard_db: the ratio of the same clips as they are where they are calibrated on.
        beyond: the share of tensors whose peak in one clip is `BEYOND_DB` above that in all others.
        instead: where a level is short, what the recipe `FALLBACK` has at the level that is worst.
    """

    clips: int
    of: int
    levels: tuple[Level, ...]
    heard_db: float | None
    beyond: float = 0.0
    instead: Level | None = None

    @property
    def is_short(self) -> bool:
        """Whether any level is below what is wanted."""
        return any(row.short for row in self.levels)

    def facts(self) -> dict[str, Any]:
        """As in the manifest's `verification`."""
        rows = [
            {
                "level_db": row.level_db,
                "snr_db": _rounded(row.snr_db),
                "alike": row.alike,
                "metric": row.metric,
            }
            for row in self.levels
        ]
        held = {"clips": self.clips, "of": self.of, "heard_snr_db": _rounded(self.heard_db)}
        return {"levels": rows, "held_out": held}

    def notes(self, recipe: str) -> list[str]:
        """What the user should know of it, with what to do."""
        found = []
        if short := [row for row in self.levels if row.short]:
            rows = ", ".join(f"{row.said} at {row.level_db} dB" for row in short)
            found.append(
                f"levels: {rows} on {self.clips} of {self.of} clips, each left out of the calibration; "
                f"{short[0].wanted} wanted; next: {self._advice(recipe)}"
            )
        cost = self._unheard_db()
        if cost >= FEWER_DB:
            found.append(
                f"calibration: clips come out {cost:.1f} dB worse where they are left out of it than where they are in "
                f"it ({self.levels[0].snr_db:.1f} against {self.heard_db:.1f} dB); give more and more different clips"
            )
        if self.beyond > MOST_BEYOND:
            found.append(
                f"calibration: in a clip that is left out, {100 * self.beyond:.0f} % of the tensors go {BEYOND_DB:g} "
                f"dB or more beyond what the other {self.of - 1} of {self.of} have shown; {100 * MOST_BEYOND:g} % "
                "at most are wanted; give more and more different clips"
            )
        return found

    def _advice(self, recipe: str) -> str:
        if self.instead is None:
            return "give clips at the levels that will be met, or keep tensors in float32 in a recipe.toml"
        reaches = f"{FALLBACK}, which has {self.instead.said} at {self.instead.level_db} dB"
        return f"--recipe {reaches}" if recipe == "auto" else f"--recipe auto, or {reaches}"

    def _unheard_db(self) -> float:
        """By how much clips that were left out come out worse."""
        first = self.levels[0].snr_db
        return 0.0 if first is None or self.heard_db is None else self.heard_db - first


@dataclass(frozen=True)
class Hearing:
    """What a network hears, and what of its calibration can be left out to judge it.

    Attributes:
        pcm: the input that takes sound, which comes at many levels; None where no sound goes in.
        parts: of the calibration; None of a denoiser with a sampler, and of one short clip.
    """

    pcm: str | None
    parts: "Parts | None"

    @property
    def judged(self) -> "Parts | None":
        """The parts of a network that hears sound."""
        return None if self.pcm is None else self.parts


def hearing(model: "Model", calibration: "Calibration") -> Hearing:
    """Return what a network hears, with fresh parts of the calibration."""
    from edgekit.quantize.calibrate.held_out import QUARTERS, Parts
    from edgekit.quantize.calibrate.warnings import pcm_input

    if model.sampler is not None:
        return Hearing(None, None)
    first = str(model.stream_inputs[0].name)
    hops = [len(clip[first]) for clip in calibration.clips]
    short = len(hops) == 1 and hops[0] < QUARTERS
    return Hearing(pcm_input(model), None if short else Parts(hops))


def judge(
    model: "Model",
    seen: "Observed",
    recipe: "Recipe",
    kernels: str | None,
    progress: Progress,
    metric: Asked | None = None,
) -> Judged:
    """Quantize without the parts of every fold, and compare what that makes of them with the float network.

    Args:
        model: the float network, with one PCM input.
        seen: what was observed of it, with its parts.
        recipe: what it is quantized in; one that fits weights does so for the first fold only.
        kernels: the target whose C runs it, which has the bits of the build; None for onnxruntime.
        progress: is told how many of the networks are done.
        metric: the user's, and what it must reach.

    Raises:
        ToolError: there are `kernels`, and no C compiler.
    """
    judging = _Judging(model, seen, kernels, progress, metric)
    fitted = recipe.rounding != "nearest" or recipe.bias_correction
    judged = judging.run(recipe, 1 if fitted else len(judging.folds))
    short = [row for row in judged.levels if row.short]
    if not short or recipe.name == FALLBACK:
        return judged
    worst = min(short, key=lambda row: row.worth)
    rows = judging.run(RECIPES[FALLBACK], 1, quick=True).levels
    return replace(judged, instead=next(row for row in rows if row.level_db == worst.level_db))


class _Judging:
    """The judged parts at all levels, and what the float network makes of them."""

    def __init__(
        self,
        model: "Model",
        seen: "Observed",
        kernels: str | None,
        progress: Progress,
        metric: Asked | None,
    ) -> None:
        parts, (pcm, *_) = seen.parts, [str(value.name) for value in model.stream_inputs]
        assert parts is not None
        self.model, self.seen, self.kernels, self.progress = model, seen, kernels, progress
        self.metric, self.parts = metric, parts.parts
        self.folds, self.count = parts.folds, len(parts.parts)
        self.numbers = sorted(number for fold in parts.folds for number in fold)
        most = max(JUDGED_HOPS // len(self.numbers), 1)
        clips = seen.calibration.clips
        cut = [parts.parts[number].cut(clips, model.constants, most) for number in self.numbers]
        self.references = [
            Reference(model, [{**clip, pcm: clip[pcm] * gain} for clip in cut])
            for gain in (np.float32(10 ** (level / 20)) for level in LEVELS_DB)
        ]
        self.ends = probabilities(model)
        self.beyond = parts.beyond(BEYOND_DB)

    def run(self, recipe: "Recipe", most_folds: int, quick: bool = False) -> Judged:
        """Judge a recipe on some of the folds; what is `quick` to compile shares no kernels with the build."""
        from edgekit.quantize.apply import quantize_observed

        folds = self.folds[:most_folds]
        places = {number: place for place, number in enumerate(self.numbers)}
        noises: list[list[dict[str, float]]] = [[] for _ in LEVELS_DB]
        shares: list[list[float]] = [[] for _ in LEVELS_DB]
        values: list[list[float]] = [[] for _ in LEVELS_DB]
        heard: list[dict[str, float]] = []
        for done, fold in enumerate(folds):
            self.progress("judge held-out clips", done, len(folds))
            quantized = quantize_observed(self.seen.without(fold), recipe, "")
            unheard = [(level, places[n]) for level in range(len(LEVELS_DB)) for n in fold]
            known = [(0, places[n]) for n in self.numbers if n not in fold]
            wanted = [*unheard, *known]
            clips = [self.references[level].clips[place] for level, place in wanted]
            for at, ((level, place), outputs) in enumerate(
                zip(wanted, self._outputs(quantized, clips, quick), strict=True)
            ):
                noise = self.references[level].noise(place, outputs)
                if at >= len(unheard):
                    heard.append(noise)
                    continue
                noises[level].append(noise)
                if self.ends or self.model.decide is not None:
                    shares[level].append(self._alike(level, place, outputs))
                if self.metric is not None:
                    values[level].append(self._measured(level, place, outputs))
        rows = [
            Level(
                level,
                _ratio(found),
                _mean(alike),
                _mean(said),
                self.metric[1] if self.metric else 0,
            )
            for level, found, alike, said in zip(LEVELS_DB, noises, shares, values, strict=True)
        ]
        judged = sum(map(len, folds))
        return Judged(
            judged, self.count, tuple(rows), _ratio(heard) if heard else None, self.beyond
        )

    def _outputs(
        self, quantized: "Model", clips: Sequence["Clip"], quick: bool
    ) -> Iterable[Arrays]:
        if self.kernels is not None:
            from edgekit.targets.trials import Trials

            trials = Trials(quantized, clips, self.kernels, quick)
            (found,) = trials.run(lambda _, outputs: outputs)
            return found
        from edgekit.export.running import HopRunner

        return map(HopRunner(quantized), clips)

    def _alike(self, level: int, place: int, outputs: Arrays) -> float:
        """The share of decisions that are those of the float network; of the worst output."""
        exact = self.references[level].runs[place]
        same = [
            float(np.mean(decided(exact[name], end) == decided(outputs[name], end)))
            for name, end in self.ends.items()
        ]
        if self.model.decide is not None:
            hops = len(next(iter(exact.values())))
            same.append(1 - hops_decided_otherwise(self.model, exact, outputs) / hops)
        return min(same)

    def _measured(self, level: int, place: int, outputs: Arrays) -> float:
        """What the user's metric says of a clip."""
        assert self.metric is not None
        exact, stream = self.references[level].runs[place], self.model.stream
        hops, hop = len(next(iter(exact.values()))), stream.hop_samples
        part, gain = self.parts[self.numbers[place]], np.float32(10 ** (LEVELS_DB[level] / 20))
        assert hop
        clean = clean_of(self.seen.calibration, part, hops, hop, stream.delay_samples or 0)
        return self.metric[0](outputs, exact, None if clean is None else clean * gain)


def _ratio(noises: Sequence[Mapping[str, float]]) -> float | None:
    """In dB, clips counting alike; None without noise."""
    noise = Reference.total(noises)
    return -10 * math.log10(noise) if noise > 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 2)
