"""Which nodes run in integers, and which type every tensor between them gets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.errors import Problem, UsageError
from edgekit.export.fused import is_fused
from edgekit.export.model import FLOAT_NODE, Model
from edgekit.export.passes.graph import array_of
from edgekit.quantize.dilation import integer_chain
from edgekit.quantize.geometry import dims, ints, optional
from edgekit.quantize.observers import Observer, minmax_range, range_of
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import near
from edgekit.quantize.scheme import DILATION_TYPE, HIDDEN_TYPE, QuantType, activation_type

constant = array_of  # the array of an initializer; None for anything computed

LINEAR = {"Gemm", "Conv", "ConvTranspose"}
RECURRENT = {"GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}  # with activations
HIDDEN_INPUT, CELL_INPUT, CELL_OUTPUT = 5, 6, 2
OFFSET_INPUT = 2
ARITHMETIC = {"Add", "Sub", "Mul"}
AVERAGES = {"AveragePool", "GlobalAveragePool"}
SUMS = {"ReduceMean", "ReduceSum"}
SQUARES = {"Magnitude", "MeanSquare"}
PRECISE = SQUARES | {"ProductSum", "LayerNormalization", "Softmax"}  # 64 bits inside
SMOOTH = {"Sigmoid", "Tanh"}  # saturating: their input is worth 16 bits, and costs nothing there
TABLED = SMOOTH | {
    "Relu",
    "LeakyRelu",
    "Elu",
    "Selu",
    "HardSigmoid",
    "HardSwish",
    "Softplus",
    "Gelu",
    "Abs",
    "Neg",
    "Clip",
    "Celu",
    "ThresholdedRelu",
    "Shrink",
    "Mish",
    "Softsign",
    "Swish",
    "Sign",
    "Floor",
    "Ceil",
    "Round",
    "Sin",
    "Cos",
    "Atan",
    "Asinh",
    "Erf",
}
JOINING = {"Concat", "ScatterND", "ScatterElements", "Max", "Min", "Where"}  # of several operands
MOVES = JOINING | {
    "Reshape",
    "Transpose",
    "Slice",
    "Split",
    "Expand",
    "Identity",
    "Pad",
    "Gather",
    "GatherElements",
    "GatherND",
    "Tile",
    "DepthToSpace",
    "SpaceToDepth",
    "ReverseSequence",
    "MaxPool",
    "GlobalMaxPool",
    "Resize",
    "ReduceMax",
    "ReduceMin",
}
FUSED_ACTIVATIONS = {"Relu", "Clip"}
PARTIAL_SUM = "edgekit.partial_sum"  # node metadata: its result is a part of one operator's
INT16_HEADROOM = 2.0  # of the range that was seen: one of 16 bits
CELL_FRACTION_BITS = 16  # of c, which then reaches 32768
CONCAT_RANGE_RATIO = 2.0  # operands within one bit of the result share its scale
SMOOTH_HEADROOM = 1.5
SATURATED = 16.0  # beyond it sigmoid and tanh are constant at 16 bits
# (operator, input): rounding to 0 there is an infinity; with squares, what 8 bits ruin first
SENSITIVE = {("Div", 1), ("Reciprocal", 0), ("Log", 0), ("Sqrt", 0), ("Pow", 0)}


@dataclass(frozen=True)
class TypePlan:
    """Per tensor name its type, and the names of the nodes that run in integers.

    `cell_bits` has the scale ``2^-bits`` of c by the name of an LSTM: int32, and no Q/DQ in the file,
    which ONNX does not know for that type. `wide` are tensors that products read in 16 bits. `groups` are
    the names of tensors that share one type.
    """

    types: dict[str, QuantType]
    integer_nodes: frozenset[str]
    cell_bits: dict[str, int]
    wide: frozenset[str]
    groups: tuple[tuple[str, ...], ...]


def choose_types(model: Model, observers: dict[str, Observer], recipe: Recipe) -> TypePlan:
    """Return the types of every tensor that integer nodes read or write.

    Raises:
        UsageError: the recipe names tensors that are not there, or gives one group two types.
    """
    graph = model.ir.graph
    compute = {node.name for node in graph if _is_integer_compute(node)}
    groups, integer = _grouped(model, observers, compute, frozenset(), recipe.tensors)
    own = _sampled(model, groups, recipe) | _partial_sums(graph, recipe)
    recipe = replace(recipe, tensors={**own, **recipe.tensors})
    wanted = requested_types(groups, graph, recipe, integer)
    kept = frozenset(name for name, dtype in wanted.items() if dtype == "float32")
    if kept:
        compute = {n.name for n in graph if n.name in compute and not _touches(n, kept)}
        groups, integer = _grouped(model, observers, compute, kept, recipe.tensors)
        decided = {n: wanted[n] for members in groups for n in members if n in wanted}
        wanted = requested_types(groups, graph, replace(recipe, tensors=decided), integer)
    types: dict[str, QuantType] = {}
    for members in groups:
        kind = _group_type(members, wanted[members[0]], graph, observers, recipe, integer)
        types.update((name, kind) for name in members)
    cells = [node for node in graph if node.op_type == "LSTM" and node.name in integer]
    bits = {str(n.name): _cell_bits(n, observers) for n in cells}
    named = tuple(map(tuple, groups))
    squares = {str(n.outputs[0].name) for n in graph if n.op_type in SQUARES and n.name in integer}
    return TypePlan(types, integer, bits, _wide(groups, types, recipe, squares), named)


def _sampled(model: Model, groups: list[list[str]], recipe: Recipe) -> dict[str, str]:
    """The types of what a sampler's rows add up, where the recipe names none for the same values."""
    if model.sampler is None:
        return {}
    outputs = [str(value.name) for value in model.stream_outputs]
    return {
        name: recipe.sampled
        for members in groups
        for name in {model.sampler.roles.x, *outputs}.intersection(members)
        if not recipe.tensors.keys() & set(members)
    }


