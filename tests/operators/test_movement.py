"""Data movement in NumPy against onnxruntime."""

from typing import Any

import numpy as np
import pytest
from onnx_operator import ours_and_theirs

RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


def whole(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


CASES = {
    "reshape": ("Reshape", [floats(2, 6), whole(3, 4)], {}),
    "transpose": ("Transpose", [floats(2, 3, 4)], {"perm": [2, 0, 1]}),
    "transpose of all axes": ("Transpose", [floats(2, 3, 4)], {}),
    "slice backwards": ("Slice", [floats(7, 5), whole(-1), whole(-100), whole(0), whole(-2)], {}),
    "slice beyond the end": ("Slice", [floats(7, 5), whole(2, 1), whole(99, -1)], {}),
    "split": ("Split", [floats(2, 7), whole(3, 4)], {"axis": 1, "outputs": 2}),
    "expand": ("Expand", [floats(3, 1), whole(2, 3, 4)], {}),
    "concat": ("Concat", [floats(2, 3), floats(2, 1)], {"axis": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, wanted)
