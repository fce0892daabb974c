"""The NumPy twins against formulations of others: Python integers, float64, numpy.fft and onnxruntime."""

import math
from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from near import assert_near
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgekit.operators import axis_operators, normalize
from edgekit.operators import fixed_point as arithmetic
from edgekit.operators.border import twin as border_twin
from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.recurrent import twin as recurrent_twin
from edgekit.operators.scheme import fixed_point
from edgekit.operators.spectral import twin as spectral_twin
from edgekit.targets.c.emit.conv.winograd import transform_weights

NP_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.int32): TensorProto.INT32,
}


def onnx_run(
    op: str, inputs: list[NDArray | None], outputs: int = 1, **attributes: object
) -> list[NDArray]:
    """Run one ONNX operator in onnxruntime."""
    names = ["" if x is None else f"i{k}" for k, x in enumerate(inputs)]
    feeds = {name: x for name, x in zip(names, inputs, strict=True) if x is not None}
    infos = [helper.make_tensor_value_info(n, NP_TYPES[x.dtype], x.shape) for n, x in feeds.items()]
    out_names = [f"o{k}" for k in range(outputs)]
    kind = TensorProto.INT8 if op.startswith("Q") else TensorProto.FLOAT
    outs = [helper.make_tensor_value_info(n, kind, None) for n in out_names]
    graph = helper.make_graph(
        [helper.make_node(op, names, out_names, **attributes)], "one", infos, outs
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def snr_db(found: NDArray, exact: NDArray) -> float:
    error = np.asarray(found, np.float64) - exact
    return float(10 * np.log10((exact**2).sum() / max((error**2).sum(), 1e-300)))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31) + 1, 2**31 - 1), st.integers(1, 62))
def test_requantize_is_floor_of_the_exact_value_plus_a_half(acc: int, m: int, s: int) -> None:
    exact = (2 * acc * m + 2**s) // 2 ** (s + 1)
    assert arithmetic.requantize64(np.array([acc]), m, s)[0] == exact


def test_requantize_breaks_ties_upwards() -> None:
    acc = np.array([-3, -1, 1, 3])
    assert arithmetic.requantize64(acc, 1, 1).tolist() == [-1, 0, 1, 2]


@pytest.mark.parametrize("zero", [-128, 0, 9])
def test_quantize_is_that_of_onnx(zero: int) -> None:
    scale = np.float32(0.037)
    x = np.concatenate([np.random.default_rng(1).normal(0, 3, 500), [1e9, -1e9, np.inf, -np.inf]])
    x = np.concatenate([x, (np.arange(-140, 140) + 0.5) * scale]).astype(np.float32)
    theirs = onnx_run("QuantizeLinear", [x, np.array(scale), np.array(zero, np.int8)])[0]
    ours = border_twin.ek_quantize(x, float(scale), zero, to=np.int8)
    np.testing.assert_array_equal(ours, theirs)
    assert border_twin.ek_quantize(np.array([np.nan], np.float32), 0.1, zero, to=np.int8)[0] == zero
    np.testing.assert_array_equal(
        border_twin.ek_dequantize(ours, float(scale), zero),
        onnx_run("DequantizeLinear", [ours, np.array(scale), np.array(zero, np.int8)])[0],
    )


CONVS = {
    "dense": (ConvShape(5, 6, 9, 4, 3, 5, 3, 3, 2, 2, 1, 1, 1, 1, 1), [1, 1, 1, 1]),
    "grouped and dilated": (ConvShape(6, 7, 12, 4, 5, 8, 2, 3, 1, 1, 2, 2, 0, 0, 2), [0, 0, 0, 0]),
    "depthwise 1-D": (ConvShape(8, 1, 20, 8, 1, 20, 1, 3, 1, 1, 1, 1, 0, 2, 8), [0, 2, 0, 0]),
    "1x1": (ConvShape(7, 3, 5, 6, 3, 5, 1, 1, 1, 1, 1, 1, 0, 0, 1), [0, 0, 0, 0]),
}


