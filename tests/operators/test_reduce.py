"""Reductions in NumPy against onnxruntime."""

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
    "sum": ("ReduceSum", [floats(2, 3, 4), whole(1, -1)], {"keepdims": 0}),
    "mean of all": ("ReduceMean", [floats(2, 3)], {}),
    "sum of nothing": ("ReduceSum", [floats(2, 3)], {"noop_with_empty_axes": 1}),
    "largest": ("ReduceMax", [floats(2, 3, 4), whole(0)], {}),
    "least": ("ReduceMin", [floats(2, 3, 4), whole(2)], {}),
    "product": ("ReduceProd", [floats(2, 3), whole(1)], {}),
    "sizes": ("ReduceL1", [floats(3, 5), whole(1)], {}),
    "norm": ("ReduceL2", [floats(3, 5), whole(1)], {}),
    "squares": ("ReduceSumSquare", [floats(3, 5), whole(0)], {}),
    "logarithm": ("ReduceLogSum", [np.abs(floats(3, 5)), whole(1)], {}),
    "logarithm of exponentials": ("ReduceLogSumExp", [floats(3, 5) * 40, whole(1)], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        assert_near(found, wanted, 100)
