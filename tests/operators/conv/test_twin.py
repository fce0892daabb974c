"""Convolutions in NumPy against onnxruntime."""

import numpy as np
import pytest
from near import assert_near
from numpy.typing import NDArray
from onnx_operator import onnx_run, snr_db

from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.scheme import fixed_point
from edgekit.targets.c.emit.conv.winograd import transform_weights

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
    ours = conv_twin.ek_conv(
        x, x_zero, w, bias, mult, shift, y_zero, -128, 127, shape=s, to=np.int8
    )
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
    ours = conv_twin.ek_conv_transpose(
        x, 3, w, bias, *ones(s.out_c), 1, -128, 127, shape=s, to=np.int8
    )
    np.testing.assert_array_equal(ours, np.clip(np.floor(theirs / 2 + 0.5) + 1, -128, 127))
