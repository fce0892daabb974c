"""Frames of a fixed number joined to a stream along time become selections by the frame's position.

``cat([x[..., :1], x[..., 1:] - x[..., :-1]], -1)`` is the difference, but for frame 0, which is that of x. A part of
fixed length has no frames of its own in a hop. So it is taken of all frames, and a constant mask selects its places.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes import simplify
from edgekit.export.passes.constant_parts import Parts
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import Facts
from edgekit.export.stream.windows import slice_of
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute, static_shape


@dataclass(frozen=True)
class Joins:
    """Places of nodes in the order of a graph, the same at every length.

    Attributes:
        growing: place of a Concat along time -> which of its inputs grows.
        cuts: nodes that take a fixed number of frames of a stream, with the axis.
    """

    growing: Mapping[int, int]
    cuts: Mapping[int, int]


def find_joins(graph: ir.Graph, facts: Facts) -> Joins:
    """Return the Concats of one stream with parts of fixed length that are not all one constant number."""
    order = {node: place for place, node in enumerate(graph)}
    cuts = {
        place: axis for node, place in order.items() if (axis := _cut_axis(node, facts)) is not None
    }
    found = Joins({}, cuts)
    growing = {}
    for node, place in order.items():
        which = _growing_part(node, facts)
        if which is None or _is_padding(node, which):
            continue
        if _keep_their_places(node, which, facts, _Heads(order, found)):
            growing[place] = which
    return replace(found, growing=growing)


def _keep_their_places(node: ir.Node, which: int, facts: Facts, heads: "_Heads") -> bool:
    """Whether the frames of all fixed parts are as far from those of the growing one at both lengths."""
    grown = _growth(node.inputs[which], facts)
    for number, value in enumerate(node.inputs):
        if number == which:
            continue
        if value is None or not heads.is_known(value):
            return False
        later = grown if number > which else 0
        cuts = list(heads.cuts_of(value))
        axes = [heads.joins.cuts[heads.order[cut]] for cut in cuts]
        if any(
            _start_growth(cut, facts, axis) != later for cut, axis in zip(cuts, axes, strict=True)
        ):
            return False
    return True


def with_selections(offline: Offline, joins: Joins) -> Offline:
    """Return the network with these Concats as selections, at every length."""

    def at(samples: int) -> Model:
        model = offline.at(samples)
        copy = model.ir.clone()
        order = {node: place for place, node in enumerate(copy.graph)}
        heads = _Heads(order, joins)
        for node, place in order.items():
            if place in joins.growing:
                _select(copy.graph, node, joins.growing[place], heads)
        return replace(model, ir=simplify(copy))

    return replace(offline, at=cache(at))


def _cut_axis(node: ir.Node, facts: Facts) -> int | None:
    """Return the time axis of a stream of which a node takes a fixed number of frames, and nothing else."""
    node = _gather_of(node) or node
    if node.op_type not in ("Slice", "Gather"):
        return None
    time = facts.time(node.inputs[0])
    if time is None or facts.axes.get(node.outputs[0]) or node.outputs[0] in facts.changed:
        return None
    return time.axis if _takes_rows(node, time.axis) else None


def _takes_rows(node: ir.Node, axis: int) -> bool:
    """Whether a Gather takes one row of an axis, or a Slice rows that follow each other."""
    shape = static_shape(node.inputs[0]) or ()
    if node.op_type == "Gather":
        index = array_of(node.inputs[1])
        along = int(attribute(node, "axis", 0)) % len(shape) == axis
        return along and index is not None and index.size == 1
    cut = slice_of(node, axis, shape[axis])
    return cut is not None and cut.step == 1


def _growth(value: ir.Value | None, facts: Facts) -> int:
    """Return by how many frames a stream is longer at the longer length."""
    time = facts.time(value)
    assert time is not None
    return time.length(facts.samples[1]) - time.length(facts.samples[0])


def _start_growth(cut: ir.Node, facts: Facts, axis: int) -> int:
    """Return by how many frames the first frame that a node cuts is later at the longer length."""
    twin = facts.twins[cut.outputs[0]].producer()
    assert twin is not None
    return _source_of(twin, axis)[1] - _source_of(cut, axis)[1]


def _gather_of(node: ir.Node) -> ir.Node | None:
    """Return the Gather of one index whose axis a Reshape puts back."""
    source = node.inputs[0] if node.op_type == "Reshape" else None
    gather = None if source is None else source.producer()
    if gather is None or gather.op_type != "Gather":
        return None
    shape, index = list(static_shape(gather.inputs[0]) or ()), array_of(gather.inputs[1])
    if index is None or index.size != 1:
        return None
    shape[int(attribute(gather, "axis", 0)) % len(shape)] = 1
    return gather if tuple(shape) == static_shape(node.outputs[0]) else None


def _growing_part(node: ir.Node, facts: Facts) -> int | None:
    """Return which input of a Concat along time grows, if exactly one does."""
    time = facts.time(node.outputs[0]) if node.op_type == "Concat" else None
    rank = len(static_shape(node.outputs[0]) or ())
    if time is None or int(attribute(node, "axis", 0)) % rank != time.axis:
        return None
    growing = [n for n, value in enumerate(node.inputs) if facts.time(value) is not None]
    return growing[0] if len(growing) == 1 else None


def _is_padding(node: ir.Node, which: int) -> bool:
    """Whether all other parts are one number, which is a padding."""
    arrays = [array_of(value) for n, value in enumerate(node.inputs) if n != which]
    known = [array for array in arrays if array is not None]
    numbers = {float(number) for array in known for number in np.unique(array)}
    return len(known) == len(arrays) and len(numbers) < 2


class _Heads:
    """Finds, for values of a fixed number of frames, the streams that they are taken of."""

    def __init__(self, order: Mapping[ir.Node, int], joins: Joins) -> None:
        self.order, self.joins = order, joins

    def is_known(self, value: ir.Value) -> bool:
        """Whether a value is a constant, or elementwise of constants and of frames cut from streams."""
        producer = value.producer()
        if producer is None:
            return array_of(value) is not None
        if self.order.get(producer) in self.joins.cuts:
            return True
        elementwise = facts_of(producer).elementwise and len(producer.outputs) == 1
        return elementwise and all(one is None or self.is_known(one) for one in producer.inputs)

    def cuts_of(self, value: ir.Value) -> Iterator[ir.Node]:
        """Yield the nodes that cut the frames of a value from streams."""
        producer = value.producer()
        if producer is None:
            return
        if self.order.get(producer) in self.joins.cuts:
            yield producer
            return
        for one in producer.inputs:
            if one is not None:
                yield from self.cuts_of(one)


def _select(graph: ir.Graph, node: ir.Node, which: int, heads: _Heads) -> None:
    parts = Parts(graph, node)
    values = [value for value in node.inputs if value is not None]
    shape = parts.shape(node.outputs[0])
    axis = int(attribute(node, "axis", 0)) % len(shape)
    sizes = [parts.shape(value)[axis] for value in values]
    place = sum(sizes[:which])
    result = parts.place_rows(values[which], axis, place, shape[axis])
    start = 0
    for number, (value, size) in enumerate(zip(values, sizes, strict=True)):
        if number != which:
            mask = np.zeros([shape[axis] if n == axis else 1 for n in range(len(shape))], bool)
            mask[
                tuple(slice(start, start + size) if n == axis else 0 for n in range(len(shape)))
            ] = True
            whole = _spread(parts, value, heads, axis, start, shape[axis])
            chosen = parts.constant(mask, np.bool_), whole, result
            result = parts.add_shaped("Where", chosen, shape, like=result)
        start += size
    parts.finish()


def _spread(
    parts: Parts, value: ir.Value, heads: _Heads, axis: int, start: int, frames: int
) -> ir.Value:
    """Return a stream of so many frames that has a part's frames from `start` on."""
    array = array_of(value)
    if array is not None:
        return parts.constant(_fill_up(array, axis, start, frames), array.dtype.type)
    producer = value.producer()
    assert producer is not None
    if heads.order.get(producer) in heads.joins.cuts:
        source, first = _source_of(producer, axis)
        return parts.place_rows(source, axis, start - first, frames)
    inputs: list[ir.Value] = []
    for one in producer.inputs:
        assert one is not None
        small = (static_shape(one) or ())[axis - len(parts.shape(value)) :][:1] in ((), (1,))
        fixed = small and not list(heads.cuts_of(one))
        inputs.append(one if fixed else _spread(parts, one, heads, axis, start, frames))
    shape = list(parts.shape(value))
    shape[axis] = frames
    return parts.add_shaped(producer.op_type, inputs, shape, like=value, **producer.attributes)


def _fill_up(array: Array, axis: int, start: int, frames: int) -> Array:
    """Return an array with zeros around it, so that it has so many frames, its own from `start` on."""
    sides = [
        (start, frames - start - array.shape[axis]) if n == axis else (0, 0)
        for n in range(array.ndim)
    ]
    return np.pad(array, sides)


def _source_of(node: ir.Node, axis: int) -> tuple[ir.Value, int]:
    """Return the stream that a node cuts frames from, and the first of them."""
    node = _gather_of(node) or node
    source = node.inputs[0]
    assert source is not None
    size = (static_shape(source) or ())[axis]
    if node.op_type == "Gather":
        index = array_of(node.inputs[1])
        assert index is not None
        return source, int(index.ravel()[0]) % size
    cut = slice_of(node, axis, size)
    assert cut is not None
    return source, cut.start
