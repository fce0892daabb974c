"""Weights are laid out by output channel, and back."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.operators.weight_layout import channel_rows, from_channel_rows

CASES = {
    "gemm": ("Gemm", {}, (5, 3), 3),
    "gemm of rows": ("Gemm", {"transB": 1}, (3, 5), 3),
    "conv": ("Conv", {"group": 2}, (6, 2, 3), 6),
    "transposed": ("ConvTranspose", {}, (4, 3, 2), 3),
    "transposed in groups": ("ConvTranspose", {"group": 2}, (4, 3, 2), 6),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_are_those_of_outputs_and_go_back(name: str) -> None:
    op_type, attributes, shape, outputs = CASES[name]
    node = ir.node(op_type, [], attributes)
    weight = np.arange(np.prod(shape)).reshape(shape)
    rows = channel_rows(node, weight)
    assert len(rows) == outputs
    np.testing.assert_array_equal(from_channel_rows(node, rows, shape), weight)


def test_a_group_of_a_transposed_convolution_has_its_own_inputs() -> None:
    node = ir.node("ConvTranspose", [], {"group": 2})
    weight = np.array([[[1]], [[2]], [[10]], [[20]]])  # (inputs, outputs of a group, taps)
    np.testing.assert_array_equal(channel_rows(node, weight), [[[1], [2]], [[10], [20]]])