def _partial_sums(graph: ir.Graph, recipe: Recipe) -> dict[str, str]:
    """16 bits for sums that are added up to one that would be a single operator's."""
    if recipe.activations != "int8":
        return {}
    return {str(n.outputs[0].name): "int16" for n in graph if PARTIAL_SUM in n.metadata_props}


def _wide(
    groups: list[list[str]], types: dict[str, QuantType], recipe: Recipe, squares: set[str]
) -> frozenset[str]:
    """The int16 tensors that the recipe names or that hold squares, or all where products read 16 bits."""
    named = recipe.tensors.keys() | squares
    return frozenset(
        name
        for members in groups
        if recipe.products == "int16" or named & set(members)
        for name in members
        if types[name].dtype == "int16"
    )


def _grouped(
    model: Model,
    observers: dict[str, Observer],
    compute: set[str | None],
    kept: frozenset[str],
    named: Mapping[str, str],
) -> tuple[list[list[str]], frozenset[str]]:
    """The groups of tensors that share a type, and all integer nodes.

    Tensors in `kept` stay float; those that `named` gives different types are not joined for convenience.
    """
    moves = _integer_moves(model, compute, kept)
    integer = frozenset(str(name) for name in compute | moves)
    return list(_Groups(model, observers, integer, named).members().values()), integer


def _touches(node: ir.Node, names: frozenset[str]) -> bool:
    """Whether a node reads or writes one of the tensors, perhaps through an activation fused into it."""
    fused = fused_activation(node)
    values = [*activations(node), *results(node), *(() if fused is None else fused.outputs)]
    return any(value.name in names for value in values)


def activations(node: ir.Node) -> list[ir.Value]:
    """The float inputs of a node that are computed, in order; not the c of an LSTM."""
    return [
        value
        for index, value in enumerate(node.inputs)
        if value is not None
        and constant(value) is None
        and value.dtype == ir.DataType.FLOAT
        and not is_cell_state(node, index)
        and not (node.op_type == "DeformConv" and index == OFFSET_INPUT)
    ]


def results(node: ir.Node) -> list[ir.Value]:
    """The outputs of a node that are used and can be int8 or int16: not the c of an LSTM."""
    cell = node.outputs[CELL_OUTPUT] if node.op_type == "LSTM" and len(node.outputs) > 2 else None
    return [value for value in node.outputs if value.name and value is not cell]


def is_cell_state(node: ir.Node, index: int) -> bool:
    """Whether an input is the first c of an LSTM."""
    return node.op_type == "LSTM" and index == CELL_INPUT


