"""One node as emitters see it: its operands in the type and order that they ask for, and the places of results."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import Frame, Weight, frame_of
from edgekit.operators.roles import constant, fused_activation
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.file import has_activation, set_activation
from edgekit.targets.litert.orders import (
    UNIT,
    Order,
    is_same_memory,
    natural,
    permutation,
    stored_shape,
)
from edgekit.targets.litert.tensors import BUILTIN_OPTIONS, Tensors, plain_options

Bounds = tuple[float | None, float | None]
CLAMPS: dict[Bounds, int] = {
    (0.0, None): 1,
    (-1.0, 1.0): 2,
    (0.0, 6.0): 3,
}  # of ActivationFunctionType  # of ActivationFunctionType


class LiteRTRefused(Exception):
    """LiteRT has no form of a node: the finding, the allowed form, the step to take."""

    def __init__(
        self, found: str, allowed: str, step: str = "use --target host or onnxruntime"
    ) -> None:
        """Take the parts of the problem."""
        super().__init__(found)
        self.parts = found, allowed, step


@dataclass
class Item:
    """A value of the network and the tensors of the file that hold it, by the order of their axes.

    `kind` is the type of integers that stand for reals; `array` the content of a constant.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: QuantType | None = None
    array: Array | None = None
    tensors: dict[Order, int] = field(default_factory=dict)
    source: str | None = None  # the graph input that it is, where a state

    @property
    def order(self) -> Order:
        """The order in which it was computed."""
        return next(iter(self.tensors), natural(len(self.shape)))


