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
# Few decisions of a calibration are near enough to change. About twice as many change at twice the error, and an error
# could as well have the other sign. So those give a more reliable estimate.
ERROR_FACTOR = 2.0
# Changes cluster by clip: they have a negative binomial distribution with this shape. Builds of Silero VAD have 0.3 to
# 1.5 on the tuning set of `bench/quality`, half of them 0.8 or less.
CLIP_SHAPE = 0.5
BEYOND = 0.025  # probability of more changes than the limit: the upper end of a two-sided interval of 95 %


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

        A standard error is added: of few decisions, few changed ones say little. It is that of a negative binomial
        count, see `least_alike`. Where none changed it adds nothing.
        """
        if not shares:
            return 0.0
        mean = float(np.mean(shares))
        clustered = 1 + mean * self.count / len(shares) / CLIP_SHAPE
        return (mean + math.sqrt(mean / self.count * clustered)) / ERROR_FACTOR

    def turned(self, clip: int, outputs: Arrays) -> float:
        """Return the share of an output's decisions that change at `ERROR_FACTOR` times the error; the worst one's.

        It is the mean of that with the errors and that with all errors of the other sign.
        """
        shares = []
        for name, end in self.ends.items():
            exact = self._exact[clip][name].astype(np.float64)
            error = ERROR_FACTOR * (outputs[name] - exact)
            made = decisions_of(exact, end)
            changed = [made != decisions_of(found, end) for found in (exact + error, exact - error)]
            shares.append(float(np.mean(changed)))
        return max(shares)


def least_alike(changed: int, decisions: int, clips: int) -> float:
    """Return the least share of decisions that stay in as many other clips, with a probability of 95 %.

    Changed decisions of clips with gamma-distributed rates are negative binomial. The number in these clips, given that
    of both sets, is then beta-binomial with `CLIP_SHAPE` times the number of clips on both sides, whatever the mean
    rate is. So the limit is exact, as the binomial one is for Poisson counts (Nelson, Applied Life Data, 1982).
    One change more than was counted is taken: other clips have other voices and noises.

    Args:
        changed: the decisions that changed.
        decisions: all of them.
        clips: the number of clips, of about the same length.
    """
    shape, found = CLIP_SHAPE * clips, changed + 1
    low, high = found, max(decisions, found)
    while low < high:  # the largest count of the others that is likely enough
        middle = (low + high + 1) // 2
        if _few_of(found, found + middle, shape) >= BEYOND:
            low = middle
        else:
            high = middle - 1
    return max(1 - low / decisions, 0.0)


def _few_of(most: int, total: int, shape: float) -> float:
    """Return the probability of at most `most` of `total` in one of two sets, beta-binomial with one shape for both."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    each = (
        log_beta(x + shape, total - x + shape)
        - log_beta(shape, shape)
        - log_beta(x + 1, total - x + 1)
        - math.log(total + 1)
        for x in range(most + 1)
    )
    return math.fsum(map(math.exp, each))


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
