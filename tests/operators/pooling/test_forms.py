"""Pooling in NumPy against onnxruntime."""

from typing import Any

import numpy as np
import pytest
from near import assert_near
from onnx_operator import ours_and_theirs

RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


def whole(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


CASES = {
    "largest": ("MaxPool", [floats(1, 2, 7, 6)], {"kernel_shape": [3, 2], "strides": [2, 1]}),
    "dilated": ("MaxPool", [floats(1, 2, 9)], {"kernel_shape": [3], "dilations": [2]}),
    "mean without pads": (
        "AveragePool",
        [floats(1, 3, 6, 6)],
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    ),
    "mean with pads": (
        "AveragePool",
        [floats(1, 3, 6)],
        {"kernel_shape": [3], "pads": [1, 1], "count_include_pad": 1},
    ),
    "same": (
        "AveragePool",
        [floats(1, 2, 7)],
        {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER"},
    ),
    "global": ("GlobalAveragePool", [floats(1, 3, 4, 5)], {}),
    "largest of all": ("GlobalMaxPool", [floats(1, 3, 4, 5)], {}),
    "norm": ("LpPool", [floats(1, 2, 6)], {"kernel_shape": [2], "p": 3}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        assert_near(found, wanted, 100)