class NodeEmission(Tensors):
    """The operands and results of an emitter; the current `node` runs in integers where it has `frames`."""

    def __init__(self, name: str, halves: bool, micro: bool) -> None:
        """Start an empty graph, see `Tensors`."""
        super().__init__(name, halves, micro)
        self.real: dict[ir.Value, Item] = {}
        self.ints: dict[ir.Value, Item] = {}  # by quantized and by dequantized value
        self.weights: dict[ir.Value, Weight] = {}
        self.node: ir.Node
        self.frames: list[Frame | None] = []  # of the node's outputs where it runs in integers
        self.work = "float32"  # the type that the node's operator computes in
        self.done: set[ir.Node] = set()  # nodes that others have done with
        self.requests: dict[str, set[Order]] = {}  # by state, the orders that it is read in

    def begin(self, node: ir.Node) -> None:
        """Turn to a node."""
        self.node, self.label = node, str(node.name)

    @property
    def integer(self) -> bool:
        """Whether the current node runs in integers."""
        return bool(self.frames)

    def item(self, value: ir.Value | None) -> Item:
        """An operand in the type that the current node computes in."""
        assert value is not None
        if not self.integer or value.dtype != ir.DataType.FLOAT:
            return self.real_item(value)
        item = self.ints.get(value)
        if item is None and value not in self.weights:  # a constant that the network keeps as reals
            return self.real_item(value)
        if item is None:
            weight = self.weights[value]
            kind = QuantType(weight.q.dtype.name, float(weight.scale.ravel()[0]), weight.zero_point)
            item = Item(str(value.name), weight.q.shape, weight.q.dtype.name, kind, weight.q)
        return self.widened(item)

    def widened(self, item: Item) -> Item:
        """An int8 operand of a node that computes in int16: 128 times its distance from zero."""
        if item.kind is None or item.kind.dtype == self.work:
            return item
        kind = QuantType("int16", item.kind.scale / 128, 0)
        if item.array is not None:
            wide = (item.array.astype(np.int16) - np.int16(item.kind.zero_point)) * np.int16(128)
            return Item(item.name, item.shape, "int16", kind, wide)
        return self.requantized(item, kind)

    def real_item(self, value: ir.Value | None) -> Item:
        """A value as it is, or dequantized."""
        assert value is not None
        if value in self.real:
            return self.real[value]
        array = self.weights[value].real if value in self.weights else constant(value)
        if array is not None:
            item = Item(str(value.name), array.shape, array.dtype.name, None, array)
        elif value.dtype != ir.DataType.FLOAT:
            source = self.ints[value]
            item = Item(str(value.name), source.shape, source.dtype)
            item.tensors[source.order] = self.bare(self.tensor(source, source.order))
        else:
            source = self.ints[value]
            item = Item(f"{value.name}_real", source.shape, "float32")
            number = self.op("DEQUANTIZE", [self.tensor(source, source.order)], dtype="float32")
            item.tensors[source.order] = number
        self.real[value] = item
        return item

    def requantized(self, item: Item, kind: QuantType) -> Item:
        """The same values in another type of integers."""
        if item.kind == kind:
            return item
        new = Item(f"{item.name}_{kind.dtype}", item.shape, kind.dtype, kind)
        number = self.requantized_tensor(self.tensor(item, item.order), kind)
        new.tensors[item.order] = number
        return new

    def tensor(self, item: Item, order: Order) -> int:
        """Return the tensor that holds a value in this order; transpose one if it does not exist yet."""
        if item.source is not None:
            self.request(item.source, order)
        if order in item.tensors:
            return item.tensors[order]
        if item.array is not None:
            axes = [axis for axis in order if axis != UNIT]
            array = item.array.transpose(axes).reshape(stored_shape(order, item.shape))
            item.tensors[order] = self.constant(array, item.kind, item.name)
        else:
            item.tensors[order] = self._reordered(item, order)
        return item.tensors[order]

    def flat(self, item: Item) -> int:
        """A tensor whose elements lie in memory as the logical axes say, whatever its shape."""
        for order, number in item.tensors.items():
            if is_same_memory(order, natural(len(item.shape)), item.shape):
                if item.source is not None:
                    self.request(item.source, order)
                return number
        return self.tensor(item, natural(len(item.shape)))

    def array(self, value: ir.Value | None) -> Array | None:
        """Return the content of a constant operand, dequantized; None for one left out or computed."""
        if value is None:
            return None
        return self.weights[value].real if value in self.weights else constant(value)

    def frame(self, node: ir.Node) -> Frame | None:
        """Return the frame in which the first output of a node is quantized."""
        return frame_of(node)

    def frame_kind(self, node: ir.Node, output: int) -> QuantType | None:
        """The type that an output of a node is quantized to."""
        frame = frame_of(node, output)
        return None if frame is None else frame[1]

    def request(self, state: str, order: Order) -> None:
        """Note in which order a state is read."""
        self.requests.setdefault(state, set()).add(order)

    def kind(self, output: int = 0) -> QuantType | None:
        """The type of an output of a node that runs in integers."""
        frame = self.frames[output] if self.integer else None
        return None if frame is None else frame[1]

    def result(
        self,
        builtin: str,
        inputs: Sequence[int],
        order: Order,
        chosen: object = None,
        output: int = 0,
    ) -> None:
        """Append the operator that makes an output of the node, with the activation that runs inside it."""
        name = BUILTIN_OPTIONS.get(builtin)
        if chosen is None and name is not None:
            chosen = plain_options(name)
        value = self.node.outputs[output]
        fused = self._fused(value) if has_activation(chosen) else None
        if fused is not None and not self.integer:
            self.done.add(fused)
            value = fused.outputs[0]
        if fused is not None:
            set_activation(chosen, CLAMPS[bounds_of(fused)])
        shape = stored_shape(order, dims(value))
        if not self.integer:
            number = self.op(builtin, inputs, shape, dtype_of(value), chosen=chosen)
        else:
            number = self.op(builtin, inputs, shape, kind=self.work_kind(output), chosen=chosen)
        self.put(number, order, output, value)

    def work_kind(self, output: int = 0) -> QuantType:
        """The type of an output in the width that the node computes in."""
        kind = self.kind(output)
        assert kind is not None
        if kind.dtype == self.work:
            return kind
        return QuantType("int16", kind.scale / 128, 0)

    def activation(self) -> int:
        """The activation that an operator of an integer node ends with, of ActivationFunctionType."""
        fused = self._fused(self.node.outputs[0])
        return 0 if fused is None else CLAMPS[bounds_of(fused)]

    def finish(self, number: int, order: Order) -> None:
        """Append as `put`, and apply the activation after the node by a separate operator."""
        fused, value = self._fused(self.node.outputs[0]), None
        if fused is not None:
            builtin = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")[CLAMPS[bounds_of(fused)]]
            number = self.op(builtin, [number])
            if not self.integer:
                self.done.add(fused)
                value = fused.outputs[0]
        self.put(number, order, value=value)

    def put(
        self, number: int, order: Order, output: int = 0, value: ir.Value | None = None
    ) -> None:
        """Say which tensor holds an output of the node; integers of another scale are requantized."""
        value = self.node.outputs[output] if value is None else value
        if not self.integer:
            self.put_real(number, order, output, value)
            return
        frame = self.frames[output]
        assert frame is not None
        quantized, kind, fused = frame
        number = self.requantized_tensor(number, kind)
        if fused is not None:
            number = self._clamped(number, kind, bounds_of(fused))
            self.done.add(fused)
        item = Item(str(quantized.name), dims(value), kind.dtype, kind, None, {order: number})
        self.ints[quantized] = item
        producer = quantized.producer()
        assert producer is not None
        self.done.add(producer)

    def put_real(
        self, number: int, order: Order, output: int = 0, value: ir.Value | None = None
    ) -> None:
        """Say which tensor holds an output of the node as it is, no integers that stand for it."""
        value = self.node.outputs[output] if value is None else value
        held = self.graph.tensors[number]
        self.real[value] = Item(
            str(value.name), dims(value), held.dtype, None, None, {order: number}
        )

    def alias(self, item: Item, tensors: dict[Order, int], output: int = 0) -> None:
        """Say that an output is an operand's memory under other axes."""
        value = self.node.outputs[output]
        new = Item(str(value.name), dims(value), item.dtype, item.kind, None, tensors)
        if not self.integer:
            self.real[value] = new
            return
        frame = self.frames[output]
        assert frame is not None
        self.ints[frame[0]] = self.requantized(new, frame[1])
        producer = frame[0].producer()
        assert producer is not None
        self.done.add(producer)

    def _reordered(self, item: Item, order: Order) -> int:
        """A computed value in another order: transposed, or only reshaped where its memory stays."""
        source, number = item.order, item.tensors[item.order]
        for held, candidate in item.tensors.items():
            if is_same_memory(held, order, item.shape):
                return self.reshaped(candidate, stored_shape(order, item.shape))
        bare = tuple(axis for axis in source if axis != UNIT)
        number = self.reshaped(number, stored_shape(bare, item.shape))
        perm = permutation(bare, order)
        shape = [self.shape(number)[axis] for axis in perm]
        number = self.op("TRANSPOSE", [number, self.ints_constant(perm)], shape)
        return self.reshaped(number, stored_shape(order, item.shape))

    def _clamped(self, number: int, kind: QuantType, bounds: Bounds) -> int:
        """Integers between the quantized bounds of an activation that LiteRT does not know."""
        if bounds in CLAMPS:
            return number
        for builtin, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True):
            if bound is not None:
                edge = kind.quantize(np.full(1, bound, np.float32))
                number = self.op(builtin, [number, self.constant(edge, kind)], self.shape(number))
        return number

    def _fused(self, value: ir.Value) -> ir.Node | None:
        """Return the activation after the node that its operator can include."""
        if value is not self.node.outputs[0]:
            return None
        fused = (
            self.frames[0][2] if self.integer and self.frames[0] else fused_activation(self.node)
        )
        return fused if fused is not None and bounds_of(fused) in CLAMPS else None


def bounds_of(fused: ir.Node) -> Bounds:
    """Return the bounds of a Relu or constant Clip."""
    if fused.op_type == "Relu":
        return 0.0, None
    arrays = [None if v is None else constant(v) for v in (*fused.inputs[1:], None, None)[:2]]
    low, high = (None if a is None else float(np.ravel(a)[0]) for a in arrays)
    return low, high


def dtype_of(value: ir.Value) -> str:
    """The element type of a value, as NumPy calls it."""
    assert value.dtype is not None
    return str(value.dtype.numpy().name) if value.dtype != ir.DataType.BOOL else "bool"
