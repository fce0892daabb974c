"""Choose among several recipes: the cheapest that is good enough, and none that another one beats."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.graph.model import Model
from edgekit.judge.waits import MOST_DRIFT_DB
from edgekit.operators.geometry import dims
from edgekit.quantize.apply import ObservedModel
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.search.space import BYTE_COST, BYTES, MAC_COST
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs

MOST_TURNED = 0.005  # of the decisions over all clips, see `Decisions.expected_share`
LESS_DRIFT = 0.7  # of the drift of a cheaper form: what wider types must leave at most, to be worth their cost


@dataclass(frozen=True)
class Auto:
    """A recipe and its quality.

    Attributes:
        recipe: settings, and the type of every group by the name of its first tensor.
        quantized: the network in it; `edgekit.verbs.auto.search.find` calibrates it on all clips.
        seen: the observations of its calibration.
        snr_db: of its outputs against the float network's, or the PSNR of its images, or the user's metric. It is
            measured in C, on clips left out of the calibration where there are several.
        cost: of a hop, as `cost_of` counts it.
        alone_db: by the first tensor of each group: the SNR with only this group in int8, or in its narrowest type, and
            everything else exact.
        turned: the share of decisions expected to change: that in calibration or that after waits, whichever is more;
            0 for a network without decisions.
        notes: the goals that it misses.
        drift_db: the largest change of level of sound after waits, see `edgekit.judge.waits`.
        taken: its costs in the bounded resources, see `edgekit.judge.budget`.
        failed: why it is not good enough, though it is the best; empty if it is.
    """

    recipe: Recipe
    quantized: Model
    seen: ObservedModel
    snr_db: float
    cost: float
    alone_db: dict[str, float]
    turned: float = 0.0
    drift_db: float = 0.0
    notes: tuple[str, ...] = ()
    taken: Mapping[str, int] = field(default_factory=dict)
    failed: str = ""

    @property
    def is_faithful(self) -> bool:
        """Whether decisions, and the level of sound after waits, are those of the float network."""
        return self.turned <= MOST_TURNED and self.drift_db <= MOST_DRIFT_DB


def cost_of(quantized: Model) -> float:
    """Return the cost of a hop: multiply-accumulates by the type of their inputs, and bytes of stored tensors."""
    facts = with_macs(describe(quantized, "host"), quantized)
    macs = {"int8": facts.macs_int8, "int16": facts.macs_int16, "float32": facts.macs_float}
    stored = sum(
        math.prod(dims(node.outputs[0])) * BYTES.get(node.outputs[0].dtype.name.lower(), 4)
        for node in quantized.ir.graph
        if node.op_type == "QuantizeLinear" and node.outputs[0].dtype is not None
    )
    return sum(count * MAC_COST[kind] for kind, count in macs.items()) + BYTE_COST * stored


def chosen(pool: Sequence[Auto], needed: float, least: float) -> Auto | None:
    """Return the cheapest faithful candidate that is good enough, else the least accepted one, or None.

    At equal cost the better one is taken, so none of the pool is as cheap and better. Where no candidate is faithful,
    the fewest changed decisions count first. Of these the cheapest is taken, unless another one has less than
    `LESS_DRIFT` of its drift.
    """
    for bound in (needed, least):
        if enough := [a for a in pool if a.snr_db >= bound and a.is_faithful]:
            return min(enough, key=lambda a: (a.cost, -a.snr_db))
    reached = [a for a in pool if a.snr_db >= least]
    if not reached:
        return None
    turned = max(MOST_TURNED, min(a.turned for a in reached))
    alike = [a for a in reached if a.turned <= turned]
    drift_db = max(MOST_DRIFT_DB, min(a.drift_db for a in alike))
    steady = [a for a in alike if LESS_DRIFT * a.drift_db <= drift_db]
    return min(steady, key=lambda a: (a.cost, -a.snr_db))
