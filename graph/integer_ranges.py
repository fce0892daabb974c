"""Finds the values that an input may have: from the size of the table that it indexes, else from an example.

A reader bounds its input. Nodes that only move, shift or scale numbers pass the bounds on to their operand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute, static_shape

PASSED = ("Cast", "Floor")  # leave whole numbers as they are


@dataclass(frozen=True)
class Bounds:
    """The least and the largest valid value; infinite if unknown."""

    low: float = -inf
    high: float = inf

    def both(self, other: "Bounds") -> "Bounds":
        """Return the intersection; if the two contradict each other, the first."""
        met = Bounds(max(self.low, other.low), min(self.high, other.high))
        return met if met.low <= met.high else self


def value_ranges(
    model: Model, examples: Mapping[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """Return the least and the largest whole number that inputs may have, by name.

    Inputs unknown from graph and examples are left out, and floats that are no indices.

    Args:
        model: the network.
        examples: arrays of inputs by name; they count if the graph shows no range.
    """
    found, ranges = _bounds_of_values(model.ir.graph), {}
    for value in model.ir.graph.inputs:
        name, bounds = str(value.name), found.get(value, Bounds())
        example = None if examples is None else examples.get(name)
        if value.dtype == ir.DataType.BOOL:
            continue
        if isfinite(bounds.high):
            high = floor(bounds.high)
            ranges[name] = min(ceil(max(bounds.low, 0)), high), high
        elif value.dtype != ir.DataType.FLOAT and example is not None and np.size(example):
            ranges[name] = int(np.min(example)), int(np.max(example))
    return ranges


def _bounds_of_values(graph: ir.Graph) -> dict[ir.Value, Bounds]:
    """Return the bounds that the readers of each computed value accept."""
    found: dict[ir.Value, Bounds] = {}
    for node in reversed(list(graph)):
        result = Bounds()
        for output in node.outputs[:1] if node.op_type == "TopK" else node.outputs:
            result = result.both(found.get(output, Bounds()))
        for index, value in enumerate(node.inputs):
            if value is not None and array_of(value) is None:
                found[value] = _bounds(node, index, result).both(found.get(value, Bounds()))
    return found


def _bounds(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Return the bounds of one input of a node that follow from those of its first result."""
    facts = facts_of(node)
    if facts.places is not None:
        return READERS[facts.places](node, index, result)
    if facts.affine is not None:
        scales = facts.affine in ("multiplies", "divides")
        return (_bounds_of_factor if scales else _bounds_of_term)(node, index, result)
    if node.op_type == "Equal" and facts.compares:
        return _bounds_of_label(node, index, result)
    if node.op_type in PASSED or (facts.moves is not None and index == 0) or facts.joins:
        return result
    return Bounds()


def _size(node: ir.Node, axis: int) -> int | None:
    shape = static_shape(node.inputs[0])
    return None if not shape else shape[axis % len(shape)]


def _index(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Return the bounds of places along one axis of the first operand, whose elements make the result."""
    if index != 1:
        return result
    size = _size(node, int(attribute(node, "axis", 0)))
    return Bounds() if size is None else Bounds(0, size - 1)


def _coordinates(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Places along several axes; one bound holds for all."""
    if index != 1:
        return result
    shape, last = static_shape(node.inputs[0]), static_shape(node.inputs[1])
    batch = int(attribute(node, "batch_dims", 0))
    if not shape or not last:
        return Bounds()
    return Bounds(0, min(shape[batch : batch + last[-1]], default=1) - 1)


def _one_hot(node: ir.Node, index: int, result: Bounds) -> Bounds:
    depth = array_of(node.inputs[1])
    return Bounds() if index or depth is None else Bounds(0, int(np.ravel(depth)[0]) - 1)


def _other_constant(node: ir.Node, index: int) -> Array | None:
    """Return the constant operand next to operand `index` of two."""
    array = array_of(node.inputs[1 - index]) if len(node.inputs) == 2 else None
    return array if array is not None and array.size and array.dtype.kind in "fiu" else None


def _bounds_of_term(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Return the bounds of x in the sum or difference of x and a constant."""
    array = _other_constant(node, index)
    if array is None:
        return Bounds()
    least, most = float(array.min()), float(array.max())
    if node.op_type == "Add":
        return Bounds(result.low - least, result.high - most)
    if index == 0:
        return Bounds(result.low + most, result.high + least)
    return Bounds(most - result.high, least - result.low)


def _bounds_of_factor(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Return the bounds of a factor or dividend; the constant is above 0, integer quotients are truncated."""
    array = _other_constant(node, index)
    if array is None or index or not (array > 0).all():
        return Bounds()
    least, most = float(array.min()), float(array.max())
    if node.op_type == "Mul":
        return Bounds(result.low / most, result.high / most)
    more = least - 1 if array.dtype.kind in "iu" else 0
    return Bounds(result.low * least, result.high * least + more)


def _bounds_of_label(node: ir.Node, index: int, result: Bounds) -> Bounds:
    """Return the bounds of values that it compares: whole constants, as the numbers of labels."""
    array = _other_constant(node, index)
    if array is None or (array.dtype.kind == "f" and (array != np.round(array)).any()):
        return Bounds()
    return Bounds(float(array.min()), float(array.max())) if array.size > 1 else Bounds()


READERS: dict[str, Callable[[ir.Node, int, Bounds], Bounds]] = {
    "axis": _index,
    "axes": _coordinates,
    "classes": _one_hot,
}
