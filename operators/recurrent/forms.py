"""Recurrent cells over time, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import attribute
from edgekit.operators.operator import Operator, integer, tensor, tensors
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.recurrent import twin as recurrent_twin

GATE_ARRAYS = ("w", "r", "w_bias", "r_bias", "w_mult", "w_shift", "r_mult", "r_shift")


def gru_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """GRU, every time step."""
    gates, before, operand = (
        _gates(node),
        integer(node, "linear_before_reset"),
        hidden_operand(node),
    )
    shape = (x[0].shape[1], tensor(node, "r").shape[1])
    h, rows = np.zeros(shape, np.int16) if x[1] is None else x[1].reshape(shape), []
    for step in x[0]:
        h = recurrent_twin.ek_gru(step, h, gates, before, operand=operand)
        rows.append(h)
    both = [np.stack(rows), h]
    return [both[i] for i in node.attributes["outputs"].as_ints()]


def lstm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """LSTM, every time step."""
    gates, c_bits, operand = _gates(node), integer(node, "c_bits"), hidden_operand(node)
    shape = (x[0].shape[1], tensor(node, "r").shape[1])
    h, c = (
        np.zeros(shape, dtype) if state is None else state.reshape(shape)
        for state, dtype in zip(x[1:], (np.int16, np.int32), strict=True)
    )
    rows = []
    for step in x[0]:
        h, c = recurrent_twin.ek_lstm(step, h, c, gates, c_bits, operand=operand)
        rows.append(h)
    every = [np.stack(rows), h, c]
    return [every[i] for i in node.attributes["outputs"].as_ints()]


def _gates(node: ir.Node) -> recurrent_twin.Gates:
    """Weights, biases and scaling of a recurrent cell, and the tables of its gates."""
    arrays = dict(zip(GATE_ARRAYS, tensors(node, *GATE_ARRAYS), strict=True))
    sigmoid, tanh = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    return recurrent_twin.Gates(**arrays, sigmoid=sigmoid, tanh=tanh)


def hidden_operand(node: ir.Node) -> str:
    """Return the type of the recurrent product's operand: biases of its width are int64 for int16."""
    return "int16" if tensor(node, "r_bias").dtype == np.int64 else "int8"


def recurrent(node: ir.Node, x: list[Array]) -> list[Array]:
    """GRU, LSTM or RNN, every time step."""
    x = [*x, *[None] * (7 - len(x))]  # type: ignore[list-item]
    w, r = x[1][0].T, x[2][0].T
    rows, units = w.shape[1], r.shape[0]
    bias = np.zeros(2 * rows, np.float32) if x[3] is None else x[3][0]
    zeros = np.zeros((x[0].shape[1], units), np.float32)
    h, c = (zeros if s is None else s.reshape(zeros.shape) for s in x[5:7])
    steps = []
    for step in x[0]:
        if node.op_type == "LSTM":
            h, c = recurrent_twin.ek_lstm_f32(step, h, c, w, r, bias[:rows] + bias[rows:])
        elif node.op_type == "RNN":
            both = bias[:rows] + bias[rows:]
            h = recurrent_twin.ek_rnn_f32(step, h, w, r, both, uses_relu(node))
        else:
            reset = integer(node, "linear_before_reset", 0)
            h = recurrent_twin.ek_gru_f32(step, h, w, r, bias[:rows], bias[rows:], reset)
        steps.append(h)
    return [np.stack(steps), h, c]


def uses_relu(node: ir.Node) -> int:
    """Whether an RNN's activation is Relu instead of Tanh, as 1 or 0."""
    return int(tuple(attribute(node, "activations", ())) == ("Relu",))


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "GRU"): recurrent,
    ("", "LSTM"): recurrent,
    ("", "RNN"): recurrent,
    (INTEGER_DOMAIN, "GRU"): gru_int,
    (INTEGER_DOMAIN, "LSTM"): lstm_int,
}
