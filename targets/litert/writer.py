"""The walk over a (QDQ) network that writes LiteRT's operators, in integers where the network frames them so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.export.frontend.guard import LARGEST
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import Frame, frame_of, integer_states, qdq_type, stored_weight
from edgekit.operators.roles import CELL_OUTPUT, activations
from edgekit.operators.scheme import QuantType
from edgekit.quantize.recipe import HALF
from edgekit.targets.litert.file import Graph, options
from edgekit.targets.litert.node_emission import Item, LiteRTRefused, NodeEmission, dtype_of
from edgekit.targets.litert.orders import Order, natural, stored_shape
from edgekit.targets.litert.table import EMITTERS
from edgekit.targets.litert.tensors import scales_of


@dataclass(frozen=True)
class WrittenFile:
    """The results of a walk over the network.

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
    """Writes one network, node by node."""

    def __init__(self, model: Model, orders: Mapping[str, Order], micro: bool) -> None:
        """Take the network, and the order of each state that is not stored in its natural one.

        `micro` as in `Tensors`.
        """
        self.model, self.orders = model, orders
        self.made = NodeEmission(model.source.name, model.quantization.recipe == HALF, micro)
        self._islands: list[str] = []
        self._problems: list[Problem] = []
        self._states = {
            name: kind for name, kind in integer_states(model).items() if kind.dtype != "int32"
        }

    def run(self) -> WrittenFile:
        """Write every node."""
        inputs = {str(v.name): self._input(v) for v in self.model.ir.graph.inputs}
        border = {
            "DequantizeLinear": self._dequantize_linear,
            "QuantizeLinear": self._quantize_linear,
        }
        for node in self.model.ir.graph:
            if node not in self.made.done:
                border.get(node.op_type, self._operator)(node)
        outputs = {str(v.name): self._output(v) for v in self.model.ir.graph.outputs}
        self.made.graph.inputs, self.made.graph.outputs = (
            list(inputs.values()),
            list(outputs.values()),
        )
        self.made.graph.separate_views()
        places = self.made.graph.drop_unread()
        inputs, outputs = (
            {name: places[number] for name, number in side.items()} for side in (inputs, outputs)
        )
        wanted = {
            n: next(iter(found)) for n, found in self.made.requests.items() if len(found) == 1
        }
        islands, problems = tuple(self._islands), tuple(self._problems)
        return WrittenFile(self.made.graph, inputs, outputs, islands, wanted, problems)

    def _operator(self, node: ir.Node) -> None:
        made = self.made
        made.begin(node)
        made.frames, made.work = [], "float32"
        emitter = EMITTERS.get((node.domain, node.op_type))
        where = f"{node.op_type} {node.name!r}"
        try:
            if emitter is None:
                raise LiteRTRefused(
                    "the target has no such operator",
                    "what `edgekit help litert` does not list as refused",
                )
            frames = self._integer_frames(node)
            if frames and emitter.integer is not None and emitter.integer(self.made, node):
                self.made.frames = frames
                self.made.work = self._width(node, frames)
            elif self._reads_integers(node):
                self._islands.append(where)
            emitter.emit(self.made, node)
        except LiteRTRefused as error:
            self._problems.append(Problem(where, *error.parts))
            self.made.frames = []
            for output in node.outputs:
                if output.name and output not in self.made.real:
                    self._stand_in(output)

    def _stand_in(self, value: ir.Value) -> None:
        """Store a tensor in place of an unwritten one, so that the walk can go on."""
        number = self.made.graph.tensor(str(value.name), dims(value), dtype_of(value))
        item = Item(str(value.name), dims(value), dtype_of(value))
        item.tensors[natural(len(item.shape))] = number
        self.made.real[value] = item

    def _integer_frames(self, node: ir.Node) -> list[Frame | None]:
        """The frames of the used outputs, where all float operands are integers or constants too."""
        read = activations(node)
        stored = all(v in self.made.ints or v in self.made.weights for v in read)
        return _used_frames(node) if read and stored else []

    def _reads_integers(self, node: ir.Node) -> bool:
        return any(value in self.made.ints for value in activations(node))

    def _width(self, node: ir.Node, frames: list[Frame | None]) -> str:
        kinds = [self.made.ints[v].kind for v in activations(node) if v in self.made.ints]
        kinds += [frame[1] for frame in frames if frame is not None]
        return (
            "int16" if any(kind is not None and kind.dtype == "int16" for kind in kinds) else "int8"
        )

    def _dequantize_linear(self, node: ir.Node) -> None:
        weight = stored_weight(node)
        value, source = node.outputs[0], node.inputs[0]
        assert source is not None
        if weight is not None:
            self.made.weights[value] = weight
        elif source in self.made.ints:
            self.made.ints[value] = self.made.ints[source]
        else:
            self._quantized_elsewhere(node, source)

    def _quantized_elsewhere(self, node: ir.Node, source: ir.Value) -> None:
        """Integers that the network takes or computes as such, and then reads as reals."""
        kind = qdq_type(node)
        item = self.made.real[source]
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
        number = self.made.op(
            "RESHAPE",
            [self.made.flat(item), self.made.ints_constant(item.shape)],
            item.shape,
            kind=kind,
            chosen=options("Reshape", newShape=list(item.shape)),
        )
        new = replace(item, kind=kind, source=None, tensors={natural(len(item.shape)): number})
        self.made.ints[node.outputs[0]] = new

    def _quantize_linear(self, node: ir.Node) -> None:
        kind, source = qdq_type(node), node.inputs[0]
        self.made.begin(node)
        assert source is not None
        if source in self.made.ints:
            self.made.ints[node.outputs[0]] = self.made.requantized(self.made.ints[source], kind)
            return
        item = self.made.real_item(source)
        if item.kind == kind:  # an input that takes integers
            self.made.ints[node.outputs[0]] = item
            return
        new = Item(str(node.outputs[0].name), item.shape, kind.dtype, kind)
        new.tensors[item.order] = self.made.op(
            "QUANTIZE", [self.made.tensor(item, item.order)], kind=kind
        )
        self.made.ints[node.outputs[0]] = new

    def _input(self, value: ir.Value) -> int:
        name, shape = str(value.name), dims(value)
        states = {pair.input for pair in self.model.states}
        kind = self._states.get(name) if name in states else _input_kind(value)
        order = self.orders.get(name, natural(len(shape)))
        dtype = dtype_of(value) if kind is None else kind.dtype
        number = self.made.graph.tensor(name, stored_shape(order, shape), dtype, scales_of(kind))
        item = Item(
            name, shape, dtype, kind, None, {order: number}, name if name in states else None
        )
        self.made.real[value] = item
        return number

    def _output(self, value: ir.Value) -> int:
        pairs = {pair.output: pair.input for pair in self.model.states}
        name, state = str(value.name), pairs.get(str(value.name))
        keeps = value in self.made.ints and (state is None or state in self._states)
        item = self.made.ints[value] if keeps else self.made.real_item(value)
        order = (
            natural(len(item.shape))
            if state is None
            else self.orders.get(state, natural(len(item.shape)))
        )
        number = self.made.tensor(item, order)
        taken = [
            *self.made.graph.outputs,
            *(n for v in self.model.ir.graph.inputs for n in self.made.real[v].tensors.values()),
        ]
        if number in self.made.graph.data or number in taken:
            shape = self.made.shape(number)
            number = self.made.op(
                "RESHAPE",
                [number, self.made.ints_constant(shape)],
                shape,
                chosen=options("Reshape", newShape=list(shape)),
            )
        self.made.graph.outputs.append(number)
        self.made.graph.tensors[number] = replace(self.made.graph.tensors[number], name=name)
        return number


