"""Outputs that decide: the share of decisions from a network's probabilities that rounding changes.

An output is a probability if a sigmoid or a softmax ends it. Its signal-to-noise ratio is misleading: where nearly
all is near 1, it is flattering. So the decisions themselves are counted.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.operators.roles import activations, is_move

Arrays = Mapping[str, Array]
THRESHOLD = 0.5  # of a sigmoid
# Few decisions of a calibration are near enough to change. About twice as many change at twice the error, so those
# give a more reliable estimate.
ERROR_FACTOR = 2.0


class Decisions:
    """The decisions of the float network over clips, and how often another network decides otherwise."""

    def __init__(self, model: Model, clips: Sequence[Arrays]) -> None:
        """Run the float network in onnxruntime; `clips` map stream inputs to (hops, *shape)."""
        self.ends = probabilities(model)
        self.clips = list(clips) if self.ends else []
        runner = HopRunner(model)
        self._exact = [runner(clip) for clip in self.clips]

    @property
    def count(self) -> int:
        """The number of decisions over all clips, of the output with the fewest."""
        sizes = [
            sum(decisions_of(exact[name], end).size for exact in self._exact)
            for name, end in self.ends.items()
        ]
        return min(sizes, default=0)

    def expected_share(self, shares: Sequence[float]) -> float:
        """Return the share of decisions to expect changed, from those of all clips at `ERROR_FACTOR` times the error.

        A standard error is added: of few decisions, few changed ones say little. Where none changed it adds nothing.
        """
        if not shares:
            return 0.0
        mean = float(np.mean(shares))
        return (mean + math.sqrt(mean / self.count)) / ERROR_FACTOR

    def turned(self, clip: int, outputs: Arrays) -> float:
        """Return the share of an output's decisions that change at `ERROR_FACTOR` times the error; the worst one's."""
        shares = []
        for name, end in self.ends.items():
            exact = self._exact[clip][name].astype(np.float64)
            found = exact + ERROR_FACTOR * (outputs[name] - exact)
            shares.append(float(np.mean(decisions_of(exact, end) != decisions_of(found, end))))
        return max(shares)


def decisions_of(array: Array, end: str) -> Array:
    """Yes or no of each sigmoid; of a softmax along the last axis, which is largest."""
    return array >= THRESHOLD if end == "Sigmoid" else np.argmax(array, axis=-1)


def probabilities(model: Model) -> dict[str, str]:
    """The operator, ``Sigmoid`` or ``Softmax``, by the name of each stream output that it ends, moved or averaged."""
    ends = {}
    for output in model.stream_outputs:
        node = output.producer()
        while node is not None and (is_move(node) or facts_of(node).averages):
            node = next((value.producer() for value in activations(node)), None)
        if node is not None and node.domain == "" and node.op_type in ("Sigmoid", "Softmax"):
            ends[str(output.name)] = node.op_type
    return ends