def _cell_bits(node: ir.Node, observers: dict[str, Observer]) -> int:
    """Holds twice the largest c that was seen, and what a memory that forgets nothing grows to: 1 a step.

    So the fraction has `CELL_FRACTION_BITS` at most, as many as the gates have and one more.
    """
    seen = [value for value in (optional(node, CELL_INPUT), *node.outputs[CELL_OUTPUT:]) if value]
    ends = [
        abs(end) for v in seen if v.name in observers for end in minmax_range(observers[v.name])
    ]
    ends += [float(np.abs(array).max()) for v in seen if (array := constant(v)) is not None]
    peak = max(ends, default=0.0) + dims(node.inputs[0])[0] - 1
    return min(max(30 - int(np.ceil(np.log2(max(peak, 1.0)))), 0), CELL_FRACTION_BITS)


def fused_activation(node: ir.Node) -> ir.Node | None:
    """The Relu or constant Clip that can run inside this node's requantization."""
    if node.op_type not in LINEAR | ARITHMETIC:
        return None
    output = node.outputs[0]
    users = list(output.uses())
    if output.is_graph_output() or len(users) != 1:
        return None
    user = users[0].node
    keeps_float = FLOAT_NODE in user.metadata_props
    return (
        user
        if user.op_type in FUSED_ACTIVATIONS and constant_tail(user) and not keeps_float
        else None
    )


def constant_tail(node: ir.Node) -> bool:
    """Whether all inputs but the first are constants."""
    return all(value is None or constant(value) is not None for value in node.inputs[1:])


def _is_integer_compute(node: ir.Node) -> bool:
    if is_fused(node):
        return True
    if FLOAT_NODE in node.metadata_props or node.domain != "":
        return False
    if node.op_type == "DeformConv":
        weights = constant(node.inputs[1]) is not None
        bias = optional(node, 3)
        known = bias is None or constant(bias) is not None
        return weights and known and integer_chain(node) is not None
    if node.op_type in LINEAR:
        if node.op_type != "Gemm" and dims(node.inputs[0])[0] != 1:
            return False
        computed = constant(node.inputs[0]) is None and constant_tail(node)
        return computed and _attribute(node, "alpha", 1.0) == _attribute(node, "beta", 1.0) == 1.0
    if node.op_type == "GRU":
        weights = all(constant(node.inputs[i]) is not None for i in (1, 2))
        length = node.inputs[4] if len(node.inputs) > 4 else None
        initial = constant(optional(node, HIDDEN_INPUT))
        holds = initial is None or bool((abs(initial) <= 1).all())  # as HIDDEN_TYPE
        return weights and length is None and holds
    if node.op_type == "LSTM":
        return _is_plain_lstm(node)
    if node.op_type in SUMS:
        return _is_plain_sum(node)
    if node.op_type == "MatMul":
        return len(activations(node)) == 2
    if node.op_type in ("LayerNormalization", "Softmax"):
        return _is_plain_row(node)
    if node.op_type in ARITHMETIC | TABLED | {"Div"} and feeds_sensitive(node.outputs[0]):
        return False
    if node.op_type == "Div":
        divisor = constant(node.inputs[1])
        if divisor is None or divisor.size != 1 or not activations(node):
            return False
        return bool(np.isfinite(divisor).all() and divisor.all())
    if node.op_type in ARITHMETIC:
        return not _is_square(node) and all(
            v is not None and v.dtype == ir.DataType.FLOAT for v in node.inputs
        )
    if node.op_type in AVERAGES:
        return constant(node.inputs[0]) is None and not _strange_average(node)
    if node.op_type == "PRelu":
        return constant_tail(node) and _per_channel_slope(node)
    tabled = node.op_type in TABLED and bool(activations(node))
    return tabled and constant_tail(node)


def _is_plain_lstm(node: ir.Node) -> bool:
    """Constant weights, whole sequences forward, no peepholes, no clip, the usual functions."""
    weights = [constant(node.inputs[i]) is not None for i in (1, 2)]
    bias, lengths, peepholes = (optional(node, i) for i in (3, 4, 7))
    plain = lengths is None and peepholes is None and (bias is None or constant(bias) is not None)
    usual = {"direction": "forward", "activations": RECURRENT["LSTM"]}
    names = ("direction", "activations", "clip", "input_forget", "layout")
    return (
        plain
        and all(weights)
        and all(_attribute(node, name, 0) in (0, (), usual.get(name)) for name in names)
    )