@pytest.mark.parametrize("name", CONVS)
def test_conv_is_within_one_step_of_onnxruntime(name: str) -> None:
    s, pads = CONVS[name]
    rng = np.random.default_rng(2)
    x = rng.integers(-128, 128, (s.in_c, s.in_h, s.in_w)).astype(np.int8)
    w = rng.integers(-127, 128, (s.out_c, s.in_c // s.groups, s.k_h, s.k_w)).astype(np.int8)
    bias = rng.integers(-9999, 9999, s.out_c).astype(np.int32)
    w_scale = rng.uniform(0.005, 0.02, s.out_c).astype(np.float32)
    x_scale, y_scale, x_zero, y_zero = np.float32(0.03), np.float32(0.21), -7, 11
    mult, shift = fixed_point(x_scale.astype(np.float64) * w_scale / y_scale, 31)
    ours = conv_twin.ek_conv(x, x_zero, w, bias, mult, shift, y_zero, -128, 127, s, to=np.int8)
    theirs = onnx_run(
        "QLinearConv",
        [x[None], np.array(x_scale), np.array(x_zero, np.int8), w, w_scale, np.zeros(s.out_c, np.int8),
         np.array(y_scale), np.array(y_zero, np.int8), bias],
        strides=[s.stride_h, s.stride_w], dilations=[s.dil_h, s.dil_w], pads=pads, group=s.groups,
    )[0][0]  # fmt: skip
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert len(np.unique(ours)) > 20


def ones(n: int) -> tuple[NDArray, NDArray]:
    """A multiplier of exactly one half."""
    return np.full(n, 2**30, np.int32), np.full(n, 31, np.uint8)


@pytest.mark.parametrize("name", CONVS)
def test_float_conv_is_that_of_onnx(name: str) -> None:
    s, pads = CONVS[name]
    rng = np.random.default_rng(3)
    x = rng.standard_normal((s.in_c, s.in_h, s.in_w)).astype(np.float32)
    w = rng.standard_normal((s.out_c, s.in_c // s.groups, s.k_h, s.k_w)).astype(np.float32)
    bias = rng.standard_normal(s.out_c).astype(np.float32)
    strides = {
        "strides": [s.stride_h, s.stride_w],
        "dilations": [s.dil_h, s.dil_w],
        "group": s.groups,
    }
    theirs = onnx_run("Conv", [x[None], w, bias], pads=pads, **strides)[0][0]
    summed = onnx_run("Conv", [abs(x)[None], abs(w), abs(bias)], pads=pads, **strides)[0][0]
    assert_near(conv_twin.ek_conv_f32(x, w, bias, s), theirs, 2 * (w[0].size + 1), summed)


@pytest.mark.parametrize("inputs", [16, 256])
def test_convolution_by_tiles_is_as_near_to_float64_as_tap_by_tap(inputs: int) -> None:
    s = ConvShape(inputs, 9, 12, 8, 9, 13, 3, 3, 1, 1, 1, 1, 1, 2, 1)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((inputs, s.in_h, s.in_w)).astype(np.float32)
    w = rng.standard_normal((s.out_c, inputs, 3, 3)).astype(np.float32)
    bias = rng.standard_normal(s.out_c).astype(np.float32)
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (2, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    exact = np.einsum("chwij,ocij->ohw", windows, w.astype(np.float64)) + bias[:, None, None]
    by_tap = conv_twin.ek_conv_f32(x, w, bias, s)
    by_tile = conv_twin.ek_conv_winograd_f32(x, transform_weights(w), bias, s)
    assert snr_db(by_tile, exact) > max(snr_db(by_tap, exact) - 3, 110)


TRANSPOSED = {
    "stride 2": (ConvShape(4, 3, 5, 6, 5, 10, 3, 4, 2, 2, 1, 1, 1, 1, 1), [1, 1, 1, 1]),
    "grouped, dilated": (ConvShape(6, 2, 4, 4, 4, 14, 2, 3, 1, 3, 2, 2, 0, 0, 2), [0, 0, 0, 0]),
    "two frames, a longer kernel": (
        ConvShape(6, 1, 2, 4, 1, 12, 1, 7, 1, 4, 1, 2, 0, 2, 2),
        [0, 2, 0, 3],
    ),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_conv_is_that_of_onnx_in_float_and_exactly_in_integers(name: str) -> None:
    s, pads = TRANSPOSED[name]
    rng = np.random.default_rng(4)
    x = rng.integers(-60, 60, (s.in_c, s.in_h, s.in_w)).astype(np.int8)
    w = rng.integers(-9, 9, (s.in_c, s.out_c // s.groups, s.k_h, s.k_w)).astype(np.int8)
    bias = rng.integers(-99, 99, s.out_c).astype(np.int32)
    floats = [x[None].astype(np.float32) - 3, w.astype(np.float32), bias.astype(np.float32)]
    strides = {
        "strides": [s.stride_h, s.stride_w],
        "dilations": [s.dil_h, s.dil_w],
        "group": s.groups,
    }
    theirs = onnx_run("ConvTranspose", floats, pads=pads, **strides)[0][0]
    np.testing.assert_array_equal(
        conv_twin.ek_conv_transpose_f32(floats[0][0], *floats[1:], s), theirs
    )
    ours = conv_twin.ek_conv_transpose(x, 3, w, bias, *ones(s.out_c), 1, -128, 127, s, to=np.int8)
    np.testing.assert_array_equal(ours, np.clip(np.floor(theirs / 2 + 0.5) + 1, -128, 127))


@pytest.mark.parametrize("x_type", [np.int8, np.int16])
@pytest.mark.parametrize("y_type", [np.int8, np.int16])
def test_fc_in_python_integers(x_type: type, y_type: type) -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(np.iinfo(x_type).min, np.iinfo(x_type).max, (2, 50)).astype(x_type)
    w = rng.integers(-127, 128, (3, 50)).astype(np.int8)
    bias, mult, shift = (
        rng.integers(-999, 999, 3),
        rng.integers(1 << 14, 1 << 15, 3),
        np.array([22, 24, 27]),
    )
    y = linear_twin.ek_fc(x, w, bias, mult, shift, 4, -100, 90, to=y_type)
    for row in range(2):
        for o in range(3):
            acc = sum(int(a) * int(b) for a, b in zip(x[row], w[o], strict=True)) + int(bias[o])
            rounded = (acc * int(mult[o]) + (1 << (int(shift[o]) - 1))) >> int(shift[o])
            assert y[row, o] == min(max(rounded + 4, -100), 90)
    assert y.dtype == y_type


@given(st.integers(-128, 127), st.integers(-128, 127))
def test_add_and_mul_are_within_one_step_of_real_numbers(a: int, b: int) -> None:
    sa, sb, sy = 0.02, 0.05, 0.06
    pair = [round(v / sy * 2.0**31) for v in (sa, sb)]
    qa, qb = np.array([a], np.int8), np.array([b], np.int8)
    total = elementwise_twin.ek_add(qa, 5, pair[0], qb, -9, pair[1], 31, 3, -128, 127, to=np.int8)[
        0
    ]
    real = np.clip(((a - 5) * sa + (b + 9) * sb) / sy + 3, -128, 127)
    assert abs(total - real) <= 0.51
    m, s = fixed_point(sa * sb / sy, 31)
    product = elementwise_twin.ek_mul(
        qa, 5, qb, -9, int(m[0]), int(s[0]), 3, -128, 127, to=np.int8
    )[0]
    assert abs(product - np.clip((a - 5) * sa * (b + 9) * sb / sy + 3, -128, 127)) <= 0.51


def test_prelu_is_within_one_step_of_real_numbers() -> None:
    x = np.arange(-128, 128).astype(np.int8).reshape(2, 128)
    slopes, ratio = np.array([0.25, -1.5]), 0.8
    m_neg = np.rint(slopes * ratio * 2.0**30).astype(np.int32)
    y = elementwise_twin.ek_prelu(x, 7, round(ratio * 2.0**30), m_neg, 30, -20, to=np.int8)
    d = x.astype(float) - 7
    real = np.clip(np.where(d >= 0, d, d * slopes[:, None]) * ratio - 20, -128, 127)
    assert np.abs(y - real).max() <= 0.51


def test_lut_s8_is_the_rounded_function() -> None:
    table = lookup_tables.lut_s8(np.tanh, 0.03, -5, 1 / 128, 2)
    x = np.arange(-128, 128).astype(np.int8)
    real = np.clip(np.tanh((x + 5.0) * 0.03) * 128 + 2, -128, 127)
    assert np.abs(lookup_tables.ek_lut_s8(x, table) - real).max() <= 0.5
    assert set(lookup_tables.lut_s8(np.log, 0.1, 0, 0.1, 7)[:128].tolist()) == {7}


def test_gate_tables_are_within_four_steps() -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    for gate, exact in (
        (lookup_tables.sigmoid_gate, lambda x: 1 / (1 + np.exp(-x))),
        (lookup_tables.tanh_gate, np.tanh),
    ):
        table, error = gate()
        found = lookup_tables.ek_lut_s16(every, table) * 2.0**-15
        assert error == np.abs(found - exact(every * 2.0**-11)).max()
        assert error < 2.0**-15 * 4
        assert np.all(np.diff(found) >= 0)


@pytest.mark.parametrize("before", [0, 1])
def test_float_gru_is_that_of_onnx(before: int) -> None:
    rng = np.random.default_rng(6)
    i, n, steps = 7, 9, 12
    w, r, bias = (
        rng.normal(0, 0.5, (1, 3 * n, i)),
        rng.normal(0, 0.5, (1, 3 * n, n)),
        rng.normal(0, 0.5, (1, 6 * n)),
    )
    x = rng.standard_normal((steps, 1, i))
    x, w, r, bias = (a.astype(np.float32) for a in (x, w, r, bias))
    theirs = onnx_run("GRU", [x, w, r, bias], hidden_size=n, linear_before_reset=before)[0]
    h = np.zeros(n, np.float32)
    for t in range(steps):
        wb, rb = bias[0, : 3 * n], bias[0, 3 * n :]
        h = recurrent_twin.ek_gru_f32(x[t, 0], h, w[0].T, r[0].T, wb, rb, before)
        np.testing.assert_allclose(h, theirs[t, 0, 0], atol=2e-6)


def test_float_lstm_is_that_of_onnx() -> None:
    rng = np.random.default_rng(7)
    i, n, steps = 7, 9, 12
    w, r, bias = (
        rng.normal(0, 0.5, (1, 4 * n, i)),
        rng.normal(0, 0.5, (1, 4 * n, n)),
        rng.normal(0, 0.5, (1, 8 * n)),
    )
    x = rng.standard_normal((steps, 1, i))
    x, w, r, bias = (a.astype(np.float32) for a in (x, w, r, bias))
    theirs = onnx_run("LSTM", [x, w, r, bias], hidden_size=n)[0]
    h = c = np.zeros(n, np.float32)
    for t in range(steps):
        both = bias[0, : 4 * n] + bias[0, 4 * n :]
        h, c = recurrent_twin.ek_lstm_f32(x[t, 0], h, c, w[0].T, r[0].T, both)
        np.testing.assert_allclose(h, theirs[t, 0, 0], atol=2e-6)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize(("x_bits", "least_db"), [(7, 35.0), (15, 60.0)])
def test_integer_gru_follows_the_float_one(x_bits: int, least_db: float, before: int) -> None:
    rng = np.random.default_rng(8)
    i, n, steps = 24, 32, 60
    s16 = x_bits == 15
    wq, rq = (
        rng.integers(-127, 128, (3 * n, i)).astype(np.int8),
        rng.integers(-127, 128, (3 * n, n)).astype(np.int8),
    )
    s_w, s_x, s_h = 1 / 400.0, 2.0**-x_bits, 2.0**-15 if s16 else 2.0**-7
    xq = np.rint(rng.uniform(-1, 1, (steps, i)) * (2**x_bits - 1)).astype(
        np.int16 if s16 else np.int8
    )
    wb, rb = (np.rint(rng.normal(0, 0.3, 3 * n) / (s_w * s)).astype(np.int64) for s in (s_x, s_h))
    bits = 15 if s16 else 31
    scaling = [
        np.broadcast_to(a, (3 * n,))
        for s in (s_x, s_h)
        for a in fixed_point(s_w * s * 2.0**11, bits)
    ]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    h, real, found, exact = np.zeros(n, np.int16), np.zeros(n, np.float32), [], []
    w, r = ((q.T * s_w).astype(np.float32) for q in (wq, rq))
    for step in xq:
        h = recurrent_twin.ek_gru(
            step, h, wq, rq, wb, rb, *scaling, *tables, before, operand=xq.dtype
        )
        x = (step * s_x).astype(np.float32)
        wide, wide_r = (wb * s_w * s_x).astype(np.float32), (rb * s_w * s_h).astype(np.float32)
        real = recurrent_twin.ek_gru_f32(x, real, w, r, wide, wide_r, before)
        found.append(h * 2.0**-15)
        exact.append(real)
    assert snr_db(np.array(found), np.array(exact, np.float64)) >= least_db


@pytest.mark.parametrize(("x_bits", "least_db"), [(7, 35.0), (15, 60.0)])
def test_integer_lstm_follows_the_float_one(x_bits: int, least_db: float) -> None:
    rng = np.random.default_rng(9)
    i, n, steps, s16, c_bits = 24, 32, 60, x_bits == 15, 27
    wq, rq = (rng.integers(-127, 128, (4 * n, k)).astype(np.int8) for k in (i, n))
    s_w, s_x, s_h = 1 / 400.0, 2.0**-x_bits, 2.0**-15 if s16 else 2.0**-7
    xq = np.rint(rng.uniform(-1, 1, (steps, i)) * (2**x_bits - 1)).astype(
        np.int16 if s16 else np.int8
    )
    wb, rb = (np.rint(rng.normal(0, 0.3, 4 * n) / (s_w * s)).astype(np.int64) for s in (s_x, s_h))
    scaling = [
        np.broadcast_to(a, (4 * n,))
        for s in (s_x, s_h)
        for a in fixed_point(s_w * s * 2.0**11, 15 if s16 else 31)
    ]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    h, c, found, exact = np.zeros(n, np.int16), np.zeros(n, np.int32), [], []
    w, r = ((q.T * s_w).astype(np.float32) for q in (wq, rq))
    bias = (wb * s_w * s_x + rb * s_w * s_h).astype(np.float32)
    real = cell = np.zeros(n, np.float32)
    for step in xq:
        h, c = recurrent_twin.ek_lstm(
            step, h, c, wq, rq, wb, rb, *scaling, *tables, c_bits, operand=xq.dtype
        )
        x = (step * s_x).astype(np.float32)
        real, cell = recurrent_twin.ek_lstm_f32(x, real, cell, w, r, bias)
        found.append(np.stack([h * 2.0**-15, c * 2.0**-c_bits]))
        exact.append(np.stack([real, cell]))
    for part in (0, 1):
        assert snr_db(np.array(found)[:, part], np.array(exact, np.float64)[:, part]) >= least_db


def test_an_integer_lstm_that_keeps_everything_does_not_leak() -> None:
    n = 2
    w, r, zero = np.zeros((4 * n, 1), np.int8), np.zeros((4 * n, n), np.int8), np.zeros(4 * n)
    bias = np.repeat(np.array([-32768, 0, 32767, 0]), n)  # forget gate open, input gate shut
    scaling = [np.full(4 * n, 1 << 30), np.full(4 * n, 30)] * 2
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    start = np.array([2**31 - 1, -(2**31)], np.int32)
    h, c = np.zeros(n, np.int16), start
    for _ in range(1000):
        h, c = recurrent_twin.ek_lstm(
            np.zeros(1, np.int8),
            h,
            c,
            w,
            r,
            bias,
            zero.astype(int),
            *scaling,
            *tables,
            20,
            operand=np.int8,
        )
    np.testing.assert_array_equal(c, start)


Function = Callable[[NDArray], NDArray]
FUNCTIONS = (
    (pointwise_twin.ek_exp_f32, np.exp, (-87.3, 88.7)),
    (pointwise_twin.ek_log_f32, np.log, (1e-30, 1e3)),
    (pointwise_twin.ek_sqrt_f32, np.sqrt, (0.0, 1e6)),
    (pointwise_twin.ek_sigmoid_f32, lambda x: 1 / (1 + np.exp(-x)), (-80, 40)),
    (pointwise_twin.ek_tanh_f32, np.tanh, (-12, 12)),
    (pointwise_twin.ek_erf_f32, np.vectorize(math.erf, otypes=[np.float64]), (-5, 5)),
)


@pytest.mark.parametrize(("function", "exact", "ends"), FUNCTIONS)
def test_float_functions_are_exact_to_3e_7(
    function: Function, exact: Function, ends: tuple[float, float]
) -> None:
    low, high = ends
    rng = np.random.default_rng(9)
    x = np.concatenate(
        [
            rng.uniform(low, high, 20000),
            rng.uniform(max(low, -2), 2, 20000),
            10.0 ** rng.uniform(-30, 0, 2000),
        ]
    )
    x = x.astype(np.float32)
    with np.errstate(divide="ignore"):
        reference = exact(x.astype(np.float64))
    error = np.abs(function(x) - reference) / np.maximum(np.abs(reference), 1.2e-38)
    assert error.max() <= 3e-7


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (
            pointwise_twin.ek_exp_f32,
            {0.0: 1.0, math.inf: math.inf, -math.inf: 0.0, 89.0: math.inf, -88.0: 0.0},
        ),
        (
            pointwise_twin.ek_log_f32,
            {1.0: 0.0, 0.0: -math.inf, math.inf: math.inf, -1.0: math.nan, -math.inf: math.nan},
        ),
        (pointwise_twin.ek_sqrt_f32, {0.0: 0.0, 4.0: 2.0, math.inf: math.inf, -1.0: math.nan}),
        (pointwise_twin.ek_sigmoid_f32, {0.0: 0.5, math.inf: 1.0, -math.inf: 0.0}),
        (pointwise_twin.ek_tanh_f32, {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 20.0: 1.0}),
        (pointwise_twin.ek_erf_f32, {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 4.5: 1.0}),
    ],
)
def test_float_functions_at_the_borders(function: Function, values: dict[float, float]) -> None:
    x = np.array([*values, math.nan], np.float32)
    np.testing.assert_array_equal(function(x), np.array([*values.values(), math.nan], np.float32))


def test_rows() -> None:
    rng = np.random.default_rng(10)
    x, scale, bias = (rng.standard_normal(s).astype(np.float32) for s in ((5, 33), (33,), (33,)))
    wide = x.astype(np.float64)
    e = np.exp(wide - wide.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        axis_operators.ek_softmax_f32(x), e / e.sum(axis=1, keepdims=True), rtol=1e-6
    )
    theirs = onnx_run("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-5)[0]
    assert_near(normalize.ek_layernorm_f32(x, scale, bias, 1e-5), theirs, 2 * 33)
    w = rng.standard_normal((33, 4)).astype(np.float32)
    np.testing.assert_allclose(linear_twin.ek_matmul_f32(x, w), wide @ w, atol=1e-5)
    np.testing.assert_allclose(
        linear_twin.ek_fc_f32(x, w, bias[:4]), wide @ w + bias[:4], atol=1e-5
    )
    odd = np.array([1.0, np.nan, -np.inf, 8.5, -8.0, 1e-4, -1e-40], np.float32)
    assert spectral_twin.ek_finite_f32(odd, 1e-3, 8.0).tolist() == [1, 0, 0, 0, -8, 0, 0]


@pytest.mark.parametrize("shape", [(2, 5, 7), (1, 6, 3, 5), (2, 4, 2, 3, 2)])
@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_local_response_normalization_is_that_of_torch(shape: tuple[int, ...], size: int) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgekit[torch]'")
    x = np.random.default_rng(size).standard_normal(shape).astype(np.float32)
    normed = torch.nn.functional.local_response_norm(torch.from_numpy(x), size, 0.3, 0.6, 1.5)
    rows = x.reshape(*shape[:2], -1)
    found = normalize.ek_lrn_f32(rows, size, 0.3 / size, 0.6, 1.5).reshape(shape)
    np.testing.assert_allclose(found, normed.numpy(), rtol=2e-6)


def test_an_even_size_of_local_response_normalization_reaches_further_behind() -> None:
    """The standard: from floor((size - 1) / 2) before to ceil((size - 1) / 2) behind."""
    x = np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32)
    for size in (2, 4, 10):
        found = normalize.ek_lrn_f32(x, size, 0.5, 0.75, 1.0)
        for c in range(6):
            first, last = c - math.floor((size - 1) / 2), c + math.ceil((size - 1) / 2)
            squares = x[:, max(first, 0) : last + 1].astype(np.float64) ** 2
            exact = x[:, c] / (1.0 + 0.5 * squares.sum(axis=1)) ** 0.75
            np.testing.assert_allclose(found[:, c], exact, rtol=2e-6)


@pytest.mark.parametrize("n", [2, 6, 10, 60, 128, 192, 320, 512, 1200, 4096])
def test_transforms_reach_125_db(n: int) -> None:
    rng = np.random.default_rng(n)
    x, tables = rng.standard_normal(n).astype(np.float32), spectral_twin.fft_tables(n)
    exact = np.fft.rfft(x.astype(np.float64))
    spectrum = spectral_twin.ek_rfft_f32(x, tables)
    assert snr_db(spectrum, np.stack([exact.real, exact.imag], axis=1)) >= 125
    bins = rng.standard_normal((n // 2 + 1, 2)).astype(np.float32)
    assert (
        snr_db(
            spectral_twin.ek_irfft_f32(bins, tables),
            np.fft.irfft(bins.astype(np.float64) @ [1, 1j], n),
        )
        >= 125
    )


@pytest.mark.parametrize("n", [0, 3, 14, 22, 2 * 49])
def test_unsupported_lengths_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="2 \\* 2\\^a"):
        spectral_twin.fft_tables(n)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(32, 16), (48, 12), (40, 40), (64, 48), (20, 1)]))
def test_synthesis_undoes_analysis(sizes: tuple[int, int]) -> None:
    n, hop = sizes
    rng = np.random.default_rng(n)
    x = rng.standard_normal(40 * hop).astype(np.float32)
    window, tables = np.hanning(n + 2)[1:-1], spectral_twin.fft_tables(n)
    weight = np.zeros(n)
    for shift in range(-(n // hop + 1) * hop, n + hop, hop):
        index = np.arange(n) - shift
        inside = (index >= 0) & (index < n)
        weight[inside] += window[index[inside]] ** 2
    analysis, synthesis = window.astype(np.float32), (window / weight).astype(np.float32)
    history = overlap = np.zeros(n - hop, np.float32)
    out = []
    for pcm in x.reshape(-1, hop):
        spectrum, history = spectral_twin.ek_stft_f32(pcm, history, analysis, tables)
        y, overlap = spectral_twin.ek_istft_f32(spectrum, overlap, synthesis, tables)
        out.append(y)
    assert snr_db(np.concatenate(out)[n - hop :], x[: x.size - (n - hop)].astype(np.float64)) >= 90
