"""GRU, LSTM and RNN cells spelled out, one time step after another."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.graph import attribute
from edgekit.quantize.geometry import dims, optional
from edgekit.quantize.numpy_ops.layers import rectified
from edgekit.targets.litert.file import Array, options
from edgekit.targets.litert.orders import natural
from edgekit.targets.litert.writer import Refused, Writer


@dataclass(frozen=True)
class Cell:
    """A layer's matrices (gates * units, inputs) and biases, in float."""

    w: Array
    r: Array
    w_bias: Array
    r_bias: Array
    units: int


def cell_of(w: Writer, node: ir.Node) -> Cell:
    """The constant weights of a forward layer."""
    arrays = [w.array(node.inputs[i]) for i in (1, 2)]
    bias = optional(node, 3)
    if arrays[0] is None or arrays[1] is None or (bias is not None and w.array(bias) is None):
        raise Refused("computed weights", "constant weights")
    if optional(node, 4) is not None:
        raise Refused("sequences of several lengths", "whole sequences")
    first, again = arrays[0][0], arrays[1][0]
    both = np.zeros(2 * len(first), np.float32) if bias is None else w.array(bias)[0]  # type: ignore[index]
    return Cell(first, again, both[: len(first)], both[len(first) :], again.shape[1])


def product(w: Writer, x: int, matrix: Array, bias: Array) -> int:
    """Rows (batch, inputs) times a matrix (outputs, inputs)."""
    inputs = [
        x,
        w.constant(np.ascontiguousarray(matrix, np.float32)),
        w.constant(np.ascontiguousarray(bias, np.float32)),
    ]
    return w.op(
        "FULLY_CONNECTED", inputs, (w.shape(x)[0], len(matrix)), chosen=options("FullyConnected")
    )


def part(w: Writer, x: int, first: int, count: int) -> int:
    """Columns of (batch, columns)."""
    shape = (w.shape(x)[0], count)
    if shape == w.shape(x):
        return x
    return w.op("SLICE", [x, w.ints_constant([0, first]), w.ints_constant(shape)], shape)


def layer(w: Writer, node: ir.Node) -> None:
    """Every step of a layer; x (time, batch, inputs)."""
    cell = cell_of(w, node)
    steps, batch, inputs = dims(node.inputs[0])
    x = w.reshaped(w.flat(w.item(node.inputs[0])), (steps * batch, inputs))
    step = {"GRU": gru_step, "LSTM": lstm_step, "RNN": rnn_step}[node.op_type]
    folded = cell.w_bias + cell.r_bias
    if node.op_type == "GRU":  # the candidate's recurrent bias stays with its product
        folded = np.concatenate([folded[: 2 * cell.units], cell.w_bias[2 * cell.units :]])
    sums = product(w, x, cell.w, folded)
    state = [
        _initial(w, node, i, batch, cell.units)
        for i in (5, 6)[: 2 if node.op_type == "LSTM" else 1]
    ]
    rows = []
    for t in range(steps):
        shape = (batch, w.shape(sums)[1])
        now = (
            sums
            if steps == 1
            else w.op(
                "SLICE", [sums, w.ints_constant([t * batch, 0]), w.ints_constant(shape)], shape
            )
        )
        state = step(w, node, cell, now, state)
        rows.append(state[0])
    last = [_joined(w, rows), *state]
    for i, output in enumerate(node.outputs):
        if output.name and (output.uses() or output.is_graph_output()):
            out = dims(output)
            w.put(w.reshaped(last[i], out), natural(len(out)), i)


def _joined(w: Writer, rows: list[int]) -> int:
    if len(rows) == 1:
        return rows[0]
    shape = (len(rows) * w.shape(rows[0])[0], w.shape(rows[0])[1])
    return w.op("CONCATENATION", rows, shape, chosen=options("Concatenation", axis=0))


def _initial(w: Writer, node: ir.Node, index: int, batch: int, units: int) -> int:
    value = optional(node, index)
    if value is None:
        return w.real_constant(np.zeros((batch, units)))
    return w.reshaped(w.flat(w.item(value)), (batch, units))


def gru_step(w: Writer, node: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Cho et al., 2014, equations 5 to 8, gates z, r, h; the reset before or behind the product."""
    h, n = state[0], cell.units
    none = np.zeros(2 * n, np.float32)
    late = bool(attribute(node, "linear_before_reset", 0))
    bias = np.concatenate([none, cell.r_bias[2 * n :]])
    again = product(w, h, cell.r if late else cell.r[: 2 * n], bias if late else none)
    gates = w.op("LOGISTIC", [w.op("ADD", [part(w, x, 0, 2 * n), part(w, again, 0, 2 * n)])])
    z, r = part(w, gates, 0, n), part(w, gates, n, n)
    if late:
        reset = w.op("MUL", [r, part(w, again, 2 * n, n)])
    else:
        reset = product(w, w.op("MUL", [r, h]), cell.r[2 * n :], cell.r_bias[2 * n :])
    new = w.op("TANH", [w.op("ADD", [part(w, x, 2 * n, n), reset])])
    return [w.op("ADD", [new, w.op("MUL", [z, w.op("SUB", [h, new])])])]


def lstm_step(w: Writer, _: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Hochreiter and Schmidhuber, 1997, with forget gates; gates i, o, f, c."""
    h, c = state
    n = cell.units
    sums = w.op("ADD", [x, product(w, h, cell.r, np.zeros(4 * n, np.float32))])
    gates = w.op("LOGISTIC", [part(w, sums, 0, 3 * n)])
    i, o, f = (part(w, gates, k * n, n) for k in range(3))
    new = w.op("TANH", [part(w, sums, 3 * n, n)])
    c = w.op("ADD", [w.op("MUL", [f, c]), w.op("MUL", [i, new])])
    return [w.op("MUL", [o, w.op("TANH", [c])]), c]


def rnn_step(w: Writer, node: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Elman, 1990."""
    again = product(w, state[0], cell.r, np.zeros(cell.units, np.float32))
    return [w.op("RELU" if rectified(node) else "TANH", [w.op("ADD", [x, again])])]
