"""Whether a recipe equalizes channels: measured on clips left out of the calibration, where it is left open.

Equal weights on both sides of a channel help most networks of many grouped or depthwise convolutions, and cost some
others a few dB. No rule from weights and ranges alone was found that tells which; a run of both does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import CalibrationError
from edgekit.quantize.recipe import MEASURED
from edgekit.verbs.auto.decisions import probabilities
from edgekit.verbs.export.levels import LEVELS_DB, Hearing, hearing
from edgekit.verbs.export.work import Progress

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.apply import Observed
    from edgekit.quantize.calibrate.clips import Calibration, Clip
    from edgekit.quantize.calibrate.held_out import Part
    from edgekit.quantize.recipe import Recipe

HOPS = 240  # of each level, over all clips that are left out
MOST_DB = 40.0  # of a level: more is not worth a loss at another one
MARGIN_DB = 0.5  # by which equalized channels must be better, over all levels
LEAST = 1e-4  # of a probability, and of what it lacks to 1
QUIETEST = 1e-3  # of an output's mean power: quieter clips count less


@dataclass(frozen=True)
class Settled:
    """A recipe that says whether channels are equalized, and what was seen of the network so prepared.

    `said` is what was measured, for people; None where nothing was.
    """

    recipe: "Recipe"
    seen: "Observed"
    said: str | None = None


def settled(
    model: "Model", calibration: "Calibration", recipe: "Recipe", progress: Progress
) -> Settled:
    """Observe the network on the calibration, prepared as the recipe says or as measures better.

    What measures is the worst output's ratio at every level of sound, of probabilities that of their log odds: near 0
    and 1 they flatter. A network without such channels, and a calibration that nothing can be left out of, are as the
    recipe without equalization.
    """
    from edgekit.quantize.apply import observed
    from edgekit.quantize.prepare.equalize import changes

    found, said = hearing(model, calibration), None
    if recipe.equalize == MEASURED:
        recipe = replace(recipe, equalize=False)
        if found.parts is not None and changes(model):
            recipe, said = _measured(model, calibration, recipe, found, progress)
    return Settled(recipe, observed(model, calibration, recipe, found.judged), said)


def _measured(
    model: "Model",
    calibration: "Calibration",
    plain: "Recipe",
    found: Hearing,
    progress: Progress,
) -> "tuple[Recipe, str | None]":
    """The recipe with or without equal channels, and what was measured; ranges are those of the loudest hops."""
    from edgekit.quantize.apply import observed
    from edgekit.verbs.auto.screening import loudest

    parts, constants = found.parts, model.constants
    assert parts is not None
    fold = parts.folds[-1]
    kept = parts.clips_without(fold, calibration.clips, constants)
    part = replace(calibration, clips=tuple(loudest(model, clip, len(kept)) for clip in kept))
    judges = _Judges(model, [parts.parts[n] for n in fold], calibration, found.pcm)
    equal, ratios = replace(plain, equalize=True), []
    for done, recipe in enumerate((plain, equal)):
        progress("equalize channels", done, 2)
        try:
            ratios.append(judges.ratios(observed(model, part, recipe), recipe))
        except CalibrationError:  # all sound is in what is left out
            return plain, None
    before, after = (np.minimum(row, MOST_DB) for row in ratios)
    better = np.mean(after) > np.mean(before) + MARGIN_DB
    rows = [", ".join(f"{ratio:.1f}" for ratio in row) for row in (after, before)]
    levels = f" at {', '.join(map(str, judges.levels))} dB" if found.pcm else ""
    verb = "equalized" if better else "as they are"
    said = (
        f"{verb}: {rows[0]} dB{levels} with equal channels, {rows[1]} dB without, on clips left out"
    )
    return (equal if better else plain), said


class _Judges:
    """Clips that are left out of the calibration together, at every level, and what the float network makes of them."""

    def __init__(
        self, model: "Model", parts: "Sequence[Part]", calibration: "Calibration", pcm: str | None
    ) -> None:
        from edgekit.export.running import HopRunner

        self.levels = LEVELS_DB if pcm is not None else (0,)
        most = max(HOPS // len(parts), 1)
        clips = [part.cut(calibration.clips, model.constants, most) for part in parts]
        self.clips = [[_at(clip, pcm, level) for clip in clips] for level in self.levels]
        self.ends, runner = probabilities(model), HopRunner(model)
        self.names = list(model.measured_outputs)
        self.exact = [[self._odds(runner(clip)) for clip in row] for row in self.clips]

    def ratios(self, seen: "Observed", recipe: "Recipe") -> list[float]:
        """In dB, of the worst output at each level; weights are rounded to the nearest, fitted or not."""
        from edgekit.export.running import HopRunner
        from edgekit.quantize.apply import quantize_observed

        nearest = replace(recipe, rounding="nearest")
        runner = HopRunner(quantize_observed(seen, nearest, ""))
        rows = zip(self.clips, self.exact, strict=True)
        return [
            self._ratio(exact, [self._odds(runner(clip)) for clip in clips])
            for clips, exact in rows
        ]

    def _ratio(self, exact: "Sequence[Arrays]", found: "Sequence[Arrays]") -> float:
        noise = 0.0
        for name in self.names:
            powers = [float(np.mean(np.square(clip[name]))) for clip in exact]
            floor = max(QUIETEST * max(powers), 1e-30)
            errors = [
                float(np.mean(np.square(y[name] - x[name]))) / max(power, floor)
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


Arrays = Mapping[str, NDArray[Any]]


def _at(clip: "Clip", pcm: str | None, level_db: int) -> "Clip":
    return clip if pcm is None else {**clip, pcm: clip[pcm] * np.float32(10 ** (level_db / 20))}
