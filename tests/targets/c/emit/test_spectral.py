"""Spectra: kernels by the number of points, with work space for one frame."""

import numpy as np
import onnx_ir as ir
import pytest
from one_node import hop, network

from edgekit.targets.c.emit.spectral import check_dft


def transform(points: int, **own: object):
    numbers = {"n": np.int64(points), "k": np.int64(1), **own}
    return network(
        f"float[1,{points},1] x", "float[1,M,2] y", "y = DFT <onesided = 1> (x, n, k)", **numbers
    )


@pytest.mark.parametrize(("points", "is_fast"), [(512, True), (448, False), (16, False)])
def test_long_transforms_of_small_factors_have_a_kernel(points: int, is_fast: bool) -> None:
    body = hop(transform(points))
    assert (f"ek_rfft_f32(v_x + i * {points}, v_y + i * {points + 2}, " in body) == is_fast


@pytest.mark.parametrize(("points", "problems"), [(512, 0), (448, 1)])
def test_a_length_with_another_prime_factor_is_refused(points: int, problems: int) -> None:
    x = ir.Value(name="x", shape=ir.Shape([1, points, 1]), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node("DFT", [x], {"onesided": 1}, num_outputs=1, name="dft")
    assert len(check_dft(node)) == problems
