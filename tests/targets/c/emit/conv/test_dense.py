"""Convolutions of a single frame are matrices: their products are those of the convolution."""

import numpy as np
import torch

from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.emit.conv.dense import dense, fitting_bias


def shape(out_c: int, in_w: int, out_w: int, k: int, **own: int) -> ConvShape:
    sizes = {"in_c": 3, "in_h": 1, "in_w": in_w, "out_c": out_c, "out_h": 1, "out_w": out_w}
    rest = dict.fromkeys(("stride_h", "stride_w", "dil_h", "dil_w", "groups"), 1)
    return ConvShape(**sizes, k_h=1, k_w=k, **{**rest, "pad_top": 0, "pad_left": 0, **own})


def test_a_kernel_as_long_as_its_input_is_a_matrix() -> None:
    draw = np.random.default_rng(0)
    w, x = draw.normal(size=(4, 3, 1, 5)), draw.normal(size=(3, 5))
    found = dense("Conv", w, shape(4, 5, 1, 5))
    assert found is not None
    exact = torch.nn.functional.conv1d(torch.tensor(x)[None], torch.tensor(w[:, :, 0]))
    np.testing.assert_allclose(found.w @ x.ravel(), exact.numpy().ravel(), rtol=1e-12)


def test_a_transposed_one_of_one_input_spreads_its_channels() -> None:
    draw = np.random.default_rng(0)
    w, x = draw.normal(size=(3, 2, 1, 4)), draw.normal(size=(3, 1))
    found = dense("ConvTranspose", w, shape(2, 1, 4, 4))
    assert found is not None and found.channels.tolist() == [0] * 4 + [1] * 4
    exact = torch.nn.functional.conv_transpose1d(torch.tensor(x)[None], torch.tensor(w[:, :, 0]))
    np.testing.assert_allclose(found.w @ x.ravel(), exact.numpy().ravel(), rtol=1e-12)


def test_a_kernel_that_moves_is_none() -> None:
    w = np.ones((4, 3, 1, 3))
    assert dense("Conv", w, shape(4, 5, 3, 3)) is None
    assert dense("Conv", w, shape(4, 3, 1, 3, groups=3)) is None


def test_a_zero_point_goes_into_the_bias_where_sums_stay_in_int32() -> None:
    w = np.full((1, 4), 100, np.int8)
    small, large = np.array([7], np.int32), np.array([2**31 - 1], np.int32)
    folded = fitting_bias(w, small, -3)
    assert folded is not None and folded.tolist() == [7 + 3 * 400]
    assert fitting_bias(w, large, 1) is None
