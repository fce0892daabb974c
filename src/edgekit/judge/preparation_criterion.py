"""The criterion by which preparations of a network, and rules for its ranges, are compared.

A form runs in onnxruntime on clips that its ranges do not know; the float network is the reference. Sound is judged at
the levels that a device meets. What counts is the loss that a listener notices: SI-SDR of a sound that is as good as
good denoisers make it, in dB, bounded for each clip. So no clip outvotes the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.levels import HeldOutSound, clip_at_level, dbfs, sound_inputs
from edgekit.judge.measurement import AUDIBLE_SHARE
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.silence import has_signal
from edgekit.quantize.recipe import NEAREST, Recipe

LEVELS_DB = (0, -15, -30, -40)  # of clips at the level of loud speech: from there to -56 dBFS
JUDGED_HOPS = 360  # of each level, over all clips
JUDGED_CLIPS, OBSERVED_CLIPS = 4, 6  # at most, spread over the calibration
OBSERVED_HOPS = 512  # over all clips that show ranges, the loudest of each
GOOD_SNR_DB = 12.0  # of a sound that denoisers make
MOST_DB = 60.0  # of a ratio: less noise is none


Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Merit:
    """How near a form is to the float network.

    Attributes:
        ratios_db: by level, the SNR of the worst output, the mean of all clips.
        loss_db: the mean loss of SI-SDR that the noise means for a sound with `GOOD_SNR_DB`, over all levels.
    """

    ratios_db: tuple[float, ...]
    loss_db: float

    def row(self, words: str) -> str:
        """Return the ratios of what has this name, for people."""
        return f"{words}: {', '.join(f'{ratio:.1f}' for ratio in self.ratios_db)} dB"


class Observations:
    """The observations of a network on a calibration in the preparations that were asked for."""

    def __init__(self, model: Model, calibration: Calibration, in_parts: bool = False) -> None:
        """Observe nothing yet; `in_parts`: also the parts of the calibration that can be left out."""
        self._model, self._calibration, self._in_parts = model, calibration, in_parts
        self._seen: dict[tuple[object, ...], dict[object, ObservedModel]] = {}

    def __call__(self, recipe: Recipe) -> ObservedModel:
        """Return the observations of the network in a recipe's preparation."""
        given, copies = (self._model, self._calibration), recipe.quiet_copies
        alike = self._seen.setdefault(_preparation(recipe), {})
        if copies not in alike:
            parts = sound_inputs(*given).parts if self._in_parts else None
            prepared = next((seen.model for seen in alike.values()), None)
            alike[copies] = observe_model(*given, recipe, parts, prepared)
        return alike[copies]


class PreparationCriterion:
    """Clips at every level, the float network's outputs for them, and the observations on other clips.

    Attributes:
        seen: returns the observations of the network in a recipe's preparation.
    """

    def __init__(self, model: Model, calibration: Calibration, found: HeldOutSound) -> None:
        """Run the float network.

        Args:
            model: the float network.
            calibration: its clips, of sound at one level.
            found: its sound input, and the parts that can be left out. Where no others have sound, the ranges know
                the clips.
        """
        self.model, self.levels = model, LEVELS_DB if found.pcm is not None else (0,)
        judged, shown = _split_clips(model, calibration, found)
        part = replace(calibration, clips=loudest_hops(model, shown, OBSERVED_HOPS), clean={})
        loudest, float_runner = loudest_hops(model, judged, JUDGED_HOPS), HopRunner(model)
        self._clips = [
            [clip_at_level(c, found.pcm, level) for c in loudest] for level in self.levels
        ]
        self._exact = [[_outputs(model, float_runner(clip)) for clip in row] for row in self._clips]
        self._floors = _audible_powers(self._exact[0], self.levels)
        self._dbfs = _mean_dbfs(loudest, found.pcm)
        self.seen = Observations(model, part)
        self._known: dict[str, Merit] = {}

    @property
    def levels_text(self) -> str:
        """Where the ratios of a merit were found, for people; empty where no sound goes in."""
        if self._dbfs is None:
            return ""
        return f" at {', '.join(f'{self._dbfs + level:.0f}' for level in self.levels)} dBFS"

    def merit(self, recipe: Recipe) -> Merit:
        """Return how near a recipe is; weights are rounded to the nearest, fitted or not."""
        key = repr(recipe)
        if key not in self._known:
            nearest = replace(recipe, rounding=NEAREST)
            runner = HopRunner(quantize_observed(self.seen(recipe), nearest, ""))
            rows = zip(self._clips, self._exact, self._floors, strict=True)
            noises = [
                [_noise(exact, runner(clip), floors) for clip, exact in zip(*pairs, strict=True)]
                for *pairs, floors in rows
            ]
            ratios = np.minimum(-10 * np.log10(np.maximum(noises, 1e-30)), MOST_DB)
            losses = 10 * np.log10(1 + 10 ** (GOOD_SNR_DB / 10) * np.minimum(noises, 1.0))
            self._known[key] = Merit(tuple(ratios.mean(axis=1).tolist()), float(losses.mean()))
        return self._known[key]