def _is_plain_sum(node: ir.Node) -> bool:
    """A sum or mean along axes side by side, and not one of a normalization or of squares."""
    axes = reduced_axes(node) if constant_tail(node) else None
    if not axes or not activations(node) or axes != list(range(axes[0], axes[-1] + 1)):
        return False
    if feeds_sensitive(node.outputs[0], MOVES | {"Add", "Sub"}):
        return False
    producer = activations(node)[0].producer()
    while producer is not None and producer.op_type in MOVES and activations(producer):
        producer = activations(producer)[0].producer()
    return producer is None or not (producer.op_type == "Pow" or _is_square(producer))


def _is_plain_row(node: ir.Node) -> bool:
    """A normalization by constants, a softmax along the last axis; no second result, nothing sensitive behind."""
    if not activations(node) or not constant_tail(node) or feeds_sensitive(node.outputs[0]):
        return False
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return False
    last = len(dims(node.inputs[0])) - 1
    return node.op_type != "Softmax" or _attribute(node, "axis", -1) in (-1, last)


def reduced_axes(node: ir.Node) -> list[int]:
    """The axes that a Reduce node folds, sorted; they must be constant."""
    rank, axes = len(dims(node.inputs[0])), constant(optional(node, 1))
    named = ints(node, "axes", []) if axes is None else [int(a) for a in np.ravel(axes)]
    empty = [] if _attribute(node, "noop_with_empty_axes", 0) else list(range(rank))
    return sorted(a % rank for a in named) if named else empty


def _is_square(node: ir.Node) -> bool:
    return node.op_type == "Mul" and node.inputs[0] is node.inputs[1]


def feeds_sensitive(value: ir.Value, through: Collection[str] = MOVES) -> bool:
    """Whether the value, perhaps moved first, is a denominator or goes into a root, logarithm or square."""
    return any(
        (user.node.op_type, user.idx) in SENSITIVE
        or _is_square(user.node)
        or (
            user.node.op_type in through
            and any(feeds_sensitive(v, through) for v in user.node.outputs)
        )
        for user in value.uses()
    )


def _strange_average(node: ir.Node) -> bool:
    """Forms that onnxruntime 1.32 refuses (dilated) or computes wrongly (divisor) on integers."""
    dilated = any(step != 1 for step in ints(node, "dilations", []))
    cut_off = _attribute(node, "ceil_mode", 0) and _attribute(node, "count_include_pad", 0)
    return dilated or bool(cut_off)


def _attribute(node: ir.Node, name: str, default: Any) -> Any:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.value


def _per_channel_slope(node: ir.Node) -> bool:
    slope = constant(node.inputs[1])
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    return slope is not None and shape is not None and per_channel(slope, len(shape))


def per_channel(array: NDArray[Any], rank: int) -> bool:
    """Whether a constant that meets a tensor of this rank has one value for each index of axis 1."""
    full = (1,) * (rank - array.ndim) + array.shape
    return all(size == 1 or axis == 1 for axis, size in enumerate(full))


def _integer_moves(model: Model, compute: set[str | None], kept: frozenset[str]) -> set[str | None]:
    """Moves whose operands are integers (or graph inputs) and that an integer node writes or reads."""
    graph = model.ir.graph
    movable = [n for n in graph if is_move(n) and not _touches(n, kept)]
    written: set[str | None] = set()
    for node in movable:
        if any(_written_by(value, compute | written) for value in activations(node)):
            written.add(node.name)
    read: set[str | None] = set()
    for node in reversed(movable):
        users = [
            user.node.name
            for value in node.outputs
            for user in value.uses()
            if not is_cell_state(user.node, user.idx)
        ]
        if any(name in compute | read for name in users):
            read.add(node.name)
    chosen: set[str | None] = set()
    for node in movable:
        ready = all(
            value.is_graph_input() or _written_by(value, compute | chosen)
            for value in activations(node)
        )
        if ready and activations(node) and node.name in written | read:
            chosen.add(node.name)
    return chosen


