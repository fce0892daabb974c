"""Which forms of padding a layer takes over."""

import numpy as np
import pytest
from pass_networks import parse

from edgekit.fpga.forms import padding_of

PADS = [0, 0, 1, 2, 0, 0, 3, 4]


def padded(
    pads: list[int], node: str = "Pad (x, pads)", size: str = "1,2,3,3"
) -> tuple[int, int] | None:
    """Rows above and columns left that a Pad adds; None where no layer takes it over."""
    model = parse(
        f"(float[{size}] x) => (float y) {{ p = {node} y = ReduceSum <keepdims = 0> (p) }}",
        pads=np.array(pads),
        one=np.float32(1),
        zero=np.float32(0),
        axes=np.arange(len(pads) // 2),
    )
    found = padding_of(next(iter(model.graph)))
    return None if found is None else (found.top, found.left)


@pytest.mark.parametrize(
    "node", ["Pad (x, pads)", "Pad (x, pads, zero)", 'Pad <mode = "constant"> (x, pads)']
)
def test_zeros_around_a_picture_are_taken(node: str) -> None:
    assert padded(PADS, node) == (1, 2)


@pytest.mark.parametrize(
    ("pads", "node", "size"),
    [
        (PADS, "Pad (x, pads, one)", "1,2,3,3"),
        (PADS, 'Pad <mode = "edge"> (x, pads)', "1,2,3,3"),
        (PADS, "Pad (x, pads, zero, axes)", "1,2,3,3"),
        ([0, 1, 0, 0, 0, 0, 0, 0], "Pad (x, pads)", "1,2,3,3"),
        ([0, 0, -1, 0, 0, 0, 0, 0], "Pad (x, pads)", "1,2,3,3"),
        ([0, 0, 1, 0, 0, 1], "Pad (x, pads)", "1,2,3"),
    ],
)
def test_all_other_padding_is_none_of_a_layer(pads: list[int], node: str, size: str) -> None:
    assert padded(pads, node, size) is None
