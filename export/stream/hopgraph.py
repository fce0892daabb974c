"""The graph of one hop while it is built: nodes, constants, states and the two counters."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import ArrayLike, DTypeLike

from edgekit.base.arrays import Array, Float32, Int64
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, StatePair
from edgekit.graph.nodes import unused_name

TURN = 2**20  # hops after which the counter of turns rises and that of hops restarts


class HopGraph:
    """Collects the nodes of the rules; every value and node gets a unique name.

    Attributes:
        hop: samples of one call.
        graph: the graph so far.
        states: the state pairs so far; all states are float32 and start at zero.
        end_state: see `Model.end_state`; None unless `missing` is used.
        counters: states that count hops, by what they count.
    """

    def __init__(self, hop: int, opsets: dict[str, int]) -> None:
        """Create an empty graph."""
        self.hop = hop
        self.graph = ir.Graph([], [], nodes=[], opset_imports=opsets, name="hop")
        self.states: list[StatePair] = []
        self.end_state: str | None = None
        self.counters: dict[str, ir.Value] = {}
        self._names: set[str] = set()

    def name(self, base: str) -> str:
        """Return `base`, or `base` with a number if it is taken."""
        name = unused_name(self._names, base)
        self._names.add(name)
        return name

    def input(self, name: str, shape: Sequence[int], dtype: ir.DataType | None) -> ir.Value:
        """Add a graph input."""
        kind = ir.TensorType(dtype or ir.DataType.FLOAT)
        value = ir.Value(name=self.name(name), shape=ir.Shape(shape), type=kind)
        self.graph.inputs.append(value)
        return value

    def constant(self, array: ArrayLike, name: str, dtype: DTypeLike = np.float32) -> ir.Value:
        """Add an initializer."""
        content = np.ascontiguousarray(array, dtype).reshape(np.shape(array))
        tensor = ir.Tensor(content, name=self.name(name))
        kind = ir.TensorType(tensor.dtype)
        value = ir.Value(
            name=tensor.name, shape=ir.Shape(content.shape), type=kind, const_value=tensor
        )
        self.graph.register_initializer(value)
        return value

    def add(
        self, name: str, op_type: str, *inputs: ir.Value | None, outputs: int = 1, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        """Append a node named after `name`; returns its outputs."""
        node = ir.node(op_type, list(inputs), attributes, num_outputs=outputs, name=self.name(name))
        return self._append(node)

    def one(self, name: str, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Append a node with one output."""
        return self.add(name, op_type, *inputs, **attributes)[0]

    def own(self, name: str, op_type: str, *inputs: ir.Value, shape: Sequence[int]) -> ir.Value:
        """Append a node of our own domain with one float output of this shape; it stays in float."""
        kept, named = {FLOAT_NODE: "1"}, self.name(name)
        node = ir.node(op_type, list(inputs), domain=FRONTEND_DOMAIN, name=named)
        node.metadata_props.update(kept)
        (output,) = self._append(node)
        output.shape, output.dtype = ir.Shape(shape), ir.DataType.FLOAT
        return output

    def copy(
        self,
        node: ir.Node,
        inputs: Sequence[ir.Value | None],
        outputs: int | None = None,
        **attributes: Any,
    ) -> tuple[ir.Value, ...]:
        """Append a node like `node` with other inputs and, where given, outputs and attributes."""
        kept = [kind for name, kind in node.attributes.items() if name not in attributes]
        new = ir.Node(
            node.domain,
            node.op_type,
            list(inputs),
            [*kept, *ir.convenience.convert_attributes(attributes)],
            num_outputs=outputs or len(node.outputs),
            name=self.name(node.name or node.op_type.lower()),
        )
        new.metadata_props.update(node.metadata_props)
        return self._append(new)

    def _counter(self, name: str) -> ir.Value:
        """Add a state that counts, float32 (1,)."""
        self.counters[name] = self.state(name, (1,))
        return self.counters[name]

    def states_after(self, hops: int) -> dict[str, Float32]:
        """Return the counters after so many hops of a stream that goes on, by the names of their states."""
        high, low = divmod(hops, TURN)
        counts = {"hops": hops, "elapsed.low": low, "elapsed.high": high, "end": 0}
        return {
            str(state.name): np.full(1, counts[name], np.float32)
            for name, state in self.counters.items()
        }

    def state(self, name: str, shape: Sequence[int]) -> ir.Value:
        """Add a state input; `carry` sets its next value."""
        return self.input(f"{name}.state", shape, ir.DataType.FLOAT)

    def carry(self, state: ir.Value, following: ir.Value) -> None:
        """Make `following` the next value of `state`."""
        name = self.name(f"{state.name}.next")
        output = self.one(f"{state.name}.carry", "Identity", following)
        output.name, output.shape, output.type = name, state.shape, state.type
        self.graph.outputs.append(output)
        self.states.append(StatePair(str(state.name), name))

    def slice(self, value: ir.Value, axis: int, start: int, end: int, name: str) -> ir.Value:
        """Frames ``[start, end)`` along an axis."""
        bounds = [
            self.constant([n], f"{name}.{k}", np.int64)
            for k, n in (("start", start), ("end", end), ("axis", axis))
        ]
        return self.one(name, "Slice", value, *bounds)

    def reshape(self, value: ir.Value, shape: Sequence[int], name: str) -> ir.Value:
        """Return the value in another shape."""
        return self.one(name, "Reshape", value, self.constant(shape, f"{name}.dims", np.int64))

    @cached_property
    def hops(self) -> ir.Value:
        """Hops before this one, float32 (1,); stays at 2**24, where adding 1 rounds back."""
        state = self._counter("hops")
        one = self.constant([1], "hops.one")
        self.carry(state, self.exact(self.one("hops.count", "Add", state, one)))
        return state

    @cached_property
    def elapsed(self) -> ir.Value:
        """Hops before this one, float32 (1,), rounded beyond 2**24; it never stops."""
        low, high = self._counter("elapsed.low"), self._counter("elapsed.high")
        one, turn = self.constant([1], "elapsed.one"), self.constant([TURN], "elapsed.turn")
        more = self.exact(self.one("elapsed.count", "Add", low, one))
        full = self.one("elapsed.full", "GreaterOrEqual", more, turn)
        carried = self.one("elapsed.carried", "Cast", full, to=ir.DataType.FLOAT)
        lost = self.exact(self.one("elapsed.lost", "Mul", carried, turn))
        self.carry(low, self.exact(self.one("elapsed.rest", "Sub", more, lost)))
        self.carry(high, self.exact(self.one("elapsed.turns", "Add", high, carried)))
        past = self.exact(self.one("elapsed.past", "Mul", high, turn))
        return self.exact(self.one("elapsed.hops", "Add", past, low))

    @cached_property
    def first(self) -> ir.Value:
        """Whether this is the first hop, bool (1,)."""
        half = self.constant([0.5], "hops.half")
        return self.exact(self.one("hops.first", "Less", self.hops, half))

    @cached_property
    def missing(self) -> ir.Value:
        """Samples after the end of the stream so far, float32 (1,); see `Model.end_state`."""
        state = self._counter("end")
        self.end_state = str(state.name)
        one, hop = self.constant([1], "end.one"), self.constant([self.hop], "end.hop")
        ended = self.exact(self.one("end.ended", "Min", state, one))
        more = self.exact(self.one("end.more", "Mul", ended, hop))
        self.carry(state, self.exact(self.one("end.count", "Add", state, more)))
        return state

    def since(self, hops: Int64, name: str) -> ir.Value:
        """Return whether at least `hops` hops passed before, elementwise; bool of the shape of `hops`."""
        bound = self.constant(hops, f"{name}.hops")
        return self.exact(self.one(name, "GreaterOrEqual", self.hops, bound))

    def counted(
        self,
        start: Array,
        step: Array,
        place: Int64,
        name: str,
        dtype: np.dtype[np.generic],
    ) -> ir.Value:
        """Return a constant that grows by `step` from frame to frame, ``start + step * max(frame, 0)``.

        Args:
            start: at frame 0.
            step: of the shape of `start`.
            place: the frames of the first hop, 0 for frame 0; they follow each other.
            name: of the nodes.
            dtype: of the result.
        """
        frames = self.constant(place.size, f"{name}.frames")
        grown = self.exact(self.one(f"{name}.hop", "Mul", self.elapsed, frames))
        frame = self.exact(
            self.one(f"{name}.frame", "Add", grown, self.constant(place, f"{name}.place"))
        )
        if place.min() < 0:
            zero = self.constant(0, f"{name}.zero")
            frame = self.exact(self.one(f"{name}.since", "Max", frame, zero))
        rise = self.exact(
            self.one(f"{name}.rise", "Mul", frame, self.constant(step, f"{name}.step"))
        )
        value = self.exact(
            self.one(f"{name}.now", "Add", rise, self.constant(start, f"{name}.first"))
        )
        if dtype == np.float32:
            return value
        return self.one(f"{name}.cast", "Cast", value, to=ir.DataType.from_numpy(dtype))

    def exact(self, value: ir.Value) -> ir.Value:
        """Mark the node of a value as one that must be exact: it stays in float."""
        node = value.producer()
        assert node is not None
        node.metadata_props[FLOAT_NODE] = "1"
        return value

    def _append(self, node: ir.Node) -> tuple[ir.Value, ...]:
        for number, output in enumerate(node.outputs):
            output.name = self.name(f"{node.name}_out{number or ''}")
        self.graph.append(node)
        return tuple(node.outputs)
