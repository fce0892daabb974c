"""The walk over a (QDQ) network that writes LiteRT's operators, in integers where the network frames them so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import Problem
from edgekit.export.frontend.guard import LARGEST
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import (
    Frame,
    Weight,
    frame_of,
    integer_states,
    qdq_type,
    stored_weight,
)
from edgekit.operators.roles import CELL_OUTPUT, activations, constant, fused_activation
from edgekit.operators.scheme import QuantType
from edgekit.quantize.recipe import HALF
from edgekit.targets.litert.file import Array, Graph, Scales, has_activation, options
from edgekit.targets.litert.orders import (
    UNIT,
    Order,
    is_same_memory,
    natural,
    permutation,
    stored_shape,
)

BUILTIN_OPTIONS = {  # of operators that want some, all at their defaults
    "ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "POW": "Pow", "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum", "SELECT_V2": "SelectV2", "QUANTIZE": "Quantize", "DEQUANTIZE": "Dequantize",
    "TRANSPOSE": "Transpose", "EXP": "Exp", "NEG": "Neg", "ABS": "Abs", "SQUARE": "Square", "CAST": "Cast",
    "PAD": "Pad", "PADV2": "PadV2", "SLICE": "Slice", "TILE": "Tile", "EQUAL": "Equal",
    "NOT_EQUAL": "NotEqual", "LESS": "Less", "LESS_EQUAL": "LessEqual", "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterEqual", "LOGICAL_AND": "LogicalAnd", "LOGICAL_OR": "LogicalOr",
    "LOGICAL_NOT": "LogicalNot", "FLOOR_MOD": "FloorMod", "FLOOR_DIV": "FloorDiv", "COS": "Cos", "SIGN": "Sign",
    "BROADCAST_TO": "BroadcastTo", "BITWISE_XOR": "BitwiseXor", "LOG_SOFTMAX": "LogSoftmax",
    "HARD_SWISH": "HardSwish", "SELECT": "Select", "ROUND": None, "FLOOR": None, "CEIL": None, "RELU": None,
    "RELU6": None, "RELU_N1_TO_1": None, "LOGISTIC": None, "TANH": None, "SQRT": None, "RSQRT": None,
    "SIN": None, "LOG": None, "ELU": None, "PRELU": None, "ATAN2": None,
}  # fmt: skip
Bounds = tuple[float | None, float | None]
CLAMPS: dict[Bounds, int] = {
    (0.0, None): 1,
    (-1.0, 1.0): 2,
    (0.0, 6.0): 3,
}  # of ActivationFunctionType


class Refused(Exception):
    """LiteRT has no form of a node: what was found, what is allowed, what to do."""

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


@dataclass(frozen=True)
class Written:
    """What a walk made, and found.

    Attributes:
        graph: the operators.
        inputs: of the network by name, with the kind of those that take integers.
        outputs: the same.
        islands: nodes of an integer network that run in float.
        wanted: order that a state was first read in, where all its readers agree.
        problems: nodes that LiteRT has no form of.
    """

    graph: Graph
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    islands: tuple[str, ...]
    wanted: Mapping[str, Order]
    problems: tuple[Problem, ...]


class Writer:
    """Writes one network; emitters read it."""

    def __init__(self, model: Model, orders: Mapping[str, Order], widens: bool) -> None:
        """Take the network, and the order of each state that is not stored in its natural one.

        `widens`: QUANTIZE may make 16 bits of 8, which tflite-runtime 2.14 does not know: it goes through floats.
        """
        self.model, self.orders, self.widens = model, orders, widens
        self.graph = Graph(model.source.name)
        self.real: dict[ir.Value, Item] = {}
        self.ints: dict[ir.Value, Item] = {}  # by quantized and by dequantized value
        self.weights: dict[ir.Value, Weight] = {}
        self.node: ir.Node
        self.frames: list[Frame | None] = []  # of the node's outputs where it runs in integers
        self.work = "float32"  # the type that the node's operator computes in
        self._halves = model.quantization.recipe == HALF
        self._widened: dict[int, int] = {}  # stored halves, and what DEQUANTIZE makes of them
        self._done: set[ir.Node] = set()
        self._requests: dict[str, set[Order]] = {}
        self._islands: list[str] = []
        self._problems: list[Problem] = []
        self._states = {
            name: kind for name, kind in integer_states(model).items() if kind.dtype != "int32"
        }

    def run(self) -> Written:
        """Write every node."""
        inputs = {str(v.name): self._input(v) for v in self.model.ir.graph.inputs}
        for node in self.model.ir.graph:
            if node in self._done:
                continue
            if node.op_type == "DequantizeLinear":
                self._dequantize_linear(node)
            elif node.op_type == "QuantizeLinear":
                self._quantize_linear(node)
            else:
                self._operator(node)
        outputs = {str(v.name): self._output(v) for v in self.model.ir.graph.outputs}
        self.graph.inputs, self.graph.outputs = list(inputs.values()), list(outputs.values())
        self.graph.separate_views()
        wanted = {n: next(iter(found)) for n, found in self._requests.items() if len(found) == 1}
        islands, problems = tuple(self._islands), tuple(self._problems)
        return Written(self.graph, inputs, outputs, islands, wanted, problems)

    # -- what emitters read ----------------------------------------------------------------------------

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

    def requantized_tensor(self, number: int, kind: QuantType) -> int:
        """A tensor of integers in another type: itself where it has that."""
        held = self.graph.tensors[number]
        if held.dtype == kind.dtype and held.scales == _scales(kind):
            return number
        if held.dtype == "int8" and kind.dtype == "int16" and not self.widens:
            number = self.op("DEQUANTIZE", [number], dtype="float32")
        return self.op("QUANTIZE", [number], kind=kind)

    def tensor(self, item: Item, order: Order) -> int:
        """The tensor that holds a value in this order; it is transposed where there is none yet."""
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
        """The content of a constant operand, dequantized; None for what is left out or computed."""
        if value is None:
            return None
        return self.weights[value].real if value in self.weights else constant(value)

    def frame(self, node: ir.Node) -> Frame | None:
        """Where the first output of a node is quantized."""
        return frame_of(node)

    def frame_kind(self, node: ir.Node, output: int) -> QuantType | None:
        """The type that an output of a node is quantized to."""
        frame = frame_of(node, output)
        return None if frame is None else frame[1]

    def request(self, state: str, order: Order) -> None:
        """Note in which order a state is read."""
        self._requests.setdefault(state, set()).add(order)

    def kind(self, output: int = 0) -> QuantType | None:
        """The type of an output of a node that runs in integers."""
        frame = self.frames[output] if self.integer else None
        return None if frame is None else frame[1]

    # -- what emitters write ---------------------------------------------------------------------------

    def constant(self, array: Array, kind: QuantType | None = None, name: str = "constant") -> int:
        """A constant tensor."""
        return self.graph.constant(name, np.asarray(array), _scales(kind))

    def factors(self, array: Array) -> int:
        """Float weights of a product; at recipe float16 stored as such, where that is exact, behind a DEQUANTIZE."""
        array = np.ascontiguousarray(array, np.float32)
        if not self._halves:
            return self.constant(array)
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            return self.constant(array)
        stored = self.constant(half, name="weights_half")
        if stored not in self._widened:
            self._widened[stored] = self.op("DEQUANTIZE", [stored], dtype="float32")
        return self._widened[stored]

    def scalar(self, value: np.generic) -> int:
        """A constant without axes."""
        return self.constant(np.asarray(value))

    def real_constant(self, value: float | Sequence[float] | NDArray[np.floating]) -> int:
        """A float32 constant."""
        return self.constant(np.asarray(value, np.float32))

    def ints_constant(self, values: Iterable[int]) -> int:
        """An int32 list, as LiteRT takes axes and shapes."""
        return self.constant(np.asarray(list(values), np.int32))

    def shape(self, number: int) -> tuple[int, ...]:
        """The stored shape of a tensor."""
        return self.graph.tensors[number].shape

    def op(
        self,
        builtin: str,
        inputs: Sequence[int],
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        kind: QuantType | None = None,
        chosen: Any = None,
    ) -> int:
        """Append an operator of one result; returns its tensor.

        By default the shape is what the inputs broadcast to, the type and scales those of the first.
        """
        first = self.graph.tensors[inputs[0]]
        if shape is None:
            shape = np.broadcast_shapes(*(self.shape(n) for n in inputs))
        scales = _scales(kind)
        if kind is not None:
            dtype = kind.dtype
        elif dtype is None:
            dtype, scales = first.dtype, first.scales
        if chosen is None:
            name = BUILTIN_OPTIONS.get(builtin)
            chosen = None if name is None else plain_options(name)
        number = self.graph.tensor(f"{self._label()}_{builtin.lower()}", shape, dtype, scales)
        self.graph.operator(builtin, inputs, [number], chosen)
        return number

    def ops(
        self,
        builtin: str,
        inputs: Sequence[int],
        shapes: Sequence[Sequence[int]],
        like: int,
        chosen: Any,
    ) -> list[int]:
        """Append an operator of several results, of the type and scales of a tensor."""
        held = self.graph.tensors[like]
        label = f"{self._label()}_{builtin.lower()}"
        numbers = [self.graph.tensor(label, shape, held.dtype, held.scales) for shape in shapes]
        self.graph.operator(builtin, inputs, numbers, chosen)
        return numbers

    def result(
        self,
        builtin: str,
        inputs: Sequence[int],
        order: Order,
        chosen: Any = None,
        output: int = 0,
    ) -> None:
        """Append the operator that makes an output of the node, with the activation that runs inside it."""
        name = BUILTIN_OPTIONS.get(builtin)
        if chosen is None and name is not None:
            chosen = plain_options(name)
        value = self.node.outputs[output]
        fused = self._fused(value) if has_activation(chosen) else None
        if fused is not None and not self.integer:
            self._done.add(fused)
            value = fused.outputs[0]
        if fused is not None:
            chosen.fusedActivationFunction = CLAMPS[_bounds(fused)]
        shape = stored_shape(order, dims(value))
        if not self.integer:
            number = self.op(builtin, inputs, shape, _dtype(value), chosen=chosen)
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
        return 0 if fused is None else CLAMPS[_bounds(fused)]

    def finish(self, number: int, order: Order) -> None:
        """As `put`, with the activation behind the node applied by an operator of its own."""
        fused, value = self._fused(self.node.outputs[0]), None
        if fused is not None:
            builtin = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")[CLAMPS[_bounds(fused)]]
            number = self.op(builtin, [number])
            if not self.integer:
                self._done.add(fused)
                value = fused.outputs[0]
        self.put(number, order, value=value)

    def graph_array(self, number: int) -> Array:
        """The content of a constant tensor."""
        held = self.graph.tensors[number]
        return np.frombuffer(self.graph.data[number], held.dtype).reshape(held.shape)

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
            number = self._clamped(number, kind, _bounds(fused))
            self._done.add(fused)
        item = Item(str(quantized.name), dims(value), kind.dtype, kind, None, {order: number})
        self.ints[quantized] = item
        producer = quantized.producer()
        assert producer is not None
        self._done.add(producer)

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
        self._done.add(producer)

    # -- the walk ------------------------------------------------------------------------------------------

    def _operator(self, node: ir.Node) -> None:
        from edgekit.targets.litert.table import EMITTERS

        self.node, self.frames, self.work = node, [], "float32"
        emitter = EMITTERS.get((node.domain, node.op_type))
        where = f"{node.op_type} {node.name!r}"
        try:
            if emitter is None:
                raise Refused(
                    "LiteRT has no such operator", "what docs/litert.md does not list as refused"
                )
            frames = self._integer_frames(node)
            if frames and emitter.integer is not None and emitter.integer(self, node):
                self.frames = frames
                self.work = self._width(node, frames)
            elif self._reads_integers(node):
                self._islands.append(where)
            emitter.emit(self, node)
        except Refused as error:
            self._problems.append(Problem(where, *error.parts))
            self.frames = []
            for output in node.outputs:
                if output.name and output not in self.real:
                    self._stand_in(output)

    def _stand_in(self, value: ir.Value) -> None:
        """A tensor for what could not be written, so that the walk can go on."""
        number = self.graph.tensor(str(value.name), dims(value), _dtype(value))
        item = Item(str(value.name), dims(value), _dtype(value))
        item.tensors[natural(len(item.shape))] = number
        self.real[value] = item

    def _integer_frames(self, node: ir.Node) -> list[Frame | None]:
        """The frames of the used outputs, where all float operands are integers or constants too."""
        read = activations(node)
        memory = CELL_OUTPUT if node.op_type == "LSTM" else None  # c, which is never framed
        used = [
            i != memory and (bool(value.uses()) or value.is_graph_output())
            for i, value in enumerate(node.outputs)
        ]
        frames = [frame_of(node, i) if use else None for i, use in enumerate(used)]
        framed = all(frame is not None for frame, use in zip(frames, used, strict=True) if use)
        if (
            not framed
            or not any(used)
            or not read
            or not all(v in self.ints or v in self.weights for v in read)
        ):
            return []
        return frames

    def _reads_integers(self, node: ir.Node) -> bool:
        return any(value in self.ints for value in activations(node))

    def _width(self, node: ir.Node, frames: list[Frame | None]) -> str:
        kinds = [self.ints[v].kind for v in activations(node) if v in self.ints]
        kinds += [frame[1] for frame in frames if frame is not None]
        return (
            "int16" if any(kind is not None and kind.dtype == "int16" for kind in kinds) else "int8"
        )

    def _dequantize_linear(self, node: ir.Node) -> None:
        weight = stored_weight(node)
        value, source = node.outputs[0], node.inputs[0]
        assert source is not None
        if weight is not None:
            self.weights[value] = weight
        elif source in self.ints:
            self.ints[value] = self.ints[source]
        else:
            self._quantized_elsewhere(node, source)

    def _quantized_elsewhere(self, node: ir.Node, source: ir.Value) -> None:
        """Integers that the network takes or computes as such, and then reads as reals."""
        kind = qdq_type(node)
        item = self.real[source]
        if kind.dtype not in ("int8", "int16"):
            self._problems.append(
                Problem(
                    f"{node.op_type} {node.name!r}",
                    kind.dtype,
                    "int8 or int16",
                    "use --target host",
                )
            )
            self._stand_in(node.outputs[0])
            return
        number = self.op("RESHAPE", [self.flat(item), self.ints_constant(item.shape)], item.shape,
                         kind=kind, chosen=options("Reshape", newShape=list(item.shape)))  # fmt: skip
        new = replace(item, kind=kind, source=None, tensors={natural(len(item.shape)): number})
        self.ints[node.outputs[0]] = new

    def _quantize_linear(self, node: ir.Node) -> None:
        kind, source, self.node = qdq_type(node), node.inputs[0], node
        assert source is not None
        if source in self.ints:
            self.ints[node.outputs[0]] = self.requantized(self.ints[source], kind)
            return
        item = self.real_item(source)
        if item.kind == kind:  # an input that takes integers
            self.ints[node.outputs[0]] = item
            return
        new = Item(str(node.outputs[0].name), item.shape, kind.dtype, kind)
        new.tensors[item.order] = self.op("QUANTIZE", [self.tensor(item, item.order)], kind=kind)
        self.ints[node.outputs[0]] = new

    def _input(self, value: ir.Value) -> int:
        name, shape = str(value.name), dims(value)
        states = {pair.input for pair in self.model.states}
        kind = self._states.get(name) if name in states else _input_kind(value)
        order = self.orders.get(name, natural(len(shape)))
        dtype = _dtype(value) if kind is None else kind.dtype
        number = self.graph.tensor(name, stored_shape(order, shape), dtype, _scales(kind))
        item = Item(
            name, shape, dtype, kind, None, {order: number}, name if name in states else None
        )
        self.real[value] = item
        return number

    def _output(self, value: ir.Value) -> int:
        pairs = {pair.output: pair.input for pair in self.model.states}
        name, state = str(value.name), pairs.get(str(value.name))
        keeps = value in self.ints and (state is None or state in self._states)
        item = self.ints[value] if keeps else self.real_item(value)
        order = (
            natural(len(item.shape))
            if state is None
            else self.orders.get(state, natural(len(item.shape)))
        )
        number = self.tensor(item, order)
        taken = [
            *self.graph.outputs,
            *(n for v in self.model.ir.graph.inputs for n in self.real[v].tensors.values()),
        ]
        if number in self.graph.data or number in taken:
            shape = self.shape(number)
            number = self.op("RESHAPE", [number, self.ints_constant(shape)], shape,
                             chosen=options("Reshape", newShape=list(shape)))  # fmt: skip
        self.graph.outputs.append(number)
        self.graph.tensors[number] = replace(self.graph.tensors[number], name=name)
        return number

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

    def bare(self, number: int) -> int:
        """Integers without their scale, which some operators of LiteRT would apply."""
        return self.relabelled(number, None)

    def relabelled(self, number: int, kind: QuantType | None) -> int:
        """The same integers with another scale, or none."""
        shape, dtype = self.shape(number), self.graph.tensors[number].dtype
        chosen = options("Reshape", newShape=list(shape))
        inputs = [number, self.ints_constant(shape)]
        return self.op("RESHAPE", inputs, shape, dtype, kind, chosen)

    def reshaped(self, number: int, shape: Sequence[int]) -> int:
        """A tensor under another shape."""
        if self.shape(number) == tuple(shape):
            return number
        chosen = options("Reshape", newShape=list(shape))
        return self.op("RESHAPE", [number, self.ints_constant(shape)], shape, chosen=chosen)

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
        """The activation behind the node that its operator can end with."""
        if value is not self.node.outputs[0]:
            return None
        fused = (
            self.frames[0][2] if self.integer and self.frames[0] else fused_activation(self.node)
        )
        return fused if fused is not None and _bounds(fused) in CLAMPS else None

    def _label(self) -> str:
        return str(self.node.name) if hasattr(self, "node") else self.graph.name


def plain_options(name: str) -> Any:
    """Options at their defaults, but for sums of 16 bits, whose scales need not be powers of two."""
    general = {"potScaleInt16": False} if name in ("Add", "Sub") else {}
    return options(name, **general)


def _bounds(fused: ir.Node) -> Bounds:
    """What a Relu or constant Clip keeps values between."""
    if fused.op_type == "Relu":
        return 0.0, None
    arrays = [None if v is None else constant(v) for v in (*fused.inputs[1:], None, None)[:2]]
    low, high = (None if a is None else float(np.ravel(a)[0]) for a in arrays)
    return low, high


def _input_kind(value: ir.Value) -> QuantType | None:
    """The type of integers that an input is quantized to at once, if it is."""
    users = [user.node for user in value.uses()]
    if len(users) == 1 and guards_all(users[0]):
        value = users[0].outputs[0]
        users = [user.node for user in value.uses()]
    if not users or value.is_graph_output() or any(n.op_type != "QuantizeLinear" for n in users):
        return None
    kinds = {qdq_type(node) for node in users}
    return kinds.pop() if len(kinds) == 1 else None


def guards_all(node: ir.Node) -> bool:
    """Whether a node only lets NaN and infinity read as 0, which who gives integers does."""
    return node.op_type == "Finite" and float(node.attributes["limit"].as_float()) >= LARGEST


def _scales(kind: QuantType | None) -> Scales | None:
    return None if kind is None else Scales((kind.scale,), kind.zero_point)


def _dtype(value: ir.Value) -> str:
    assert value.dtype is not None
    return str(value.dtype.numpy().name) if value.dtype != ir.DataType.BOOL else "bool"
