"""Time axis, rate and length of every tensor, read off the same network at two lengths."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.passes.metadata import module_of, place_of
from edgekit.export.passes.origins import Origin, origins_of
from edgekit.graph.nodes import array_of, static_shape


@dataclass(frozen=True)
class TimeAxis:
    """One axis of a tensor whose size is ``rate * samples + offset``."""

    axis: int
    rate: Fraction
    offset: int

    def length(self, samples: int) -> int:
        """Frames of the tensor for an input of `samples`."""
        return int(self.rate * samples) + self.offset


@dataclass(frozen=True)
class Facts:
    """Facts about the values of a network from two instances of it.

    Attributes:
        axes: the axes of a value that grow with the input; a value without entry does not grow.
        twins: the same values in the longer instance.
        changed: constants of one shape whose content follows the length, as the target of a Reshape.
        samples: lengths of the two instances.
        origins: origins of constants in the two instances.
        segment: a hop must hold a whole number of so many samples, in addition to the demands of the rates.
    """

    axes: Mapping[ir.Value, tuple[TimeAxis, ...]]
    twins: Mapping[ir.Value, ir.Value]
    changed: frozenset[ir.Value]
    samples: tuple[int, int]
    origins: tuple[dict[str, Origin], dict[str, Origin]]
    segment: int = 1

    def time(self, value: ir.Value | None) -> TimeAxis | None:
        """Return the time axis of a value that has exactly one."""
        axes = self.axes.get(value, ()) if value is not None else ()
        return axes[0] if len(axes) == 1 else None

    def minimum_hop(self) -> int:
        """Return the smallest number of samples that is a whole number of frames of every tensor."""
        rates = [axis.rate for axes in self.axes.values() for axis in axes]
        return int(np.lcm.reduce([self.segment, *(rate.denominator for rate in rates)]))


def find_facts(short: ir.Graph, long: ir.Graph, samples: tuple[int, int]) -> Facts:
    """Compare a graph with the same one at a greater length.

    Args:
        short: the graph at the smaller number of samples; the facts are about its values.
        long: the graph at the greater number.
        samples: both numbers.

    Raises:
        ModelError: the graphs differ in more than sizes and constants, or a size is not
            ``rate * samples + offset``.
    """
    check_same(short, long)
    axes: dict[ir.Value, tuple[TimeAxis, ...]] = {}
    changed = set()
    problems = []
    for value, twin in _pairs(short, long):
        before, after = static_shape(value), static_shape(twin)
        if before is None or after is None or len(before) != len(after):
            problems.append(_problem(value, "its rank follows the length of the input"))
            continue
        grown, crooked = _growth(before, after, samples)
        problems += [_problem(value, found) for found in crooked]
        if grown:
            axes[value] = tuple(grown)
        elif not _equal(value, twin):
            changed.add(value)
    if problems:
        raise ModelError(problems)
    origins = origins_of(short), origins_of(long)
    return Facts(axes, dict(_pairs(short, long)), frozenset(changed), samples, origins)


def _growth(
    before: tuple[int, ...], after: tuple[int, ...], samples: tuple[int, int]
) -> tuple[list[TimeAxis], list[str]]:
    """Return the axes along which a shape grows, and sizes that are not ``rate * samples + offset``, in words."""
    axes, crooked = [], []
    for axis, (small, large) in enumerate(zip(before, after, strict=True)):
        rate = Fraction(large - small, samples[1] - samples[0])
        offset = small - rate * samples[0]
        if rate < 0 or offset.denominator != 1:
            crooked.append(f"{small} and {large} frames for {samples} samples")
        elif rate:
            axes.append(TimeAxis(axis, rate, int(offset)))
    return axes, crooked


def values_of(graph: ir.Graph) -> Iterator[ir.Value]:
    """Return all values in an order that two equal graphs share: inputs, then in the order of nodes."""
    seen: dict[ir.Value, None] = dict.fromkeys(graph.inputs)
    for node in graph:
        seen.update(dict.fromkeys(value for value in node.inputs if value is not None))
        seen.update(dict.fromkeys(node.outputs))
    seen.update(dict.fromkeys(graph.outputs))
    yield from seen


def _pairs(short: ir.Graph, long: ir.Graph) -> Iterator[tuple[ir.Value, ir.Value]]:
    for value, twin in zip(values_of(short), values_of(long), strict=True):
        if value.uses() or value.is_graph_output():
            yield value, twin


def check_same(short: ir.Graph, long: ir.Graph) -> None:
    """Raise a ModelError where two graphs differ in more than sizes and constants."""
    order = {value: number for number, value in enumerate(values_of(short))}
    other = {value: number for number, value in enumerate(values_of(long))}
    for node, twin in zip(short, long, strict=False):
        if _form_of(node, order) != _form_of(twin, other):
            found = "the network has another form at another length of its input"
            raise ModelError(_node_problem(node, found))
    if len(short) != len(long) or len(order) != len(other):
        found = f"{len(short)} nodes at one length of the input, {len(long)} at another"
        where = grown_module(short, long)
        allowed = "the same operators at every length"
        raise ModelError(Problem(where, found, allowed, "remove what depends on the length"))


def grown_module(short: ir.Graph, long: ir.Graph) -> str:
    """Return the module with the most nodes that only the longer graph has, as messages name it."""
    grown = Counter(module_of(node) for node in long)
    grown.subtract(module_of(node) for node in short)
    named = [(count, module) for module, count in grown.items() if module and count > 0]
    return f"module '{max(named)[1]}'" if named else "the network"


def _form_of(
    node: ir.Node, order: Mapping[ir.Value, int]
) -> tuple[str, list[int | None], dict[str, str]]:
    """Return the operator of a node, the numbers of the values that it reads, and its attributes."""
    wiring = [order.get(value) for value in node.inputs if value is not None]
    attributes = {name: str(attribute.value) for name, attribute in node.attributes.items()}
    return node.op_type, wiring, attributes


def _equal(value: ir.Value, twin: ir.Value) -> bool:
    left, right = array_of(value), array_of(twin)
    if left is None or right is None:
        return left is right
    return left is right or np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


def _problem(value: ir.Value, found: str) -> Problem:
    producer = value.producer()
    if producer is not None:
        return _node_problem(producer, found)
    allowed, step = "sizes rate * samples + constant", "remove what depends on the length"
    return Problem(f"value '{value.name}'", found, allowed, step)


def _node_problem(node: ir.Node, found: str) -> Problem:
    return Problem(
        place_of(node),
        found,
        "the same operators at every length, with sizes rate * samples + constant",
        "remove what depends on the length",
    )
