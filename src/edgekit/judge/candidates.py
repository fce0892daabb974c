"""Which of several recipes to take: the cheapest that is good enough, and none that another one beats."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.apply import ObservedModel
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.search.space import BYTE_COST, BYTES, MAC_COST
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs

MOST_TURNED = 0.005  # of the decisions over all clips, see `Decisions.turned`


@dataclass(frozen=True)
class Auto:
    """A recipe, and what it reaches.

    Attributes:
        recipe: settings, and the type of every group by the name of its first tensor.
        quantized: the network in it; of what `edgekit.verbs.auto.search.find` returns, calibrated on all clips.
        seen: what it was calibrated by.
        snr_db: of its outputs against the float network's, or the PSNR of its images, or what the user's metric
            says; measured in C, on clips left out of the calibration where there are several.
        cost: of a hop, as `cost_of` counts it.
        alone_db: by the first tensor of each group: the ratio with this group alone in int8, or in the
            narrowest type it may have, and everything else exact.
        turned: the share of decisions that twice its error turns; 0 of a network that decides nothing.
        notes: what it falls short of.
        taken: what it takes of what is bounded, see `edgekit.judge.budget`.
    """

    recipe: Recipe
    quantized: Model
    seen: ObservedModel
    snr_db: float
    cost: float
    alone_db: dict[str, float]
    turned: float = 0.0
    notes: tuple[str, ...] = ()
    taken: Mapping[str, int] = field(default_factory=dict)


def cost_of(quantized: Model) -> float:
    """What a hop costs: multiply-accumulates by the type of their inputs, and bytes of tensors that are stored."""
    facts = with_macs(describe(quantized, "host"), quantized)
    macs = {"int8": facts.macs_int8, "int16": facts.macs_int16, "float32": facts.macs_float}
    stored = sum(
        math.prod(dims(node.outputs[0])) * BYTES.get(node.outputs[0].dtype.name.lower(), 4)
        for node in quantized.ir.graph
        if node.op_type == "QuantizeLinear" and node.outputs[0].dtype is not None
    )
    return sum(count * MAC_COST[kind] for kind, count in macs.items()) + BYTE_COST * stored


def chosen(pool: Sequence[Auto], needed: float, least: float) -> Auto | None:
    """Return the cheapest that reaches what is needed, with its decisions kept, else the least that is; or None.

    Of equal cost the better one; so none of the pool is as cheap and better. Where no decisions are kept, that
    with the fewest turned.
    """
    for bound in (needed, least):
        if enough := [a for a in pool if a.snr_db >= bound and a.turned <= MOST_TURNED]:
            return min(enough, key=lambda a: (a.cost, -a.snr_db))
    reached = [a for a in pool if a.snr_db >= least]
    return min(reached, key=lambda a: (a.turned, a.cost, -a.snr_db)) if reached else None
