"""Selects the nodes that integers can compute, and those of their values that get a type."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of, names
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import array_of, is_constant, is_read
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.pointwise.functions import POINTWISE

constant = array_of  # the array of an initializer; None for anything computed
LINEAR = names(lambda row: row.linear)
RECURRENT = frozenset({"GRU", "LSTM"})
HIDDEN_INPUT, CELL_INPUT, CELL_OUTPUT = 5, 6, 2
OFFSET_INPUT = 2
ARITHMETIC = frozenset({"Add", "Sub", "Mul"})
AVERAGES = frozenset({"AveragePool", "GlobalAveragePool"})
SUMS = frozenset({"ReduceMean", "ReduceSum"})
SQUARES = frozenset({"Magnitude", "MeanSquare"})
PRECISE = SQUARES | {"ProductSum"} | names(lambda row: row.precise)
SATURATING = names(lambda row: row.saturates)  # their input in 16 bits costs nothing
STEEP = frozenset({"Exp", "Log", "Sqrt", "Reciprocal"})  # beyond a table of 256 steps
NEVER_TABLED = STEEP | {"Acos", "Acosh", "Asin", "Atanh", "Cosh", "Identity", "Sinh", "Tan"}
TABLED = (POINTWISE.keys() - NEVER_TABLED) | {"Clip"}
JOINING = names(lambda row: row.joins)  # of several operands
# Those that fill in a constant, Pad apart, are done in float.
MOVES = names(lambda row: row.moves not in (None, "fills")) | {"Pad"}
FUSED_ACTIVATIONS = frozenset({"Relu", "Clip"})
PARTIAL_SUM = "edgekit.partial_sum"  # node metadata: its result is a part of one operator's
GATE_SUMS = "edgekit.gate_sums"  # of a recurrent layer: its x are sums of its gates, and its W is the identity
HOP_SCALE = "edgekit.hop_scale"  # metadata of the scaling node: the tensor that has a scale per hop
HOP_SCALED = (
    "edgekit.hop_scaled"  # node metadata: its result is worth 16 bits next to a scale per hop
)
HOP_END = "edgekit.hop_end"  # node metadata: a float node after the scale; integers move its result


def touches(node: ir.Node, names: frozenset[str]) -> bool:
    """Whether a node reads or writes one of the tensors, perhaps through an activation fused into it."""
    fused = fused_activation(node)
    values = [*activations(node), *results(node), *(() if fused is None else fused.outputs)]
    return any(value.name in names for value in values)


def activations(node: ir.Node) -> list[ir.Value]:
    """Return the float inputs of a node that are computed, in order; not the c of an LSTM."""
    return [
        value
        for index, value in enumerate(node.inputs)
        if value is not None
        and not is_constant(value)
        and value.dtype == ir.DataType.FLOAT
        and not is_cell_state(node, index)
        and not (node.op_type == "DeformConv" and index == OFFSET_INPUT)
    ]


def results(node: ir.Node) -> list[ir.Value]:
    """Return the outputs of a node that are used and can be int8 or int16: not the c of an LSTM, not positions."""
    cell = node.outputs[CELL_OUTPUT] if node.op_type == "LSTM" and len(node.outputs) > 2 else None
    return [value for value in element_outputs(node) if value.name and value is not cell]


def element_outputs(node: ir.Node) -> Sequence[ir.Value]:
    """Return the outputs without the positions of a TopK, which are no elements of its operand."""
    return node.outputs[:1] if node.op_type == "TopK" else node.outputs


def is_cell_state(node: ir.Node, index: int) -> bool:
    """Whether an input is the first c of an LSTM."""
    return node.op_type == "LSTM" and index == CELL_INPUT


def fused_activation(node: ir.Node) -> ir.Node | None:
    """Return the Relu or constant Clip that can run inside this node's requantization."""
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
    return all(value is None or is_constant(value) for value in node.inputs[1:])


def reduced_axes(node: ir.Node) -> list[int]:
    """Return the axes that a Reduce node folds, sorted; they must be constant."""
    rank, axes = len(dims(node.inputs[0])), constant(optional(node, 1))
    named = ints(node, "axes", []) if axes is None else [int(a) for a in np.ravel(axes)]
    empty = [] if _attribute(node, "noop_with_empty_axes", 0) else list(range(rank))
    return sorted(a % rank for a in named) if named else empty


def is_square(node: ir.Node) -> bool:
    """Whether a product is that of a value with itself."""
    return node.op_type == "Mul" and node.inputs[0] is node.inputs[1]


def feeds_sensitive(value: ir.Value, through: Collection[str] = MOVES) -> bool:
    """Whether the value, perhaps moved first, is a denominator or goes into a root, logarithm or square."""
    return any(
        user.idx in facts_of(user.node).sensitive
        or is_square(user.node)
        or (
            user.node.op_type in through
            and any(feeds_sensitive(v, through) for v in user.node.outputs)
        )
        for user in value.uses()
    )


