"""Cuts, joins and selections of tensors along an axis, whose new values have static shapes at once."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int64
from edgekit.export.passes.chain import AttributeValue, Chain
from edgekit.graph.nodes import array_of, attribute, producer_of, static_shape


class Parts(Chain):
    """A chain whose nodes cut and join; what they make of constants is constant."""

    def shape(self, value: ir.Value) -> tuple[int, ...]:
        """Return the static shape of a value."""
        shape = static_shape(value)
        assert shape is not None
        return shape

    def add_shaped(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        shape: Sequence[int],
        like: ir.Value | None = None,
        **attributes: AttributeValue,
    ) -> ir.Value:
        """Append a node whose output has this shape, and the type of `like` or of its first input."""
        output = self.add(op_type, *inputs, **attributes)
        output.shape, output.type = ir.Shape(shape), (like or inputs[0]).type
        return output

    def own(self, value: ir.Value) -> ir.Value:
        """Return the value as one that a node of this chain makes."""
        if self.new and self.new[-1].outputs[0] is value:
            return value
        return self.add_shaped("Identity", (value,), self.shape(value))

    def transpose(self, value: ir.Value, perm: list[int]) -> ir.Value:
        """Return a value with its axes in another order; two orders that cancel leave no node."""
        if perm == sorted(perm):
            return value
        if (array := array_of(value)) is not None:
            return self._store(value, np.transpose(array, perm))
        producer = producer_of(value)
        if producer is not None and producer.op_type == "Transpose":
            before = list(attribute(producer, "perm", ()))
            source = producer.inputs[0]
            if source is not None and [before[n] for n in perm] == sorted(perm):
                return source
        shape = self.shape(value)
        return self.add_shaped("Transpose", (value,), [shape[n] for n in perm], perm=perm)

    def cut(self, value: ir.Value, axis: int, start: int, end: int) -> ir.Value:
        """Return ``[start, end)`` along an axis."""
        shape = list(self.shape(value))
        if start == 0 and end == shape[axis]:
            return value
        if (array := array_of(value)) is not None:
            return self._store(value, np.take(array, range(start, end), axis))
        bounds = [self.constant([n], np.int64) for n in (start, end, axis)]
        shape[axis] = end - start
        return self.add_shaped("Slice", (value, *bounds), shape)

    def rows(self, value: ir.Value, axis: int, rows: Int64) -> ir.Value:
        """Return chosen rows of an axis, in this order."""
        shape = list(self.shape(value))
        if len(rows) and (np.diff(rows) == 1).all():
            return self.cut(value, axis, int(rows[0]), int(rows[-1]) + 1)
        if (array := array_of(value)) is not None:
            return self._store(value, np.take(array, rows, axis))
        shape[axis] = len(rows)
        index = self.constant(rows, np.int64)
        return self.add_shaped("Gather", (value, index), shape, axis=axis)

    def join(self, values: Sequence[ir.Value], axis: int) -> ir.Value:
        """Return values one after another along an axis."""
        if len(values) == 1:
            return values[0]
        shape = list(self.shape(values[0]))
        shape[axis] = sum(self.shape(value)[axis] for value in values)
        return self.add_shaped("Concat", values, shape, axis=axis)

    def reshape(self, value: ir.Value, shape: tuple[int, ...]) -> ir.Value:
        """Return the elements in another shape."""
        if (array := array_of(value)) is not None:
            return self._store(value, array.reshape(shape))
        return self.add_shaped("Reshape", (value, self.constant(shape, np.int64)), shape)

    def fill_up(self, value: ir.Value, axis: int, size: int) -> ir.Value:
        """Return the value with zeros up to a size of an axis."""
        shape = list(self.shape(value))
        more = size - shape[axis]
        if not more:
            return value
        pads = [0] * 2 * len(shape)
        pads[len(shape) + axis] = more
        if (array := array_of(value)) is not None:
            sides = [(0, more if n == axis else 0) for n in range(len(shape))]
            return self._store(value, np.pad(array, sides))
        shape[axis] = size
        return self.add_shaped("Pad", (value, self.constant(pads, np.int64)), shape)

    def place_rows(self, value: ir.Value, axis: int, place: int, size: int) -> ir.Value:
        """Return the value with its first row at `place` of `size`, zeros around it; what lies outside is cut off."""
        shape = list(self.shape(value))
        first, last = max(-place, 0), min(shape[axis], size - place)
        value = self.cut(value, axis, first, last)
        pads = [0] * 2 * len(shape)
        pads[axis], pads[len(shape) + axis] = max(place, 0), size - max(place, 0) - (last - first)
        if not any(pads):
            return value
        shape[axis] = size
        return self.add_shaped("Pad", (value, self.constant(pads, np.int64)), shape)

    def bounds(self, node: ir.Node, axis: int) -> tuple[int, int] | None:
        """Return first and last place of a Slice that goes along this axis alone, in steps of 1; None otherwise."""
        inputs = [*node.inputs, None, None][:5]
        starts, ends, axes, steps = (array_of(value) for value in inputs[1:])
        shape = self.shape(node.inputs[0]) if node.inputs[0] is not None else ()
        if starts is None or ends is None or axes is None or starts.size != 1:
            return None
        step = 1 if steps is None else int(steps[0])
        if (int(axes[0]) % len(shape), step) != (axis, 1):
            return None
        start, end, _ = slice(int(starts[0]), int(ends[0])).indices(shape[axis])
        return (start, end) if start < end else None

    def _store(self, like: ir.Value, array: np.ndarray) -> ir.Value:
        return self.constant(array, array.dtype.type)
