"""GRU, LSTM and RNN cells spelled out, one time step after another, in float or in 16-bit integers.

Integer cells have LiteRT's 16x8 products and 16-bit functions; c of an LSTM, which outgrows 16 bits, is float.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import dims, optional
from edgekit.operators.recurrent.forms import uses_relu
from edgekit.operators.roles import CELL_INPUT, CELL_OUTPUT, HIDDEN_INPUT
from edgekit.operators.scheme import GATE_TYPE, HIDDEN_TYPE, QuantType
from edgekit.targets.litert.emit.conv import one_tap
from edgekit.targets.litert.emit.pointwise import FIXED
from edgekit.targets.litert.file import Scales, options
from edgekit.targets.litert.node_emission import LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import natural

DIFFERENCE = QuantType("int16", 2.0**-14, 0)  # of two values in -1..1


@dataclass(frozen=True)
class Rows:
    """A matrix (gates * units, inputs), with one scale per row where it holds integers."""

    q: Array
    scales: Array | None

    def part(self, first: int, last: int | None = None) -> "Rows":
        """Some rows."""
        scales = None if self.scales is None else self.scales[first:last]
        return Rows(self.q[first:last], scales)


@dataclass(frozen=True)
class Cell:
    """A layer's matrices, and its biases in float."""

    w: Rows
    r: Rows
    w_bias: Array
    r_bias: Array
    units: int


def cell_of(w: NodeEmission, node: ir.Node) -> Cell:
    """The constant weights of a forward layer."""
    first, again = (_matrix(w, node.inputs[i]) for i in (1, 2))
    bias = optional(node, 3)
    if bias is not None and w.array(bias) is None:
        raise LiteRTRefused("a computed bias", "a constant")
    if optional(node, 4) is not None:
        raise LiteRTRefused("sequences of several lengths", "whole sequences")
    rows = len(first.q)
    both = np.zeros(2 * rows, np.float32) if bias is None else w.array(bias)[0]  # type: ignore[index]
    return Cell(first, again, both[:rows], both[rows:], again.q.shape[1])


def _matrix(w: NodeEmission, value: ir.Value | None) -> Rows:
    array = w.array(value)
    if array is None or value is None:
        raise LiteRTRefused("computed weights", "constant weights")
    if not w.integer:
        return Rows(array[0], None)
    weight = w.weights[value]
    scales = np.broadcast_to(weight.scale, weight.q.shape)[0, :, 0]
    return Rows(weight.q[0].astype(np.int8), scales)


def product(w: NodeEmission, x: int, rows: Rows, bias: Array) -> int:
    """Rows (batch, inputs) times a matrix, plus a bias."""
    shape, chosen = (w.shape(x)[0], len(rows.q)), options("FullyConnected")
    if rows.scales is None:
        inputs = [x, w.factors(rows.q), w.real_constant(bias)]
        return w.op("FULLY_CONNECTED", inputs, shape, chosen=chosen)
    held = w.graph.tensors[x].scales
    assert held is not None
    unit = np.float64(held.scale[0]) * rows.scales.astype(np.float64)
    q = np.rint(bias.astype(np.float64) / unit).astype(np.int64)
    held_bias = w.graph.constant("bias", q, Scales(tuple(float(np.float32(u)) for u in unit)))
    return w.reshaped(one_tap(w, x, rows.q, rows.scales, held_bias, GATE_TYPE), shape)


def op(w: NodeEmission, builtin: str, inputs: list[int], kind: QuantType) -> int:
    """An operator whose result has this type in an integer cell."""
    fixed = FIXED.get((builtin, "int16"), kind)
    return w.op(builtin, inputs, kind=fixed if w.integer else None)


def part(w: NodeEmission, x: int, first: int, count: int) -> int:
    """Columns of (batch, columns)."""
    shape = (w.shape(x)[0], count)
    if shape == w.shape(x):
        return x
    return w.op("SLICE", [x, w.ints_constant([0, first]), w.ints_constant(shape)], shape)


