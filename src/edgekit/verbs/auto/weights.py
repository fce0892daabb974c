"""Reduce the noise of rounded weights in `auto`, where it takes much of the noise budget.

Weights are fitted to the calibration. Small layers that rounding drowns all the same stay in float. An example is a
filter bank with bands in which sound has little power.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from onnx_ir import Node

from edgekit.judge.candidates import MOST_TURNED
from edgekit.judge.criteria import TypeCriteria
from edgekit.quantize.apply import ObservedModel, quantize_observed
from edgekit.quantize.recipe import SHAPED, Recipe
from edgekit.quantize.search.space import result_of

ROOM_DB = 10.0  # above the goal, where weights take a tenth of the noise
WORTH_DB = 0.5  # less is chance
SHORT_DB = 3.0  # above the goal, where fitting alone does not suffice
DROWNED_DB = 45.0  # where rounding leaves less in the channels of a layer, on average
MOST_EXACT = 0.2  # of the multiply-accumulates, with those of layers that read them


def outlook(held: ObservedModel, recipe: Recipe, judging: TypeCriteria) -> tuple[float, float]:
    """Return the SNR of the judging clips with only weights in 8 bits, in dB, and the share of changed decisions."""
    alone = quantize_observed(held, replace(recipe, products="int16"), "")
    return judging.outlook(alone), judging.turned(alone)


def with_rounding(
    held: ObservedModel, recipe: Recipe, judging: TypeCriteria
) -> tuple[Recipe, float]:
    """Return the recipe with the better rounding of weights, and its outlook; infinity where weights hardly count.

    For detectors the better one changes fewer decisions; it counts where weights change a tenth of the allowed share.
    Networks that remember what was before silence have fitted weights. Others with PCM input keep the nearest rounding,
    which caused no loss in those measured.
    """
    fitted = replace(recipe, rounding=SHAPED)
    usual = fitted if held.is_slow else recipe
    if not judging.is_ratio or not (judging.in_parts or judging.decides):
        return usual, math.inf
    plain, turned = outlook(held, recipe, judging)
    blocked = turned > MOST_TURNED / 10
    if plain >= judging.needed + ROOM_DB and not blocked:
        return usual, math.inf
    ratio, left = outlook(held, fitted, judging)
    better = left < turned if blocked else held.is_slow or ratio > plain + WORTH_DB
    return (fitted, ratio) if better else (recipe, plain)


def with_exact(
    held: ObservedModel,
    recipe: Recipe,
    ratio: float,
    judging: TypeCriteria,
    macs: Mapping[str, int],
) -> Recipe:
    """Return the recipe with the layers in float that rounding drowns, where fitting is not enough.

    Args:
        held: the observations, with fitted weights.
        recipe: as `with_rounding` returned it.
        ratio: its outlook.
        judging: the judging clips.
        macs: multiply-accumulates by the name of the node.
    """
    if ratio >= judging.needed + SHORT_DB:
        return recipe

    def in_integers(tensors: Mapping[str, str]) -> int:
        plan = held.plan_types(replace(recipe, tensors=tensors))
        return sum(macs.get(name, 0) for name in plan.integer_nodes)

    tensors: dict[str, str] = {}
    # where rounding leaves less than is asked, with all layers that this takes
    most = MOST_EXACT if ratio >= judging.needed else 1.0
    least = in_integers(tensors) - most * sum(macs.values())
    for node in _drowned_layers(held):
        more = {**tensors, result_of(node): "float32"}  # its readers leave the integers, too
        if in_integers(more) >= least:
            tensors = more
    exact = replace(recipe, tensors=tensors)
    if tensors and outlook(held, exact, judging)[0] > ratio + WORTH_DB:
        return exact
    return recipe


def _drowned_layers(held: ObservedModel) -> Iterator[Node]:
    """Layers of which rounding leaves less than `DROWNED_DB`, the least first."""
    noises: dict[str, float] = {}
    for fits in held.fits.values():
        for (name, _), one in fits.items():
            noises[name] = max(noises.get(name, 0.0), one.noise or 0.0)
    nodes = {str(node.name): node for node in held.model.ir.graph}
    for name, noise in sorted(noises.items(), key=lambda item: -item[1]):
        if noise > 10 ** (-DROWNED_DB / 10):
            yield nodes[name]
