"""The deformable convolution in NumPy is the layer of the engine."""

import numpy as np
import pytest
from fpga_networks import random_layer, random_x

from edgekit.fpga import golden
from edgekit.operators.deform.twin import ek_square_deform_s8


@pytest.mark.parametrize("bits", [4, 8])
def test_the_kernel_is_the_engines_layer_in_every_bit(bits: int) -> None:
    """Every d at every border, random d, in the engine's integers; the C kernel equals this twin elsewhere."""
    random = np.random.default_rng(bits)
    shape = (5, 17, 18)
    layer = random_layer(random, "depthwise", shape, 5, weight_bits=bits, deform=True)
    per_input = layer.weights.astype(np.int64).sum(axis=(1, 2))
    for d in range(9):
        x = random_x(random, shape)
        reach = np.full(shape[1:], d, np.int8) if d < 8 else random.integers(0, 8, shape[1:])
        found = ek_square_deform_s8(
            x,
            layer.x_zero,
            reach.astype(np.int8),
            (0, 7),
            layer.weights,
            layer.bias + per_input * layer.x_zero,
            layer.mult,
            layer.shift,
            layer.y_zero,
            layer.y_min,
            layer.y_max,
        )
        np.testing.assert_array_equal(found, golden.run_layer(layer, x, reach.astype(np.int8)))
