"""Choose the preparation of a network, and the ranges, with which a search for types begins.

Each preparation runs once in the same types in onnxruntime, by the criterion of the plain recipes
(`edgekit.judge.preparation_criterion`). Nothing is ranked and nothing is compiled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgekit.base.progress import Progress
from edgekit.graph.model import Model
from edgekit.judge.candidates import Auto, chosen, cost_of
from edgekit.judge.criteria import TypeCriteria
from edgekit.judge.preparation_choice import (
    Choice,
    Settings,
    close_recipe,
    open_choices,
    screen,
)
from edgekit.judge.preparation_criterion import PreparationCriterion
from edgekit.quantize.apply import ObservedModel, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import AUTO, MEASURED, Recipe

PREPARATIONS: tuple[tuple[str, Settings], ...] = (
    ("channels as they are", {"equalize": False, "migrate": 0.0}),
    ("equal channels", {"equalize": True, "migrate": 0.0}),
    ("migrated ranges", {"equalize": False, "migrate": 0.5}),
    ("equal channels and migrated ranges", {"equalize": True, "migrate": 0.5}),
)
DOUBT_DB = 3.0  # the error of an outlook


@dataclass(frozen=True)
class PreparationScreen:
    """The recipes to search, the most promising first, and the observations of the unprepared network.

    Attributes:
        recipes: one for each preparation, with the copies and ranges that measure better for the first.
        by_loss: all that were measured, that which loses least first.
        seen: the observations, by part of the calibration, then by changes to the network and to the calibration.
    """

    recipes: tuple[Recipe, ...]
    by_loss: tuple[Recipe, ...]
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
        enough = best is not None and best.snr_db >= needed and best.is_faithful
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
    start = replace(AUTO, hop_scales=not fixed, quiet_copies=MEASURED, observer=MEASURED)
    choices = open_choices(model, start, judging.heard)
    criterion = PreparationCriterion(model, calibration, judging.heard)
    prepared = Choice("prepared", dict(PREPARATIONS))
    found = screen(criterion, close_recipe(model, start), [prepared, *choices], progress)
    return PreparationScreen(found.recipes, found.by_loss, criterion.seen)
