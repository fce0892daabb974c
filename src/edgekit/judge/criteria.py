"""Criteria of a search for types: clips, quieter and overlapping ones, decisions, images or a metric."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.candidates import Auto, cost_of
from edgekit.judge.decisions import Arrays, Decisions, probabilities
from edgekit.judge.images import Images
from edgekit.judge.levels import HeldOutSound, sound_inputs
from edgekit.judge.measurement import Reference
from edgekit.judge.metric import RequiredMetric, clean_of
from edgekit.judge.preparation_criterion import loudest_hops
from edgekit.judge.verification import sample_hops
from edgekit.judge.waits import WaitCriterion, WaitReport
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.held_out import spread_parts
from edgekit.quantize.recipe import AUTO, Recipe
from edgekit.quantize.search.search import decibels
from edgekit.targets.trials import Trials

Judgement = tuple[dict[str, float], float, float | None]  # noises, changed decisions, the metric
MIN_SNR_DB = 30.0  # the default
UNHEARD_DB = 3.0  # more, for clips judged in parts: later clips are that much worse
LEAST_SNR_DB = 26.0  # the default, at any cost
LEAST_LEVELS_DB = 20.0  # the same over all levels of sound
MIN_PSNR_DB = 36.0  # of images
JUDGES = 3  # every third clip judges types
SCREENED_HOPS = 256  # of all clips, the loudest of each
JUDGED_HOPS = 750  # of these in all: enough for a search for types to distinguish them
HEARD_HOPS = 750  # the same of PCM, which is judged in several forms
LONG_JUDGES = 3  # parts that share these hops, unless parts are shorter
# Audio is judged at lower levels as well: factors on samples, and how much more noise the output may have there where
# a ratio is asked for.
LEVELS = ((1.0, 1.0), (0.1, 2.0), (10**-1.5, 4.0), (0.01, 10.0))
DETECTED = ((1.0, 1.0), (0.1, 4.0), (10**-1.5, 10.0), (0.01, 40.0))  # decisions count as well
DECIDED_LEVELS = DETECTED[:3]
OVERLAP = np.float32(0.7)  # factor on two clips that are mixed


class TypeCriteria:
    """The clips that judge types, the float network's outputs for them, and the goal.

    Attributes:
        places: the numbers of the judging parts of the calibration, whose ranges are left out meanwhile.
        reference: the judging clips, in all forms, at all levels.
        images: of a denoiser for which no SNR is asked.
        metric: the user's, and the value that it must reach; else None.
        needed: the goal, in dB or in the metric's unit.
        least: the accepted minimum where the goal costs too much.
        thrifty: whether products are to stay in int8 as long as that is possible.
        sought: the SNR to search for in that case.
    """

    def __init__(
        self,
        model: Model,
        calibration: Calibration,
        min_snr_db: float | None,
        metric: RequiredMetric | None,
        waits: WaitCriterion | None = None,
    ) -> None:
        """Run the float network in onnxruntime over all of it, but in C over `waits`."""
        self.model, self.calibration, self.metric = model, calibration, metric
        self.heard = sound_inputs(model, calibration)
        asked = min_snr_db is not None
        self.images = Images(model) if model.sampler is not None and not asked else None
        self.decisions = Decisions(
            model, () if asked else decision_clips(calibration, self.heard.pcm)
        )
        self.thrifty = not asked and self.images is None
        spares = self.thrifty and not self.decisions.ends
        first = hardest(model, calibration) if self.in_parts else JUDGES - 1
        self.places, judged, allowances = judges(model, calibration, self.heard, first)
        if spares:  # all levels count alike
            allowances = [1.0] * len(judged)
        forms = len(judged) // len(self.places)
        gains = self._gains(len(judged))
        self.reference = Reference(model, judged, allowances, self.in_parts, forms, gains)
        self.count = len(judged)
        # the SNR by which an export is verified
        verified = [] if self.images else [sample_hops(model, calibration, None)]
        self.whole = Reference(model, [*judged, *verified], allowances, self.in_parts, gains=gains)
        self.waits = waits if waits and waits.in_c else WaitCriterion(model, calibration, "host")
        self.needed = MIN_SNR_DB if min_snr_db is None else min_snr_db
        self.sought = MIN_SNR_DB + (UNHEARD_DB if self.in_parts else 0.0)
        if self.images is not None:
            self.needed = MIN_PSNR_DB
        self.least = self._floor()

    def _floor(self) -> float:
        """Return the accepted minimum; of probabilities, decisions count as well."""
        if not self.thrifty:
            return self.needed
        return LEAST_LEVELS_DB if self.heard.pcm else LEAST_SNR_DB

    def _gains(self, clips: int) -> list[float]:
        """Return the factors on the sound of judging clips; none where no sound goes in."""
        if self.heard.pcm is None:
            return []
        levels = levels_of(self.model, self.heard)
        gains = [gain for gain, _ in levels for _ in self.places]
        return [*gains, *[1.0] * (clips - len(gains))]  # overlapping ones

    @property
    def in_parts(self) -> bool:
        """Whether clips are judged hop by hop, on the part that fits the others least.

        This holds where clips cannot be made quieter or mixed, as PCM can, to predict later signals.
        """
        return self.heard.pcm is None and self.heard.parts is not None

    @property
    def decides(self) -> bool:
        """Whether decisions are the main criterion."""
        return self.thrifty and bool(self.decisions.ends)

    @property
    def is_ratio(self) -> bool:
        """Whether a ratio is looked for, which noise powers predict."""
        return self.images is None and self.metric is None

    def held(self, seen: ObservedModel) -> ObservedModel:
        """Return the observations without the judging clips; all of them where there are no parts to leave out."""
        return seen if seen.parts is None else seen.without(self.places)

    def measured(
        self,
        seen: ObservedModel,
        held: ObservedModel,
        recipe: Recipe,
        alone: dict[str, float] | None = None,
    ) -> Auto:
        """Quantize, and measure in C, with the ranges of `held`, which excludes the judging clips.

        Those count together. The clips that verify the export count separately; for sound without an SNR that is
        asked for, they are only to reach the accepted minimum.
        """
        count = len(self.whole.clips)
        tried = quantize_observed(held, recipe, self.calibration.label)

        def judge(clip: int, outputs: Arrays) -> Judgement:
            if clip >= count:
                return {}, self.decisions.turned(clip - count, outputs), None
            return self.whole.noise(clip, outputs), 0.0, self._metric(clip, outputs)

        clips = [*self.whole.clips, *self.decisions.clips]
        trials = Trials(tried, [*clips, *self.waits.clips], quick=True)
        (found,) = trials.run(judge, clips=range(len(clips)))
        turned = [share for _, share, _ in found[count:]]
        reached = self._reached(tried, found[:count])
        after = self._after_waits(trials, len(clips))
        drift_db = after.worst[0] if after.seconds else 0.0
        changed = self.decisions.expected_share(turned)
        if self.decides and (others := after.other_decisions):
            changed = max(changed, float(np.mean([*others.values()])))
        return Auto(recipe, tried, seen, reached, cost_of(tried), alone or {}, changed, drift_db)

    def _after_waits(self, trials: Trials, first: int) -> WaitReport:
        """Return the findings after waits, whose clips have numbers from `first` on."""
        count = len(self.waits.clips)
        (found,) = trials.run(
            lambda clip, outputs: self.waits.seconds(clip - first, outputs),
            clips=range(first, first + count),
        )
        return WaitReport(tuple(second for row in found for second in row))

    def _reached(self, tried: Model, found: Sequence[Judgement]) -> float:
        """Return the PSNR of images, the mean of the metric, or the least SNR over judging and verified clips."""
        if self.images is not None:
            return self.images.psnr_db(tried)
        if self.metric is not None:
            return float(np.mean([value for *_, value in found if value is not None]))
        noises = [noise for noise, *_ in found]
        parts = noises[: self.count], noises[self.count :] or noises
        judged, verified = map(decibels, map(self.whole.total, parts))
        # where no SNR is asked for, one clip at one level does not outvote all forms of sound
        outvoted = self.thrifty and self.heard.pcm is not None and verified >= self.least
        return judged if outvoted else min(judged, verified)

    def outlook(self, quantized: Model) -> float:
        """Estimate the SNR of the judging clips, in dB, on some of them in onnxruntime, without a compiler."""
        runner, judged = HopRunner(quantized), self.reference
        return decibels(
            judged.total([judged.noise(i, runner(judged.clips[i])) for i in judged.some])
        )

    def turned(self, quantized: Model) -> float:
        """Estimate the share of decisions that change at twice its error, in onnxruntime; 0 where none count."""
        runner, clips = HopRunner(quantized), self.decisions.clips
        shares = [self.decisions.turned(i, runner(clip)) for i, clip in enumerate(clips)]
        return sum(shares) / len(shares) if shares else 0.0

    def _metric(self, clip: int, outputs: Arrays) -> float | None:
        """Return the user's metric of a judging clip at its level; None for the verified clip after them."""
        level, place = divmod(clip, len(self.places))
        levels = levels_of(self.model, self.heard)
        if self.metric is None or level >= len(levels):
            return None
        parts, stream = self.heard.parts, self.model.stream
        exact, clean = self.whole.runs[clip], None
        if parts is not None and stream.hop_samples:
            hops, delay = len(next(iter(exact.values()))), stream.delay_samples or 0
            part = parts.parts[self.places[place]]
            clean = clean_of(self.calibration, part, hops, stream.hop_samples, delay)
        gain = np.float32(levels[level][0])
        return self.metric[0](outputs, exact, None if clean is None else clean * gain)