def _split_clips(
    model: Model, calibration: Calibration, found: HeldOutSound
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Return the clips to judge on, and those that show ranges, of each as many as are needed."""
    clips, parts = calibration.clips, found.parts
    if parts is None:
        return clips_spread_over(clips, JUDGED_CLIPS), clips_spread_over(clips, OBSERVED_CLIPS)
    both = tuple(sorted({number for fold in parts.folds for number in fold}))
    places = both if len(both) < len(parts.judging) else parts.folds[-1]
    judged = tuple(parts.parts[number].cut(clips, model.constants) for number in places)
    others = parts.clips_without(places, clips, model.constants)
    shown = others if has_signal(model, others) else clips
    return clips_spread_over(judged, JUDGED_CLIPS), clips_spread_over(shown, OBSERVED_CLIPS)


def _audible_powers(full: Sequence[Arrays], levels: Sequence[int]) -> list[dict[str, float]]:
    """Return by level the power below which an output, and so its noise, is not heard beside the loudest one's."""
    loudest = {name: max(_power(outputs[name]) for outputs in full) for name in full[0]}
    return [
        {name: AUDIBLE_SHARE * power * 10 ** (level / 10) for name, power in loudest.items()}
        for level in levels
    ]


def _mean_dbfs(clips: Sequence[Clip], pcm: str | None) -> float | None:
    return None if pcm is None else float(np.mean([dbfs(clip[pcm]) for clip in clips]))


def _outputs(model: Model, found: Arrays) -> dict[str, Array]:
    return {name: found[name] for name in model.measured_outputs}


def _noise(exact: Arrays, found: Arrays, floors: Mapping[str, float]) -> float:
    """Return the noise power of the worst output relative to its signal, or to a floor above that."""
    return max(
        _power(found[name] - array.astype(np.float64)) / max(_power(array), floors[name], 1e-30)
        for name, array in exact.items()
    )


def _power(array: Array) -> float:
    return float(np.mean(np.square(array, dtype=np.float64)))


def _preparation(recipe: Recipe) -> tuple[object, ...]:
    """Return the settings on which a network's preparation depends."""
    keys = ("equalize", "migrate", "hop_scales", "split_shortcut", "products")
    return (*(getattr(recipe, key) for key in keys), *recipe.layers.items())


def clips_spread_over(clips: Sequence[Clip], most: int) -> tuple[Clip, ...]:
    """Return `most` clips at most, from all over a sequence."""
    count = min(most, len(clips))
    return tuple(clips[place * len(clips) // count] for place in range(count))


def loudest_hops(model: Model, clips: Sequence[Clip], hops: int) -> tuple[Clip, ...]:
    """Return of each clip the hops in a row that have the most power: `hops` in all clips together.

    Calls of a denoiser stay as they are: each has its place in the sampling.
    """
    if model.sampler is not None:
        return tuple(clips)
    most = max(hops // max(len(clips), 1), 1)
    return tuple(_loudest(model, clip, most) for clip in clips)


def _loudest(model: Model, clip: Clip, most: int) -> Clip:
    hops = clip[str(model.signal_inputs[0].name)]
    power = np.square(hops.reshape(len(hops), -1), dtype=np.float64).sum(axis=1)
    summed = np.concatenate([[0.0], np.cumsum(power)])
    windows = summed[most:] - summed[:-most]
    start = int(np.argmax(windows)) if len(windows) else 0
    return {n: a if n in model.constants else a[start : start + most] for n, a in clip.items()}
