"""Data movement along indices in NumPy against onnxruntime."""

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
    "gather from the end": ("Gather", [floats(4, 3), np.array([[-1, 0], [2, 2]])], {"axis": 0}),
    "gather elements": ("GatherElements", [floats(3, 4), np.array([[0, -1], [2, 1]])], {"axis": 1}),
    "gather by tuples": (
        "GatherND",
        [floats(2, 3, 4), np.array([[[1], [-1]]] * 2)],
        {"batch_dims": 1},
    ),
    "scatter that adds": (
        "ScatterElements",
        [floats(3, 3), np.array([[0, 0, 2]]), floats(1, 3)],
        {"axis": 1, "reduction": "add"},
    ),
    "scatter by tuples": ("ScatterND", [floats(4, 2), np.array([[1], [3]]), floats(2, 2)], {}),
    "tile": ("Tile", [floats(2, 3), whole(2, 1)], {}),
    "depth to space": ("DepthToSpace", [floats(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    "columns first": ("DepthToSpace", [floats(1, 8, 2, 3)], {"blocksize": 2}),
    "space to depth": ("SpaceToDepth", [floats(1, 2, 4, 6)], {"blocksize": 2}),
    "reverse": ("ReverseSequence", [floats(4, 3), whole(1, 4, 2)], {}),
    "reflect": ("Pad", [floats(2, 5), whole(0, 3, 0, 2)], {"mode": "reflect"}),
    "wrap": ("Pad", [floats(2, 5), whole(0, 2, 0, 4)], {"mode": "wrap"}),
    "edge, cropped": ("Pad", [floats(2, 5), whole(0, -1, 0, 2)], {"mode": "edge"}),
    "lower triangle": ("Trilu", [floats(3, 4), np.array(-1)], {"upper": 0}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_form_in_numpy_is_the_operator(name: str) -> None:
    op, inputs, attributes = CASES[name]
    outputs = attributes.pop("outputs", 1)
    ours, theirs = ours_and_theirs(op, inputs, outputs, **attributes)
    assert len(ours) == len(theirs) == outputs
    for found, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, wanted)
