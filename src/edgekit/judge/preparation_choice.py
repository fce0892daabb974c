"""Measure the choices that a recipe leaves open, on held-out clips: equal channels, and quieter copies.

Equal weights on both sides of a channel help most networks of many grouped or depthwise convolutions, and cost some
others a few dB. So do ranges from clips and their copies 30 dB quieter, in networks with sound input. No rule from
weights and ranges alone was found that predicts which; a run of both decides.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import CalibrationError
from edgekit.base.progress import Progress
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.criteria import loudest
from edgekit.judge.decisions import probabilities
from edgekit.judge.levels import LEVELS_DB, HeldOutSound, clip_at_level, sound_inputs
from edgekit.judge.wait_clips import after_silence
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.held_out import Part
from edgekit.quantize.prepare.equalize import changes
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.recipe import MEASURED, Recipe

HOPS = 240  # of each level, over all clips that are left out
MOST_DB = 40.0  # of a level: more is not worth a loss at another one
MARGIN_DB = 0.5  # by which a form must be better than the plain one, over all levels
LEAST = 1e-4  # of a probability, and of its distance to 1
QUIETEST = 1e-3  # of an output's mean power: quieter clips count less


@dataclass(frozen=True)
class Option:
    """A choice that a recipe may leave open.

    Attributes:
        key: of the recipe, true where the choice is taken.
        fact: the manifest's key for the measurement.
        taken, left: the two outcomes, in words.
        form: the preparation with which it is measured.
    """

    key: str
    fact: str
    taken: str
    left: str
    form: str


CHANNELS = Option("equalize", "equalized", "equalized", "as they are", "equal channels")
QUIET = Option(
    "quiet_copies", "quiet_copies", "30 dB quieter, too", "as recorded", "quieter copies"
)


@dataclass(frozen=True)
class ChosenPreparation:
    """A recipe that leaves nothing open, and the observations of the network so prepared.

    `said` holds the measurements, for people, by `Option.fact`.
    """

    recipe: Recipe
    seen: ObservedModel
    said: Mapping[str, str] = field(default_factory=dict)


def choose_preparation(
    model: Model, calibration: Calibration, recipe: Recipe, progress: Progress
) -> ChosenPreparation:
    """Observe the network on the calibration, in the preparation that the recipe names or that measures better.

    The measure is the worst output's SNR at every level of sound, and after silence where states are carried. For
    probabilities it is the SNR of their log odds, as near 0 and 1 the plain SNR is misleading. A choice is not taken if
    it makes no difference to a network, or if nothing can be left out of the calibration.
    """
    found = sound_inputs(model, calibration)
    options = [*_open(model, recipe, found)]
    recipe = close_recipe(model, recipe)
    said: Mapping[str, str] = {}
    if found.parts is not None and options:
        recipe, said = _measure_options(model, calibration, recipe, found, options, progress)
    return ChosenPreparation(recipe, observe_model(model, calibration, recipe, found.parts), said)


def close_recipe(model: Model, recipe: Recipe) -> Recipe:
    """Close the open choices of the recipe; where sound meets a logarithm it has quieter copies."""
    if recipe.equalize == MEASURED:
        recipe = replace(recipe, equalize=False)
    if recipe.quiet_copies == MEASURED:
        recipe = replace(recipe, quiet_copies=quieter(model) is not None)
    return recipe


def _open(model: Model, recipe: Recipe, found: HeldOutSound) -> Iterator[Option]:
    """What the recipe leaves open and makes a difference to the network."""
    if recipe.equalize == MEASURED and changes(model):
        yield CHANNELS
    quiet = recipe.quiet_copies == MEASURED and not close_recipe(model, recipe).quiet_copies
    if quiet and found.pcm is not None:
        yield QUIET


def _measure_options(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    found: HeldOutSound,
    options: Sequence[Option],
    progress: Progress,
) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe with the options that measure better, one after another, and the measurements.

    Ranges are those of the loudest hops.
    """
    parts, constants = found.parts, model.constants
    assert parts is not None
    fold = parts.folds[-1]
    kept = parts.clips_without(fold, calibration.clips, constants)
    part = replace(calibration, clips=tuple(loudest(model, clip, len(kept)) for clip in kept))
    judges = _Judges(model, [parts.parts[n] for n in fold], calibration, found.pcm)
    levels = judges.text if found.pcm else ""
    said: dict[str, str] = {}
    progress("compare preparations", 0, len(options) + 1)
    try:
        before = judges.ratios(observe_model(model, part, recipe), recipe)
    except CalibrationError:  # all sound is in the part that is left out
        return recipe, said
    for done, option in enumerate(options, 1):
        progress("compare preparations", done, len(options) + 1)
        other = replace(recipe, **{option.key: True})  # type: ignore[arg-type]
        after = judges.ratios(observe_model(model, part, other), other)
        better = _mean(after) > _mean(before) + MARGIN_DB
        rows = [", ".join(f"{ratio:.1f}" for ratio in row) for row in (after, before)]
        verb = option.taken if better else option.left
        said[option.fact] = (
            f"{verb}: {rows[0]} dB{levels} with {option.form}, {rows[1]} dB without, on clips left out"
        )
        if better:
            recipe, before = other, after
    return recipe, said