def _input_kind(value: ir.Value) -> QuantType | None:
    """The type of integers that an input is quantized to at once, if it is."""
    value = _behind_guard(value)
    users = [user.node for user in value.uses()]
    if not users or value.is_graph_output() or any(n.op_type != "QuantizeLinear" for n in users):
        return None
    kinds = {qdq_type(node) for node in users}
    return kinds.pop() if len(kinds) == 1 else None


def _behind_guard(value: ir.Value) -> ir.Value:
    """Return the output of a guard that alone reads a value, or the value."""
    users = [user.node for user in value.uses()]
    return users[0].outputs[0] if len(users) == 1 and guards_all(users[0]) else value


def _used_frames(node: ir.Node) -> list[Frame | None]:
    """The frame of each used output, None of others; nothing where a used one has none, or none is used."""
    memory = CELL_OUTPUT if node.op_type == "LSTM" else None  # c, which is never framed
    used = [
        i
        for i, value in enumerate(node.outputs)
        if i != memory and (value.uses() or value.is_graph_output())
    ]
    frames = {i: frame_of(node, i) for i in used}
    if not used or any(frame is None for frame in frames.values()):
        return []
    return [frames.get(i) for i in range(len(node.outputs))]


def guards_all(node: ir.Node) -> bool:
    """Whether a node only makes NaN and infinity 0, which integer inputs need not."""
    return node.op_type == "Finite" and float(node.attributes["limit"].as_float()) >= LARGEST
