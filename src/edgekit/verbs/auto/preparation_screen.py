"""Choose the preparation of a network, and the ranges, with which a search for types begins.

Each preparation runs once in the same types in onnxruntime, calibrated on a part of each clip. Nothing is ranked and
nothing is compiled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgekit.base.progress import Progress
from edgekit.graph.model import Model
from edgekit.judge.candidates import MOST_TURNED, Auto, chosen, cost_of
from edgekit.judge.criteria import TypeCriteria, loudest_hops
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.recipe import AUTO, Recipe

AUDIO_RANGES = (
    "percentile"  # the tails that others keep are worth less to speech in noise than finer steps
)
PREPARATIONS = (
    {"equalize": False, "migrate": 0.0},
    {"equalize": True, "migrate": 0.0},
    {"equalize": True, "migrate": 0.5},
)
DOUBT_DB = 3.0  # the error of an outlook
NEARER_DB = 0.5  # by which other ranges must be nearer


@dataclass(frozen=True)
class PreparationScreen:
    """The recipes to search, the most promising first, and the observations of the unprepared network.

    Attributes:
        recipes: one for each preparation, with the ranges that measure better for it.
        seen: the observations, by part of the calibration, then by changes to the network and to the calibration.
    """

    recipes: tuple[Recipe, ...]
    seen: Callable[[Recipe], ObservedModel]

    def may_be_best(
        self,
        recipe: Recipe,
        pool: Sequence[Auto],
        needed: float,
        least: float,
        judging: TypeCriteria,
    ) -> bool:
        """Whether a recipe could be chosen from a pool: not dearer than one that suffices, and not far from it."""
        quantized = quantize_observed(self.seen(recipe), recipe, "")
        best = chosen(pool, needed, least)
        enough = best is not None and best.snr_db >= needed and best.turned <= MOST_TURNED
        if best is not None and enough and cost_of(quantized) > best.cost:
            return False
        bound = needed if enough else least
        return not judging.is_ratio or judging.outlook(quantized) >= bound - DOUBT_DB


def screen_preparations(
    model: Model,
    calibration: Calibration,
    judging: TypeCriteria,
    progress: Progress,
    fixed: bool = False,
) -> PreparationScreen:
    """Prepare a network in each way and run it once in int16 with int8 products; the best also with other ranges.

    A network with PCM input also runs on quieter copies of its clips, unless the recipe includes them anyway.
    `fixed`: without scales per hop.
    """
    part = loudest_hops(model, calibration)
    known: dict[tuple[bool, float, bool], ObservedModel] = {}

    def seen(recipe: Recipe) -> ObservedModel:
        key = (recipe.equalize is True, recipe.migrate, recipe.quiet_copies is True)
        if key not in known:
            known[key] = observe_model(model, part, recipe)
        return known[key]

    def outlook(recipe: Recipe) -> float:
        return judging.outlook(quantize_observed(seen(recipe), recipe, ""))

    pcm = judging.heard.pcm is not None
    first, second = (AUDIO_RANGES, "mse") if pcm else ("mse", AUDIO_RANGES)
    start = replace(AUTO, hop_scales=not fixed, observer=first)
    found: list[tuple[float, Recipe]] = []
    for done, settings in enumerate(PREPARATIONS):
        progress("prepare", done, len(PREPARATIONS) + 1)
        recipe = replace(start, **settings)  # type: ignore[arg-type]
        ratio = outlook(recipe)
        if pcm and not found and quieter(model) is None:
            quiet = replace(recipe, quiet_copies=True)
            if (other := outlook(quiet)) > ratio:
                ratio, recipe, start = other, quiet, quiet
        found.append((ratio, recipe))
    progress("prepare", len(PREPARATIONS), len(PREPARATIONS) + 1)
    found.sort(key=lambda row: -row[0])
    ratio, best = found[0]
    if outlook(replace(best, observer=second)) > ratio + NEARER_DB:
        found = [(ratio, replace(recipe, observer=second)) for ratio, recipe in found]
    return PreparationScreen(tuple(recipe for _, recipe in found), seen)