def is_move(node: ir.Node) -> bool:
    """Whether every element of the results is one of the operands, or zero: no arithmetic."""
    if node.op_type not in MOVES or node.domain != "":
        return False
    if node.op_type == "Pad":
        fill = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        return constant_tail(node) and (fill is None or not fill.any())
    if node.op_type == "Resize":
        nearest = _attribute(node, "mode", "nearest") == "nearest"
        crops = "tf_crop" in _attribute(node, "coordinate_transformation_mode", "")
        return nearest and not crops and constant_tail(node)
    if node.op_type in ("Max", "Min", "Where"):
        arrays = [
            a for v in node.inputs if (a := constant(v)) is not None and a.dtype == np.float32
        ]
        if node.op_type == "Where":
            return not any(array.any() for array in arrays)
        return all(np.isfinite(array).all() for array in arrays)
    if node.op_type in JOINING:
        combines = (
            "reduction" in node.attributes and _attribute(node, "reduction", "none") != "none"
        )
        decided = node.op_type == "Concat" or constant(node.inputs[1]) is not None
        return decided and not combines
    if node.op_type in ("MaxPool", "GlobalMaxPool"):
        return not any(value.uses() or value.is_graph_output() for value in node.outputs[1:])
    return constant_tail(node)


def _written_by(value: ir.Value, names: set[str | None]) -> bool:
    producer = value.producer()
    return producer is not None and producer.name in names and value in results(producer)


class _Groups:
    """Union-find over tensor names: tensors in one group share one type."""

    def __init__(
        self,
        model: Model,
        observers: dict[str, Observer],
        integer: frozenset[str],
        types: Mapping[str, str],
    ) -> None:
        self.parent: dict[str, str] = {}
        self.types = types
        inside = {
            node.outputs[0].name
            for node in model.ir.graph
            if node.name in integer and fused_activation(node)
        }
        for node in model.ir.graph:
            if node.name not in integer:
                continue
            for value in [*activations(node), *results(node)]:
                if value.name not in inside:
                    self.find(str(value.name))
            if node.op_type in JOINING:
                self._share_joined(node, observers)
            elif node.op_type in MOVES:
                for value in node.outputs:
                    self.union(activations(node)[0], value)
            elif node.op_type in RECURRENT:
                hidden = [*results(node), optional(node, HIDDEN_INPUT)]
                named = [v for v in hidden if v is not None and v.name and constant(v) is None]
                for value in named[1:]:
                    self.union(named[0], value)
        for pair in model.states:
            if pair.input in self.parent and pair.output in self.parent:
                self.parent[self.find(pair.input)] = self.find(pair.output)

    def find(self, name: str) -> str:
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def union(self, a: ir.Value, b: ir.Value) -> None:
        self.parent[self.find(str(a.name))] = self.find(str(b.name))

    def _share_joined(self, node: ir.Node, observers: dict[str, Observer]) -> None:
        output = node.outputs[0]
        width = _width(observers[str(output.name)])
        for value in activations(node):
            state = value.is_graph_input()
            near = _width(observers[str(value.name)]) * CONCAT_RANGE_RATIO >= width
            if state or (near and len(self._named(value) | self._named(output)) < 2):
                self.union(value, output)

    def _named(self, value: ir.Value) -> set[str]:
        """The types that a recipe names for what is in a value's group so far."""
        root = self.find(str(value.name))
        return {
            dtype
            for name, dtype in self.types.items()
            if name in self.parent and self.find(name) == root
        }

    def members(self) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {}
        for name in self.parent:
            result.setdefault(self.find(name), []).append(name)
        return result


def _width(observer: Observer) -> float:
    low, high = minmax_range(observer)
    return max(high, 0.0) - min(low, 0.0)


