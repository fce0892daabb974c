"""The builder of GRU and LSTM."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import attribute, is_read
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import optional
from edgekit.operators.linear.integer import bias_array, multipliers, prove_accumulator
from edgekit.operators.qdq import CELL_BITS, HIDDEN_OPERAND, Frame, Weight, cell_type
from edgekit.operators.roles import CELL_INPUT, CELL_OUTPUT, HIDDEN_INPUT, constant
from edgekit.operators.scheme import GATE_TYPE, HIDDEN_INT8_TYPE, HIDDEN_TYPE, QuantType


def build_recurrent(fuser: Fuser, node: ir.Node) -> bool:
    """Build a GRU or LSTM: int8 weights, h int16 of scale 2^-15, gate pre-activations int16 of scale 2^-11.

    c of an LSTM is int32, of the scale that the node states.
    """
    x, (w, r) = fuser.operand(node.inputs[0]), (fuser.weights.get(node.inputs[i]) for i in (1, 2))  # type: ignore[arg-type]
    used = [i for i, value in enumerate(node.outputs) if is_read(value)]
    framed, cell = _hidden_frames(fuser, node, used), cell_type(node)
    if x is None or w is None or r is None or framed is None:
        return False
    widths_fit = w.bits == r.bits or _gives_gates(node, x.kind, w)
    if not widths_fit or (node.op_type == "LSTM") != (cell is not None):
        return False
    states = [fuser.state(optional(node, HIDDEN_INPUT), HIDDEN_TYPE)]
    attributes = {**_gates(node, x.kind, w, r), "outputs": used}
    if cell is None:
        attributes["linear_before_reset"] = attribute(node, "linear_before_reset", 0)
        fuser.add(node, node.op_type, [x.value, *states], framed, attributes)
        return True
    states.append(fuser.state(optional(node, CELL_INPUT), cell))
    attributes["c_bits"] = int(node.metadata_props[CELL_BITS])
    written = (node.outputs[CELL_OUTPUT], cell) if CELL_OUTPUT in used else None
    fuser.add(node, node.op_type, [x.value, *states], framed, attributes, written)
    return True


def _hidden_frames(fuser: Fuser, node: ir.Node, used: list[int]) -> list[Frame] | None:
    """Return the frames of the used outputs that hold h; None if one is not quantized, or in another type than h."""
    frames = [fuser.frame(node, i) for i in used if i != CELL_OUTPUT]
    framed = [frame for frame in frames if frame is not None and frame[1] == HIDDEN_TYPE]
    return framed if len(framed) == len(frames) else None


def _gates(node: ir.Node, x: QuantType, w: Weight, r: Weight) -> dict[str, object]:
    """Return weights, biases and multipliers of the two products in a cell's gates."""
    of_x, of_h = _biases(node, len(r.q[0]))
    hidden = _hidden_operand(node, x)
    gates = _product(node, "r", hidden, r, of_h)
    if not _gives_gates(node, x, w):
        return {**_product(node, "w", x, w, of_x), **gates}
    nothing = {"w_bias": np.int64, "w_mult": np.int32, "w_shift": np.uint8}
    empty = {name: np.zeros(0, dtype) for name, dtype in nothing.items()}
    return {"w": r.kept(r.q[0][:, :0]), **empty, **gates}


def _product(
    node: ir.Node, name: str, x: QuantType, weight: Weight, bias: Float32
) -> dict[str, object]:
    """Weights, biases and multipliers of one product, to pre-activations of gates."""
    rows, scales = weight.q[0], weight.scale.ravel()
    unit = np.float64(x.scale) * scales.astype(np.float64)
    sums = np.rint(bias.astype(np.float64) / unit).astype(np.int64)
    prove_accumulator(node, x, rows, sums)
    folded = sums - x.zero_point * rows.astype(np.int64).sum(axis=1)
    return {
        name: weight.kept(rows),
        f"{name}_bias": bias_array(folded, x),
        **multipliers(f"{name}_", x.scale, scales, GATE_TYPE.scale, x.dtype),
    }


def _biases(node: ir.Node, rows: int) -> tuple[Float32, Float32]:
    """Return the biases of the product with x, and of that with h."""
    bias = constant(optional(node, 3))
    both = np.zeros(2 * rows, np.float32) if bias is None else bias[0]
    return both[:rows], both[rows:]


def _gives_gates(node: ir.Node, x: QuantType, w: Weight) -> bool:
    """Whether x holds the pre-activations of its product: W is the identity, nothing is added."""
    of_x, _ = _biases(node, len(w.q[0]))
    own = np.array_equal(w.real[0], np.eye(len(w.q[0]), dtype=np.float32))
    return x == GATE_TYPE and own and not of_x.any()


def _hidden_operand(node: ir.Node, x: QuantType) -> QuantType:
    """Return the type in which the recurrent product reads h: as the file states, else as wide as the input."""
    dtype = node.metadata_props.get(HIDDEN_OPERAND, x.dtype)
    return HIDDEN_INT8_TYPE if dtype == "int8" else HIDDEN_TYPE


def _has_constant_weights(node: ir.Node) -> bool:
    """Whether both weights are constants, and the sequence is not."""
    return [constant(value) is not None for value in node.inputs[:3]] == [False, True, True]


def _is_plain_gru(node: ir.Node) -> bool:
    weights = _has_constant_weights(node)
    initial = constant(optional(node, HIDDEN_INPUT))
    holds = initial is None or bool((abs(initial) <= 1).all())  # as HIDDEN_TYPE
    return weights and optional(node, 4) is None and holds


def _is_plain_lstm(node: ir.Node) -> bool:
    """Constant weights, whole sequences forward, no peepholes, no clip, the usual functions."""
    bias, lengths, peepholes = (optional(node, i) for i in (3, 4, 7))
    plain = lengths is None and peepholes is None and (bias is None or constant(bias) is not None)
    cell = facts_of(node).cell
    usual = {"direction": "forward", "activations": cell and cell.activations}
    names = ("direction", "activations", "clip", "input_forget", "layout")
    return (
        plain
        and _has_constant_weights(node)
        and all(attribute(node, name, 0) in (0, (), usual.get(name)) for name in names)
    )


INTEGERS = {
    "GRU": IntegerForm(_is_plain_gru, build_recurrent),
    "LSTM": IntegerForm(_is_plain_lstm, build_recurrent),
}
