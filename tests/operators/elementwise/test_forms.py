"""Functions of broadcast operands in NumPy against onnxruntime."""

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
    "sum of many": ("Sum", [floats(2, 3), floats(3), floats(2, 1)], {}),
    "clip": ("Clip", [floats(5), np.array(-0.5, np.float32), None], {}),
    "slopes": ("PRelu", [floats(1, 3, 4), floats(3, 1)], {}),
    "power": ("Pow", [np.abs(floats(4)), floats(4)], {}),
    "remainder": ("Mod", [floats(6) * 9, floats(6)], {"fmod": 1}),
    "mean": ("Mean", [floats(2, 3), floats(3)], {}),
    "one value": ("Neg", [floats(4)], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        assert_near(found, wanted, 100)
