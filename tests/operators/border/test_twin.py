"""Quantize and dequantize against ONNX's operators, requantize against rational numbers."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact_integers import DTYPES, RANGES, WIDTHS, corners, rounded
from onnx_operator import onnx_run

from edgekit.operators.border import twin as border_twin


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


@pytest.mark.parametrize(("x", "y"), [*WIDTHS, ("s8", "s16")])
def test_requantize_at_corners(x: str, y: str) -> None:
    for (q,), x_zero, y_zero in corners(x, y, 1):
        for mult, shift in product((-(2**31) + 1, -1, 1, 2**30, 2**31 - 1), (1, 31, 40, 62)):
            exact = Fraction((q - x_zero) * mult, 2**shift)
            tail = mult, shift, y_zero, *RANGES[y]
            found = border_twin.ek_requantize(np.array([q], DTYPES[x]), x_zero, *tail, to=DTYPES[y])
            assert int(found[0]) == rounded(exact, y_zero, RANGES[y])
