"""A convolution by the taps that read its input is the whole one."""

import numpy as np

from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.geometry import ConvShape


def test_taps_outside_of_the_input_are_left_out_of_a_convolution() -> None:
    random, trimmed = np.random.default_rng(3), 0
    for _ in range(300):
        in_h, in_w, k_h, k_w, dil_h, dil_w, stride_h, stride_w = (
            int(n) for n in random.integers(1, 5, 8)
        )
        top, left = (
            int(random.integers(0, (k - 1) * d + 1)) for k, d in ((k_h, dil_h), (k_w, dil_w))
        )
        out_h, out_w = (
            max(1, (size + 2 * pad - (k - 1) * d - 1) // s + 1)
            for size, pad, k, d, s in (
                (in_h, top, k_h, dil_h, stride_h),
                (in_w, left, k_w, dil_w, stride_w),
            )
        )
        sizes = (2, in_h, in_w, 3, out_h, out_w, k_h, k_w, stride_h, stride_w, dil_h, dil_w)
        shape = ConvShape(*sizes, top, left, 1)
        x = random.standard_normal((2, in_h, in_w)).astype(np.float32)
        w = random.standard_normal((3, 2, k_h, k_w)).astype(np.float32)
        rows, columns = shape.used_taps()
        fewer = shape.trimmed()
        assert fewer.pad_top >= 0 and fewer.pad_left >= 0
        assert w[:, :, rows, columns].shape[2:] == (fewer.k_h, fewer.k_w)
        trimmed += fewer != shape
        np.testing.assert_array_equal(
            conv_twin.ek_conv_f32(x, w[:, :, rows, columns], None, fewer),
            conv_twin.ek_conv_f32(x, w, None, shape),
        )
    assert 20 < trimmed < 280
