"""ONNX operators in torch, against NumPy's rules."""

from typing import Any

import numpy as np
import pytest
import torch

from edgekit.peers.workers.operators import OPERATORS, Node, Operands

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def compute(op: str, *operands: Any, outputs: int = 1, **attributes: Any) -> Any:
    """What an operator gives, as arrays."""
    node = Node(op, (), ("y",) * outputs, attributes)
    given = Operands(
        torch.from_numpy(v) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v
        for v in operands
    )
    made = OPERATORS[op](node, given)
    return [y.numpy() for y in made] if isinstance(made, tuple) else made.numpy()


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, 4, 1), (1, 3, 1), (3, -(2**63), -1), (2, -(2**63), -2), (3, 1, 1)],
)
def test_a_slice_is_that_of_numpy(start: int, end: int, step: int) -> None:
    found = compute("Slice", X, *map(integers, (start, end, 2, step)))
    stop = None if end < -(2**60) else end
    assert np.array_equal(found, X[:, :, start:stop:step])


def test_operands_that_are_left_out_have_their_defaults() -> None:
    assert np.array_equal(compute("Slice", X, integers(1), integers(2)), X[1:2])
    assert np.array_equal(compute("ReduceSum", X, None, keepdims=0), X.sum())
    assert np.array_equal(compute("Clip", X, None, np.array(3.0, np.float64)), X.clip(None, 3))
    assert np.array_equal(compute("Squeeze", X[:1]), X[0])


def test_parts_and_places_are_those_of_numpy() -> None:
    first, second = compute("Split", X, integers(1, 3), outputs=2, axis=2)
    assert np.array_equal(first, X[:, :, :1]) and np.array_equal(second, X[:, :, 1:])
    halves = compute("Split", X, outputs=2, axis=2)
    assert [half.shape[2] for half in halves] == [2, 2]
    places = np.array([[2, -1], [0, 1]])
    assert np.array_equal(compute("Gather", X, places, axis=1), X.take(places, 1))
    assert np.array_equal(compute("Gather", X, np.array(-1), axis=2), X[..., -1])
    assert np.array_equal(compute("Reshape", X, integers(0, -1)), X.reshape(2, -1))
    assert np.array_equal(compute("Unsqueeze", X, integers(-1, 0)), X[None, ..., None])


@pytest.mark.parametrize("places", [[[0, 1], [0, 2]], [[0, 0], [1, 2]]], ids=["joined", "picked"])
def test_rows_are_scattered_as_numpy_assigns_them(places: list[list[int]]) -> None:
    new = -np.ones((2, 4), np.float32)
    expected = X.copy()
    for place, row in zip(places, new, strict=True):
        expected[tuple(place)] = row
    assert np.array_equal(compute("ScatterND", X, np.array(places), new), expected)


def test_integers_of_quantizers_are_rounded_and_limited() -> None:
    scale, zero = np.array(0.5), np.array(3, np.int8)
    rounded = compute("QuantizeLinear", X, scale, zero)
    assert np.array_equal(rounded, np.clip(np.rint(X / 0.5) + 3, -128, 127))
    wide = compute("QuantizeLinear", X, scale, np.array(0, np.int16))
    assert wide.dtype == np.float32 and np.array_equal(wide, np.rint(X / 0.5))
