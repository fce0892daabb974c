"""One length of an offline network while nodes of it are replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.chain import Chain
from edgekit.export.passes.origins import KEY, Origin
from edgekit.export.stream.tensor_timing import TimeAxis, values_of
from edgekit.graph.nodes import static_shape

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Grown:
    """A value that was one for all of time and is now one per frame.

    Attributes:
        axis: the axis of its frames.
        time: the time axis of the summed tensor.
        window: number of summed frames; None means all so far.
    """

    axis: int
    time: TimeAxis
    window: int | None


@dataclass
class Instance:
    """The graph at one length, and its time axes.

    Attributes:
        graph: changed in place.
        times: time axes by the number of a value, see `observed.values_of`.
        numbers: a scalar constant that follows the length -> ``(per sample, at 0)``.
        grown: values that have become one per frame.
    """

    graph: ir.Graph
    times: Mapping[int, tuple[TimeAxis, ...]]
    numbers: Mapping[int, tuple[float, float]]
    grown: dict[ir.Value, Grown] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Number the values of the unchanged graph."""
        ordered = list(values_of(self.graph))
        self._number = {value: n for n, value in enumerate(ordered)}
        self._current = dict(enumerate(ordered))
        self._shapes: dict[ir.Value, Shape] = {}

    def value(self, number: int) -> ir.Value:
        """Return the value that replaces value `number` of the offline network."""
        return self._current[number]

    def axes(self, value: ir.Value | None) -> tuple[TimeAxis, ...]:
        """Return the time axes that the value had before any replacement."""
        return () if value is None else self.times.get(self._number.get(value, -1), ())

    def time(self, value: ir.Value | None) -> TimeAxis | None:
        """Return the time axis of a value that has exactly one."""
        axes = self.axes(value)
        return axes[0] if len(axes) == 1 else None

    def number(self, value: ir.Value | None) -> tuple[float, float] | None:
        """Return the value of a scalar constant that follows the length."""
        return None if value is None else self.numbers.get(self._number.get(value, -1))

    def shape(self, value: ir.Value | None) -> Shape:
        """Return the shape at this length."""
        if value is not None and value in self._shapes:
            return self._shapes[value]
        return static_shape(value) or ()

    def finish(self, chain: Chain, shape: Sequence[int], grown: Grown | None = None) -> None:
        """Replace a node by its chain; `shape` is that of its result."""
        old = chain.node.outputs[0]
        result = chain.new[-1].outputs[0]
        chain.finish()
        number = self._number.get(old)
        if number is not None:
            self._number[result] = number
            self._current[number] = result
        self.note(result, shape, grown)

    def note(self, value: ir.Value, shape: Sequence[int], grown: Grown | None) -> None:
        """Remember the shape of a value that is new, or changed its shape."""
        self._shapes[value] = tuple(shape)
        if grown is not None:
            self.grown[value] = grown

    def along(self, chain: Chain, array: Array, axis: int, rank: int) -> ir.Value:
        """Return a constant with one number per frame, its frames on `axis` of `rank`."""
        shape = [1] * rank
        shape[axis] = -1
        return chain.constant(array.reshape(shape))

    def computed(
        self, made: ir.Value, array: Array, op_type: str, *operands: ir.Value
    ) -> tuple[ir.Value, Array]:
        """Remember the origin of the constant `made`, so that the stream can continue it."""
        origins: dict[str, Origin] = self.graph.meta.setdefault(KEY, {})
        content: list[tuple[str, Array] | None] = []
        for value in operands:
            assert value.const_value is not None
            content.append((str(value.name), value.const_value.numpy()))
        origins[str(made.name)] = Origin(op_type, (), tuple(content))
        return made, array


def append_time_constant(
    instance: Instance, chain: Chain, array: Array, axis: int, rank: int, *steps: tuple[str, float]
) -> ir.Value:
    """Append a constant along time: `array`, a count, and the `steps`, an operator and a number each, on it."""
    value = instance.along(chain, array, axis, rank)
    for op_type, number in steps:
        known = {"Min": np.minimum, "Max": np.maximum}.get(op_type)
        array = np.float32(number) / array if known is None else known(array, np.float32(number))
        one = chain.constant(number)
        made = instance.along(chain, array.astype(np.float32), axis, rank)
        operands = (one, value) if op_type == "Div" else (value, one)
        value, _ = instance.computed(made, array, op_type, *operands)
    return value
