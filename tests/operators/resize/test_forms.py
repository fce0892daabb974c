"""Resizing and sampling in NumPy against onnxruntime."""

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
    "nearest": ("Resize", [floats(1, 2, 3, 4), None, np.array([1, 1, 2, 1.5], np.float32)], {}),
    "linear": (
        "Resize",
        [floats(1, 2, 5), None, None, whole(1, 2, 8)],
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    ),
    "cubic": (
        "Resize",
        [floats(1, 1, 4, 4), None, np.array([1, 1, 2, 2], np.float32)],
        {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
    ),
    "not larger": (
        "Resize",
        [floats(1, 1, 4, 6), None, None, whole(8, 9)],
        {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"},
    ),
    "asymmetric": (
        "Resize",
        [floats(1, 1, 7), None, np.array([1, 1, 0.5], np.float32)],
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
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
