"""A transposed convolution as a convolution of its phases gives the outputs of torch."""

import numpy as np
import pytest
import torch

from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.rewrite.phases import axis_of, phases_of


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("pad", [0, 1])
def test_a_block_of_outputs_is_a_product_with_a_window(stride: int, pad: int) -> None:
    draw = np.random.default_rng(stride)
    w, x = draw.normal(size=(2, 3, 1, 4)), draw.normal(size=(2, 6))
    out = (6 - 1) * stride + 4 - 2 * pad
    s = ConvShape(2, 1, 6, 3, 1, out, 1, 4, 1, stride, 1, 1, 0, pad, 1)
    found = phases_of(w, s)
    assert found is not None
    exact = torch.nn.functional.conv_transpose1d(
        torch.tensor(x)[None], torch.tensor(w[:, :, 0]), stride=stride, padding=pad
    ).numpy()[0]
    c = found.shape
    padded = np.pad(x, ((0, 0), (c.pad_left, c.k_w)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, c.k_w, axis=1)[:, : c.out_w]
    sums = np.einsum("ock,cbk->ob", found.w[:, :, 0], windows)
    result, count = np.full((3, out), np.nan), found.counts[1]
    for first, blocks, phase, phases, start in found.parts[1]:
        for block in range(blocks):
            at = start + block * stride
            for o in range(3):
                rows = sums[o * count + phase : o * count + phase + phases, first + block]
                result[o, at : at + phases] = rows
    np.testing.assert_allclose(result, exact, atol=1e-12)
    assert found.density <= 1 and found.channels.tolist() == [
        o for o in range(3) for _ in range(count)
    ]


def test_first_outputs_that_read_nothing_are_no_convolution() -> None:
    assert axis_of(k=2, stride=1, dilation=1, pad=2, inputs=6, outputs=3) is None