def levels_of(model: Model, heard: HeldOutSound) -> tuple[tuple[float, float], ...]:
    """At which levels a network is judged, and by how much the noise is divided there."""
    if not heard.pcm:
        return LEVELS[:1]
    return DETECTED if probabilities(model) else LEVELS


def hardest(model: Model, calibration: Calibration) -> int:
    """Return which of the first `JUDGES` parts, with every third behind it, tells of most noise if left out."""
    part = replace(calibration, clips=loudest_hops(model, calibration.clips, SCREENED_HOPS))
    heard, parts = sound_inputs(model, calibration), sound_inputs(model, part).parts
    if parts is None or len(parts.parts) < JUDGES:
        return JUDGES - 1
    seen, noises = observe_model(model, part, AUTO, parts), []
    for first in range(JUDGES):
        places, judged, _ = judges(model, calibration, heard, first)
        made = HopRunner(quantize_observed(seen.without(places), AUTO, ""))
        reference = Reference(model, judged, each_hop=True)
        noises.append(reference.total([reference.noise(i, made(c)) for i, c in enumerate(judged)]))
    return int(np.argmax(noises))


def judges(
    model: Model, calibration: Calibration, heard: HeldOutSound, first: int = JUDGES - 1
) -> tuple[tuple[int, ...], list[Clip], list[float]]:
    """Return the judging parts of the calibration, as clips, and the divisor of the noise of each.

    That is every third part from the `first` on, `JUDGED_HOPS` or `HEARD_HOPS` in all, of many long ones a few. PCM is
    judged at all levels, and with the next part over it; session constants stay whole.
    """
    parts, every = heard.parts, calibration.clips
    if parts is not None:
        every = tuple(part.cut(calibration.clips, model.constants) for part in parts.parts)
    judging = range(len(every)) if parts is None else parts.judging
    thirds = tuple(judging[first::JUDGES]) or (judging[-1],)
    levels, pcm = levels_of(model, heard), heard.pcm
    hops = JUDGED_HOPS if pcm is None else HEARD_HOPS // (len(levels) + 1)
    signal = str(model.signal_inputs[0].name)
    longest = max(len(every[i][signal]) for i in thirds)
    places = spread_parts(thirds, longest, hops, LONG_JUDGES)
    each = max(hops // len(places), 1)
    cut: list[Clip] = [_first_hops(model, every[i], each) for i in places]
    if pcm is None:
        return places, cut, [1.0] * len(cut)
    forms: list[Clip] = [
        {**clip, pcm: clip[pcm] * np.float32(gain)} for gain, _ in levels for clip in cut
    ]
    for clip, i in zip(cut, places, strict=True):
        after = judging[(judging.index(i) + 1) % len(judging)]
        other = np.resize(every[after][pcm], clip[pcm].shape)
        forms.append({**clip, pcm: OVERLAP * (clip[pcm] + other)})
    allowances = [allowance for _, allowance in levels for _ in cut]
    return places, forms, [*allowances, *[1.0] * len(cut)]


def _first_hops(model: Model, clip: Clip, hops: int) -> Clip:
    return {n: array if n in model.constants else array[:hops] for n, array in clip.items()}


def decision_clips(calibration: Calibration, pcm: str | None) -> list[Clip]:
    """Return the clips whose decisions count: all, of PCM at all `DECIDED_LEVELS`."""
    clips = list(calibration.clips)
    if pcm is None:
        return clips
    return [{**c, pcm: c[pcm] * np.float32(gain)} for gain, _ in DECIDED_LEVELS for c in clips]
