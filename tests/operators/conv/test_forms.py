"""Convolutions by their nodes in NumPy against onnxruntime."""

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
    "dense": ("Conv", [floats(1, 3, 6, 7), floats(4, 3, 3, 2), floats(4)], {"pads": [1, 0, 1, 1]}),
    "grouped": ("Conv", [floats(1, 4, 9), floats(6, 2, 3)], {"group": 2, "dilations": [2]}),
    "several images": ("Conv", [floats(3, 2, 8), floats(2, 2, 3)], {"strides": [2]}),
    "same at the end": ("Conv", [floats(1, 2, 7), floats(3, 2, 4)], {"auto_pad": "SAME_LOWER"}),
    "valid": ("Conv", [floats(1, 2, 7), floats(3, 2, 4)], {"auto_pad": "VALID"}),
    "transposed": (
        "ConvTranspose",
        [floats(1, 3, 5), floats(3, 2, 4)],
        {"strides": [2], "pads": [1, 1]},
    ),
    "transposed to a size": (
        "ConvTranspose",
        [floats(1, 3, 5), floats(3, 2, 4)],
        {"strides": [3], "output_shape": [15]},
    ),
    "transposed, padded behind": (
        "ConvTranspose",
        [floats(1, 2, 4, 4), floats(2, 1, 3, 3)],
        {"strides": [2, 2], "output_padding": [1, 1]},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        assert_near(found, wanted, 100)