def _attribute(node: ir.Node, name: str, default: Any) -> Any:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.value


def per_channel(array: Array, rank: int) -> bool:
    """Whether a constant that meets a tensor of this rank has one value for each index of axis 1."""
    full = (1,) * (rank - array.ndim) + array.shape
    return all(size == 1 or axis == 1 for axis, size in enumerate(full))


def integer_moves(model: Model, compute: set[str | None], kept: frozenset[str]) -> set[str | None]:
    """Moves whose operands are integers (or graph inputs, or a `HOP_END`) and that an integer node writes or reads."""
    graph = model.ir.graph
    given = compute | _hop_ends(graph)
    movable = [n for n in graph if is_move(n) and not touches(n, kept)]
    near = _moves_of_results(movable, given) | _moves_of_operands(movable, compute)
    chosen: set[str | None] = set()
    for node in movable:
        read = activations(node)
        ready = all(v.is_graph_input() or _is_output_of(v, given | chosen) for v in read)
        if ready and read and node.name in near:
            chosen.add(node.name)
    return chosen


def _moves_of_results(movable: Sequence[ir.Node], names: set[str | None]) -> set[str | None]:
    """Return the moves of the results of the named nodes, also through other moves."""
    found: set[str | None] = set()
    for node in movable:
        if any(_is_output_of(value, names | found) for value in activations(node)):
            found.add(node.name)
    return found


def _moves_of_operands(movable: Sequence[ir.Node], names: set[str | None]) -> set[str | None]:
    """Return the moves of the operands of the named nodes, also through other moves; not of the c of an LSTM."""
    found: set[str | None] = set()
    for node in reversed(movable):
        users = [user for value in node.outputs for user in value.uses()]
        if any(u.node.name in names | found and not is_cell_state(u.node, u.idx) for u in users):
            found.add(node.name)
    return found


def _hop_ends(graph: ir.Graph) -> set[str | None]:
    return {node.name for node in graph if HOP_END in node.metadata_props}


def _chooses(node: ir.Node) -> bool:
    """Whether it chooses among operands with valid constants: zeros for Where, finite ones for Max and Min."""
    arrays = [a for v in node.inputs if (a := constant(v)) is not None and a.dtype == np.float32]
    if node.op_type == "Where":
        return not any(array.any() for array in arrays)
    return all(np.isfinite(array).all() for array in arrays)


def _joins(node: ir.Node) -> bool:
    """Whether elements of several operands go to constant places, and none is combined with another."""
    combines = "reduction" in node.attributes and _attribute(node, "reduction", "none") != "none"
    decided = node.op_type == "Concat" or is_constant(node.inputs[1])
    return decided and not combines


def is_move(node: ir.Node) -> bool:
    """Whether every element of the results is one of the operands, or zero: no arithmetic."""
    if node.op_type not in MOVES or node.domain != "":
        return False
    if node.op_type in JOINING:
        return _chooses(node) if facts_of(node).moves == "chooses" else _joins(node)
    if node.op_type in ("MaxPool", "GlobalMaxPool"):
        return not any(map(is_read, node.outputs[1:]))
    form = FORMS_OF_MOVES.get(node.op_type)
    return (form is None or form(node)) and (constant_tail(node) or picks(node))


def _pads_zeros(node: ir.Node) -> bool:
    fill = constant(optional(node, 2))
    return fill is None or not fill.any()


def _takes_nearest(node: ir.Node) -> bool:
    nearest = _attribute(node, "mode", "nearest") == "nearest"
    return nearest and "tf_crop" not in _attribute(node, "coordinate_transformation_mode", "")


# What of an operator's forms takes elements as they are, where not all do.
FORMS_OF_MOVES: dict[str, Callable[[ir.Node], bool]] = {
    "Pad": _pads_zeros,
    "Resize": _takes_nearest,
}


def picks(node: ir.Node) -> bool:
    """Whether a node moves elements by indices that are computed."""
    data, *indices = node.inputs
    by_index = node.op_type.startswith("Gather")
    return by_index and not is_constant(data) and not is_constant(indices[0])


def _is_output_of(value: ir.Value, names: set[str | None]) -> bool:
    producer = value.producer()
    return producer is not None and producer.name in names and value in results(producer)


def is_hidden_state(node: ir.Node, index: int) -> bool:
    """Whether an input is the first h of a recurrent cell."""
    return node.op_type in RECURRENT and index == HIDDEN_INPUT


def is_gate_sums(node: ir.Node, index: int) -> bool:
    """Whether an input holds the sums of a recurrent layer's gates, in the place of its x."""
    return index == 0 and GATE_SUMS in node.metadata_props
