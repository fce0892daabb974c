"""Softmax and LSTM of CMSIS-NN's published cases, whose arithmetic is another one than EdgeKit's.

Both compute exponentials and gates by tables and polynomials of their own, so outputs need not be equal. What decides
is the exact value: float64 of the numbers that a case means. A case that is not equal is explained where no output of
EdgeKit is farther than one unit of its type from it; else it is a fault. How far both are is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.operators.fused.twin import ek_softmax, exp2_table
from edgekit.operators.pointwise.tables import sigmoid_gate, tanh_gate
from edgekit.operators.recurrent.twin import Gates, ek_lstm
from edgekit.operators.scheme import GATE_TYPE, HIDDEN_TYPE, MANTISSA_BITS, fixed_point

if TYPE_CHECKING:
    from conformance.vectors import Case
    from numpy.typing import NDArray

    Array = NDArray[Any]

GATES = "input", "output", "forget", "cell"
CELL_BITS = 16
FRACTION_BITS = 20  # of exponents of two
PRODUCT_BITS = 31
S16_RANGE = 10.0 / 65535  # of softmax in int16: exponents reach -10


def softmax(case: Case) -> str:
    """A softmax of rows; the scale of x is what the case's multiplier makes of it."""
    kind = case.arrays["input_data"].dtype
    x = case.arrays["input_data"].reshape(case.number("NUM_ROWS"), -1).astype(np.int16)
    expected = case.arrays["output_ref_data"].reshape(x.shape)
    scale = _factor(case, "INPUT_MULT", "INPUT_LEFT_SHIFT")
    scale *= S16_RANGE if kind == np.int16 else 2.0**-26
    m, s = fixed_point(
        np.float64(scale * np.log2(np.e) * 2.0**FRACTION_BITS), MANTISSA_BITS["int8"]
    )
    ends, signed = np.iinfo(expected.dtype), kind == np.int16
    y_scale = 2.0**-15 if signed else 1 / (float(ends.max) - ends.min + 1)
    y_zero = 0 if signed else ends.min
    mult, shift = fixed_point(np.float64(2.0**-31 / y_scale), PRODUCT_BITS - 1)
    numbers = int(m[0]), int(s[0]), exp2_table(), int(mult[0]), int(shift[0])
    found = ek_softmax(x, *numbers, y_zero, ends.min, ends.max, to=np.int32)
    power = np.exp((x - x.max(axis=-1, keepdims=True).astype(np.float64)) * scale)
    exact = power / power.sum(axis=-1, keepdims=True) / y_scale + y_zero
    return _verdict(case, found, expected, np.clip(exact, ends.min, ends.max))


def lstm(case: Case) -> str:
    """An LSTM over its steps, h read by the recurrent product as int16."""
    n, x = case.number, case.arrays["input_tensor"]
    batch, steps, units = n("BATCH_SIZE"), n("TIME_STEPS"), n("HIDDEN_SIZE")
    major = n("TIME_MAJOR", default=0)
    shape = (steps, batch, -1) if major else (batch, steps, -1)
    x = x.reshape(shape) if major else x.reshape(shape).swapaxes(0, 1)
    expected = case.arrays["output"]
    h_scale = 2.0**-30 / _factor(case, "OUTPUT_MULTIPLIER", "OUTPUT_SHIFT")
    zero = n("OUTPUT_ZERO_POINT")
    ends = np.iinfo(expected.dtype)
    found, exact = _run(case, x, units, h_scale, n("INPUT_ZERO_POINT"))

    def laid(h: Array) -> Array:
        h = h.reshape(steps, batch, units)
        flat: Array = (h if major else h.swapaxes(0, 1)).ravel()
        return (flat + zero).clip(ends.min, ends.max)

    rounded = np.floor(laid(found / h_scale) + 0.5)
    return _verdict(case, rounded, expected, laid(exact / h_scale))


def _run(case: Case, x: Array, units: int, h_scale: float, offset: int) -> tuple[Array, Array]:
    """Return h of each step as EdgeKit has it and in float64, as real numbers; gates in order i, o, f, c."""
    w, r = (_weights(case, part, units) for part in ("input", "hidden"))
    w_scale = np.repeat([_gate_factor(case, gate, "INPUT") for gate in GATES], units)
    r_scale = np.repeat([_gate_factor(case, gate, "HIDDEN") for gate in GATES], units) / h_scale
    bias = np.concatenate([case.arrays[f"{gate}_gate_bias"] for gate in GATES]).astype(np.int64)
    w_bias = bias + offset * w.astype(np.int64).sum(axis=1)
    of_x = fixed_point(w_scale / GATE_TYPE.scale, MANTISSA_BITS[x.dtype.name])
    of_h = fixed_point(r_scale * HIDDEN_TYPE.scale / GATE_TYPE.scale, MANTISSA_BITS["int16"])
    h, c = np.zeros((x.shape[1], units), np.int16), np.zeros((x.shape[1], units), np.int32)
    h_real = c_real = np.zeros(h.shape)
    found, exact = [], []
    sums = w_bias, np.zeros_like(w_bias), *of_x, *of_h
    gates = Gates(w, r, *sums, sigmoid_gate()[0], tanh_gate()[0])
    for step in x:
        h, c = ek_lstm(step, h, c, gates, CELL_BITS, operand=np.int16)
        found.append(h * 2.0**-15)
        drive = (step.astype(np.float64) @ w.T + w_bias) * w_scale
        i, o, f, g = np.split(drive + (h_real @ r.T) * r_scale, 4, axis=-1)
        c_real = c_real * _sigmoid(f) + _sigmoid(i) * np.tanh(g)
        h_real = _sigmoid(o) * np.tanh(c_real)
        exact.append(h_real)
    return np.array(found), np.array(exact)


def _weights(case: Case, part: str, units: int) -> Array:
    """Rows of the four gates, (4 units, inputs)."""
    rows = [case.arrays[f"{gate}_gate_{part}_weights"] for gate in GATES]
    return np.concatenate(rows).reshape(len(GATES) * units, -1)


def _gate_factor(case: Case, gate: str, part: str) -> float:
    """What a sum of products is worth before the gate, whose int16 have the scale 2^-12."""
    name = f"{gate.upper()}_GATE_{part}"
    return _factor(case, f"{name}_MULTIPLIER", f"{name}_SHIFT") * 2.0**-12


def _sigmoid(v: Array) -> Array:
    return 1 / (1 + np.exp(-v))


def _factor(case: Case, mult: str, shift: str) -> float:
    """A multiplier of 31 bits with its shift to the left."""
    return float(case.number(mult) * 2.0 ** (case.number(shift) - 31))


def _verdict(case: Case, found: Array, expected: Array, exact: Array) -> str:
    """``equal``, ``explained`` by the exact value, or ``fault``."""
    ours, theirs = (float(np.abs(y - exact).max()) for y in (found, expected))
    print(f"{case.name}: {ours:.2f} units from the exact value at most, published {theirs:.2f}")
    if np.array_equal(found, expected):
        return "equal"
    return "explained" if ours <= 1 else "fault"
