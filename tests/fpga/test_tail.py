"""What follows on a layer's sums: functions per channel, then limits."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pass_networks import draw, parse

from edgekit.fpga.tail import tail_of

CHANNELS = np.array([0.5, -2, 4], np.float32).reshape(3, 1, 1)
SIX = np.float32(6)


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ("m = Mul (x, c) a = Add (c, m) y = Relu (a)", 3),
        ("s = Sub (c, x) d = Div (s, c) y = Clip (d, , six)", 3),
        ("a = Max (x, low) y = Min (six, a)", 2),
        ("r = Clip (x, low) y = Clip (r, , six)", 2),
        ("r = Relu (x) y = Mul (r, c)", 1),
        ("a = Add (x, x) y = Relu (a)", 0),
    ],
)
def test_it_is_what_the_nodes_compute(nodes: str, count: int) -> None:
    model = parse(
        f"(float[1,3,2,2] x) => (float[1,3,2,2] y) {{ {nodes} }}",
        c=CHANNELS,
        six=SIX,
        low=np.float32(-1),
    )
    tail = tail_of(model.graph.inputs[0], next(iter(model.graph)), set())
    assert [*tail.nodes] == [*model.graph][:count]
    x: NDArray[np.float32] = 5 * draw(1, 3, 2, 2)
    found = x * tail.factor[:, None, None] + tail.addend[:, None, None]
    expected = reference(x)[nodes]
    np.testing.assert_allclose(np.clip(found, tail.low, tail.high), expected, rtol=1e-6)


def reference(x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What the part of each case that is a tail computes."""
    return {
        "m = Mul (x, c) a = Add (c, m) y = Relu (a)": np.maximum(x * CHANNELS + CHANNELS, 0),
        "s = Sub (c, x) d = Div (s, c) y = Clip (d, , six)": np.minimum(
            (CHANNELS - x) / CHANNELS, 6
        ),
        "a = Max (x, low) y = Min (six, a)": np.clip(x, -1, 6),
        "r = Clip (x, low) y = Clip (r, , six)": np.clip(x, -1, 6),
        "r = Relu (x) y = Mul (r, c)": np.maximum(x, 0),
        "a = Add (x, x) y = Relu (a)": x,
    }


def test_a_node_that_must_stay_ends_it() -> None:
    model = parse(
        "(float[1,3,2,2] x) => (float[1,3,2,2] y) { m = Mul (x, c) y = Relu (m) }", c=CHANNELS
    )
    _, relu = model.graph
    tail = tail_of(model.graph.inputs[0], None, {relu})
    assert tail.value.name == "m" and (tail.low, tail.high) == (-np.inf, np.inf)
