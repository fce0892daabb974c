"""Recurrent layers by their nodes in NumPy against onnxruntime."""

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
    "gru": (
        "GRU",
        [floats(4, 2, 3), floats(1, 15, 3), floats(1, 15, 5), floats(1, 30)],
        {"hidden_size": 5, "linear_before_reset": 1, "outputs": 2},
    ),
    "gru that resets first": (
        "GRU",
        [floats(4, 1, 3), floats(1, 6, 3), floats(1, 6, 2)],
        {"hidden_size": 2, "outputs": 2},
    ),
    "lstm": (
        "LSTM",
        [
            floats(4, 1, 3),
            floats(1, 16, 3),
            floats(1, 16, 4),
            floats(1, 32),
            None,
            floats(1, 1, 4),
            floats(1, 1, 4),
        ],
        {"hidden_size": 4, "outputs": 3},
    ),
    "rnn": (
        "RNN",
        [floats(3, 1, 2), floats(1, 4, 2), floats(1, 4, 4)],
        {"hidden_size": 4, "outputs": 2},
    ),
    "rnn of relu": (
        "RNN",
        [floats(3, 1, 2), floats(1, 4, 2), floats(1, 4, 4)],
        {"hidden_size": 4, "activations": ["Relu"], "outputs": 2},
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