def parts(w: NodeEmission, x: int, count: int, axis: int = 1) -> list[int]:
    """Equal parts of (batch, columns) along an axis."""
    if count == 1:
        return [x]
    shape = [n // count if i == axis else n for i, n in enumerate(w.shape(x))]
    place = w.scalar(np.int32(axis))
    return w.ops("SPLIT", [place, x], [shape] * count, x, options("Split", numSplits=count))


Step = Callable[[NodeEmission, ir.Node, Cell, int, list[int]], list[int]]


def layer(step: Step, w: NodeEmission, node: ir.Node) -> None:
    """Every step of a layer; x (time, batch, inputs)."""
    cell = cell_of(w, node)
    steps, batch, inputs = dims(node.inputs[0])
    x = w.reshaped(w.flat(w.item(node.inputs[0])), (steps * batch, inputs))
    folded = cell.w_bias
    if node.op_type != "GRU":  # whose recurrent biases stay with their product
        folded = cell.w_bias + cell.r_bias
    sums = product(w, x, cell.w, folded)
    state = [_hidden(w, node, batch, cell.units)]
    if node.op_type == "LSTM":
        state.append(_memory(w, node, batch, cell.units))
    rows = []
    for row in parts(w, sums, steps, 0):
        state = step(w, node, cell, row, state)
        rows.append(state[0])
    for i, number in enumerate([_concatenate_rows(w, rows), *state]):
        _give(w, node, i, number)


def _give(w: NodeEmission, node: ir.Node, index: int, number: int) -> None:
    if index >= len(node.outputs) or not node.outputs[index].name:
        return
    value = node.outputs[index]
    if value.uses() or value.is_graph_output():
        shape = dims(value)
        put = w.put_real if index == CELL_OUTPUT else w.put
        put(w.reshaped(number, shape), natural(len(shape)), index)


def _concatenate_rows(w: NodeEmission, rows: list[int]) -> int:
    if len(rows) == 1:
        return rows[0]
    shape = (len(rows) * w.shape(rows[0])[0], w.shape(rows[0])[1])
    return w.op("CONCATENATION", rows, shape, chosen=options("Concatenation", axis=0))


def _hidden(w: NodeEmission, node: ir.Node, batch: int, units: int) -> int:
    """The first h."""
    value = optional(node, HIDDEN_INPUT)
    array = np.zeros((batch, units), np.float32) if value is None else w.array(value)
    if array is not None:
        array = array.reshape(batch, units)
        return (
            w.constant(HIDDEN_TYPE.quantize(array), HIDDEN_TYPE)
            if w.integer
            else w.real_constant(array)
        )
    item = w.item(value)
    if w.integer:
        item = w.requantized(item, HIDDEN_TYPE)
    return w.reshaped(w.flat(item), (batch, units))


def _memory(w: NodeEmission, node: ir.Node, batch: int, units: int) -> int:
    """The first c, in float."""
    value = optional(node, CELL_INPUT)
    if value is None:
        return w.real_constant(np.zeros((batch, units)))
    return w.reshaped(w.flat(w.real_item(value)), (batch, units))


def gru_step(w: NodeEmission, node: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Cho et al., 2014, equations 5 to 8, gates z, r, h; the reset before or after the product."""
    h, n = state[0], cell.units
    late = bool(attribute(node, "linear_before_reset", 0))
    end = 3 * n if late else 2 * n
    again = product(w, h, cell.r.part(0, end), cell.r_bias[:end])
    sums = op(w, "ADD", [part(w, x, 0, 2 * n), part(w, again, 0, 2 * n)], GATE_TYPE)
    gates = op(w, "LOGISTIC", [sums], HIDDEN_TYPE)
    z, r = parts(w, gates, 2)
    if late:
        reset = op(w, "MUL", [r, part(w, again, 2 * n, n)], GATE_TYPE)
    else:
        kept = op(w, "MUL", [r, h], HIDDEN_TYPE)
        reset = product(w, kept, cell.r.part(2 * n), cell.r_bias[2 * n :])
    new = op(w, "TANH", [op(w, "ADD", [part(w, x, 2 * n, n), reset], GATE_TYPE)], HIDDEN_TYPE)
    change = op(w, "MUL", [z, op(w, "SUB", [h, new], DIFFERENCE)], DIFFERENCE)
    return [op(w, "ADD", [new, change], HIDDEN_TYPE)]


def lstm_step(w: NodeEmission, _: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Hochreiter and Schmidhuber, 1997, with forget gates; gates i, o, f, c."""
    h, c = state
    n = cell.units
    again = product(w, h, cell.r, np.zeros(4 * n, np.float32))
    sums = op(w, "ADD", [x, again], GATE_TYPE)
    gates = op(w, "LOGISTIC", [part(w, sums, 0, 3 * n)], HIDDEN_TYPE)
    i, o, f = parts(w, gates, 3)
    new = op(w, "TANH", [part(w, sums, 3 * n, n)], HIDDEN_TYPE)
    entering = op(w, "MUL", [i, new], HIDDEN_TYPE)
    if w.integer:
        f, entering = (w.op("DEQUANTIZE", [number], dtype="float32") for number in (f, entering))
    c = w.op("ADD", [w.op("MUL", [f, c]), entering])
    shown = w.op("TANH", [c])
    if w.integer:
        shown = w.op("QUANTIZE", [shown], kind=HIDDEN_TYPE)
    return [op(w, "MUL", [o, shown], HIDDEN_TYPE), c]


def rnn_step(w: NodeEmission, node: ir.Node, cell: Cell, x: int, state: list[int]) -> list[int]:
    """Elman, 1990."""
    again = product(w, state[0], cell.r, np.zeros(cell.units, np.float32))
    return [w.op("RELU" if uses_relu(node) else "TANH", [w.op("ADD", [x, again])])]


def is_recurrent(w: NodeEmission, node: ir.Node) -> bool:
    """Whether it has stored weights around 0, a constant bias, and h of 16 bits."""
    weights = [w.weights.get(v) if v is not None else None for v in node.inputs[1:3]]
    if any(weight is None or weight.zero_point != 0 for weight in weights):
        return False
    bias = optional(node, 3)
    used = [i for i, v in enumerate(node.outputs[:2]) if v.uses() or v.is_graph_output()]
    is_wide = all(w.frame_kind(node, i) == HIDDEN_TYPE for i in used)
    return is_wide and (bias is None or w.array(bias) is not None)