def requested_types(
    groups: list[list[str]], graph: ir.Graph, recipe: Recipe, integer: frozenset[str]
) -> dict[str, str]:
    """The type that a recipe asks for each tensor of the groups; a named one decides for its group.

    Raises:
        UsageError: names that are in no group, groups with two types, hidden states as int8.
    """
    values = {str(v.name): v for node in graph for v in node.outputs}
    values.update((str(v.name), v) for v in graph.inputs)
    grouped = {name for members in groups for name in members}
    problems = [
        Problem(f"recipe {recipe.name!r}, tensor {name!r}",
                "is computed in float" if name in values else "is not in the network",
                near(name, grouped), "correct the name, or leave it out")
        for name in recipe.tensors if name not in grouped
    ]  # fmt: skip
    wanted = {}
    for names in groups:
        named = {name: recipe.tensors[name] for name in names if name in recipe.tensors}
        hidden = any(_is_hidden(values[name], integer) for name in names)
        if len(set(named.values())) > 1 or (hidden and "int8" in named.values()):
            found = ", ".join(f"{name!r} {dtype}" for name, dtype in sorted(named.items()))
            allowed = "int16 or float32: a hidden state" if hidden else "one type: the same values"
            where = f"recipe {recipe.name!r}"
            problems.append(Problem(where, found, allowed, "give all of them one of these"))
        default = recipe.activations
        if _is_smooth(names, values, integer):
            default = recipe.smooth_inputs
        elif hidden and default != "float32":
            default = "int16"
        elif default != "float32" and any(_is_precise(values[name], integer) for name in names):
            default = recipe.fused
        wanted.update(dict.fromkeys(names, next(iter(named.values()), default)))
    if problems:
        raise UsageError(problems)
    return wanted


def _is_precise(value: ir.Value, integer: frozenset[str]) -> bool:
    """Whether an operator with precise internals reads or writes a tensor."""
    nodes = [value.producer(), *value.consumers()]
    return any(n is not None and n.op_type in PRECISE and n.name in integer for n in nodes)


def _group_type(
    names: list[str],
    dtype: str,
    graph: ir.Graph,
    observers: dict[str, Observer],
    recipe: Recipe,
    integer: frozenset[str],
) -> QuantType:
    """Hidden states are Q15; inputs of sigmoid-like functions have headroom and saturate."""
    values = {str(v.name): v for node in graph for v in node.outputs}
    values.update((str(v.name), v) for v in graph.inputs)
    if any(_is_hidden(values[name], integer) for name in names):
        return HIDDEN_TYPE
    if _is_smooth(names, values, integer):
        low, high = (
            SMOOTH_HEADROOM * end for end in _joint([minmax_range(observers[n]) for n in names])
        )
        return activation_type(dtype, max(low, -SATURATED), min(high, SATURATED))
    if dtype == "int8" and any(_is_dilation(values[name]) for name in names):
        return DILATION_TYPE
    if dtype == "int16":
        ends = _joint([minmax_range(observers[n]) for n in names])
        return activation_type(dtype, *(INT16_HEADROOM * end for end in ends))
    return activation_type(dtype, *_joint([range_of(observers[n], recipe) for n in names]))


def _is_dilation(value: ir.Value) -> bool:
    """Whether a value is the s of a deformable convolution of integers: rounded with scale 1 it is d."""
    waiting = [user.node for user in value.uses()]
    while waiting:
        node = waiting.pop()
        if node.op_type == "DeformConv":
            chain = integer_chain(node)
            return chain is not None and chain.source is value
        if FLOAT_NODE in node.metadata_props:
            waiting += [user.node for output in node.outputs for user in output.uses()]
    return False


def _is_smooth(names: list[str], values: dict[str, ir.Value], integer: frozenset[str]) -> bool:
    """Whether only sigmoid-like functions read a group."""
    members = [values[name] for name in names]
    readers = {
        "float"
        if user.node.name not in integer or is_cell_state(user.node, user.idx)
        else user.node.op_type
        for value in members
        for user in value.uses()
        if not (user.node.name in integer and user.node.op_type in MOVES)
    }
    is_output = any(v.is_graph_output() for v in members)
    hidden = any(_is_hidden(value, integer) for value in members)
    return bool(readers) and readers <= SMOOTH and not (is_output or hidden)


def _is_hidden(value: ir.Value, integer: frozenset[str]) -> bool:
    producer = value.producer()
    if producer is not None and producer.op_type in RECURRENT and producer.name in integer:
        return value in results(producer)
    return any(
        is_hidden_state(user.node, user.idx) and user.node.name in integer for user in value.uses()
    )


def is_hidden_state(node: ir.Node, index: int) -> bool:
    """Whether an input is the first h of a recurrent cell."""
    return node.op_type in RECURRENT and index == HIDDEN_INPUT


def _joint(ranges: list[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ranges), max(high for _, high in ranges)
