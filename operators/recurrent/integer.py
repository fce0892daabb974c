"""The builder of GRU and LSTM."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.fuser import Fuser
from edgekit.operators.geometry import optional
from edgekit.operators.linear.integer import bias_array, multipliers, prove_accumulator
from edgekit.operators.qdq import CELL_BITS, HIDDEN_OPERAND, cell_type
from edgekit.operators.roles import CELL_INPUT, CELL_OUTPUT, HIDDEN_INPUT, constant
from edgekit.operators.scheme import GATE_TYPE, HIDDEN_INT8_TYPE, HIDDEN_TYPE, QuantType


def build_recurrent(fuser: Fuser, node: ir.Node) -> bool:
    """GRU, LSTM: int8 weights, h int16 of scale 2^-15, gate pre-activations int16 of scale 2^-11.

    c of an LSTM is int32, of the scale that the node says.
    """
    x, (w, r) = fuser.operand(node.inputs[0]), (fuser.weights.get(node.inputs[i]) for i in (1, 2))  # type: ignore[arg-type]
    cell = cell_type(node)
    used = [i for i, value in enumerate(node.outputs) if value.uses() or value.is_graph_output()]
    frames = [fuser.frame(node, i) for i in used if i != CELL_OUTPUT]
    known = all(frame is not None and frame[1] == HIDDEN_TYPE for frame in frames)
    if x is None or w is None or r is None or not known or w.bits != r.bits:
        return False
    if (node.op_type == "LSTM") != (cell is not None):
        return False
    states = [fuser.state(optional(node, HIDDEN_INPUT), HIDDEN_TYPE)]
    if cell is not None:
        states.append(fuser.state(optional(node, CELL_INPUT), cell))
    hidden = _hidden_operand(node, x.kind)
    rows = len(w.q[0])
    bias = constant(optional(node, 3))
    both = np.zeros(2 * rows, np.float32) if bias is None else bias[0]
    w_bias, r_bias = (
        np.rint(
            part.astype(np.float64) / (np.float64(scale) * weight.scale.ravel().astype(np.float64))
        )
        for part, scale, weight in ((both[:rows], x.kind.scale, w), (both[rows:], hidden.scale, r))
    )
    prove_accumulator(node, x.kind, w.q[0], w_bias.astype(np.int64))
    prove_accumulator(node, hidden, r.q[0], r_bias.astype(np.int64))
    folded = w_bias.astype(np.int64) - x.kind.zero_point * w.q[0].astype(np.int64).sum(axis=1)
    reset = node.attributes.get("linear_before_reset")
    attributes: dict[str, object] = {
        "w": w.kept(w.q[0]),
        "r": r.kept(r.q[0]),
        "w_bias": bias_array(folded, x.kind),
        "r_bias": bias_array(r_bias.astype(np.int64), hidden),
        **multipliers("w_", x.kind.scale, w.scale.ravel(), GATE_TYPE.scale, x.kind.dtype),
        **multipliers("r_", hidden.scale, r.scale.ravel(), GATE_TYPE.scale, hidden.dtype),
        "outputs": used,
    }
    if cell is None:
        attributes["linear_before_reset"] = 0 if reset is None else reset.as_int()
    else:
        attributes["c_bits"] = int(node.metadata_props[CELL_BITS])
    framed = [frame for frame in frames if frame is not None]
    written = (
        (node.outputs[CELL_OUTPUT], cell) if cell is not None and CELL_OUTPUT in used else None
    )
    fuser.add(node, node.op_type, [x.value, *states], framed, attributes, written)
    return True


def _hidden_operand(node: ir.Node, x: QuantType) -> QuantType:
    """How the recurrent product reads h: as the file says, else as wide as the input."""
    dtype = node.metadata_props.get(HIDDEN_OPERAND, x.dtype)
    return HIDDEN_INT8_TYPE if dtype == "int8" else HIDDEN_TYPE