def _mean(ratios: Sequence[float]) -> float:
    return float(np.mean(np.minimum(ratios, MOST_DB)))


class _Judges:
    """Clips left out of the calibration together, at every level, and the float network's outputs for them."""

    def __init__(
        self, model: Model, parts: Sequence[Part], calibration: Calibration, pcm: str | None
    ) -> None:

        self.levels = LEVELS_DB if pcm is not None else (0,)
        most = max(HOPS // len(parts), 1)
        clips = [part.cut(calibration.clips, model.constants, most) for part in parts]
        self.clips = [[clip_at_level(clip, pcm, level) for clip in clips] for level in self.levels]
        self.firsts = [0] * len(self.levels)  # hops that are not compared: those of a wait
        for wait in after_silence(model, clips[0]):
            self.clips.append([wait.clip])
            self.firsts.append(wait.first)
        self.ends, runner = probabilities(model), HopRunner(model)
        self.names = list(model.measured_outputs)
        self.exact = [[self._odds(runner(clip)) for clip in row] for row in self.clips]

    @property
    def text(self) -> str:
        """The places of the ratios, for people."""
        after = " and after silence" if len(self.clips) > len(self.levels) else ""
        return f" at {', '.join(map(str, self.levels))} dB{after}"

    def ratios(self, seen: ObservedModel, recipe: Recipe) -> list[float]:
        """Return the SNR in dB of the worst output at each level; weights are rounded to the nearest, fitted or not."""
        nearest = replace(recipe, rounding="nearest")
        runner = HopRunner(quantize_observed(seen, nearest, ""))
        rows = zip(self.clips, self.exact, self.firsts, strict=True)
        return [
            self._ratio(exact, [self._odds(runner(clip)) for clip in clips], first)
            for clips, exact, first in rows
        ]

    def _ratio(self, exact: "Sequence[Arrays]", found: "Sequence[Arrays]", first: int) -> float:
        """Return the ratio from the `first` hop on."""
        noise = 0.0
        for name in self.names:
            powers = [float(np.mean(np.square(clip[name][first:]))) for clip in exact]
            floor = max(QUIETEST * max(powers), 1e-30)
            errors = [
                float(np.mean(np.square((y[name] - x[name])[first:]))) / max(power, floor)
                for x, y, power in zip(exact, found, powers, strict=True)
            ]
            noise = max(noise, float(np.mean(errors)))
        return -10 * math.log10(noise) if noise > 0 else math.inf

    def _odds(self, outputs: "Arrays") -> "Arrays":
        """The measured outputs, probabilities as the logarithm of their odds."""
        found = {name: outputs[name].astype(np.float64) for name in self.names}
        for name in self.ends.keys() & found.keys():
            p = np.clip(found[name], LEAST, 1 - LEAST)
            found[name] = np.log(p / (1 - p))
        return found


Arrays = Mapping[str, Array]
