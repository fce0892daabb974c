"""Transforms by their nodes in NumPy against onnxruntime."""

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
    "onesided": ("DFT", [floats(1, 16, 1), None, np.array(1)], {"onesided": 1}),
    "several": ("DFT", [floats(3, 8, 1), None, np.array(1)], {"onesided": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        assert_near(found, wanted, 100)
