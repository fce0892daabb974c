"""Moved tensors are whole channels of stored ones, or it is told why not."""

import numpy as np
import pytest
from pass_networks import parse

from edgekit.fpga.addressing import Addresses, NoView
from edgekit.fpga.network import View

WEIGHTS = {
    "order": np.array([2, 0, 3, 1]),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "wide": np.array([1, 1, 1, 2], np.float32),
    "zeros": np.zeros((1, 1, 2, 3), np.float32),
    "one": np.array([1]),
    "two": np.array([2]),
    "rows": np.array([1, 4, 6, 1]),
}


def view(nodes: str) -> View:
    """What y is of the stored x, (1, 4, 2, 3)."""
    text = f"(float[1,4,2,3] x) => (float r) {{ {nodes} r = ReduceSum <keepdims = 0> (y) }}"
    model, addresses = parse(text, **WEIGHTS), Addresses()
    addresses.store(model.graph.inputs[0], "x")
    for node in list(model.graph)[:-1]:
        assert addresses.move(node)
    return addresses.view(model.graph[-1].inputs[0])


def test_shuffles_and_repeated_pixels_are_channels_and_factors() -> None:
    assert view("y = Gather <axis = 1> (x, order)") == View(
        ("x",) * 4, (2, 0, 3, 1), 2, 3, (1,) * 4
    )
    nodes = """s = Slice (x, one, two, one)
      u = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (s, , twice)
      y = Concat <axis = 1> (u, u)"""
    assert view(nodes) == View(("x", "x"), (1, 1), 4, 6, (2, 2))


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        (
            "y = Transpose <perm = [0, 2, 1, 3]> (x)",
            "a channel of 'y' holds pixels of several channels",
        ),
        ("y = Transpose <perm = [0, 1, 3, 2]> (x)", "'y' reads a picture of 2x3 as 3x2"),
        ("y = Concat <axis = 1> (x, zeros)", "'y' is filled up with constants"),
        ("y = Reshape (x, rows)", "'y' reads a picture of 2x3 as 6x1"),
        (
            'y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric"> (x, , wide)',
            "'y' reads a picture of 2x3 as 2x6",
        ),
    ],
)
def test_what_is_no_whole_channel_is_told(nodes: str, found: str) -> None:
    with pytest.raises(NoView) as caught:
        view(nodes)
    assert caught.value.found == found
