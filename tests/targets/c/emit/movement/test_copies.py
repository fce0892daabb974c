"""Copies: the fewest loops, runs by memcpy, nothing where nothing moves."""

import numpy as np
from one_node import hop, network


def test_a_slice_copies_runs() -> None:
    bounds = {name: np.array([at], np.int64) for name, at in (("a", 1), ("b", 4), ("c", 1))}
    body = hop(network("float[2,6] x", "float[2,3] y", "y = Slice (x, a, b, c)", **bounds))
    assert "memcpy(v_y + i0 * 3, v_x + i0 * 6 + 1, 3 * sizeof *v_y);" in body


def test_a_padding_fills_first() -> None:
    pads = np.array([0, 1, 0, 1], np.int64)
    body = hop(network("float[2,6] x", "float[2,8] y", "y = Pad (x, p)", p=pads))
    assert body.index("v_y[i] = 0.0e+00f;") < body.index("memcpy(v_y + i0 * 8 + 1")


def test_another_shape_moves_nothing_but_to_the_output() -> None:
    shape = np.array([3, 4], np.int64)
    body = hop(network("float[2,6] x", "float[3,4] y", "y = Reshape (x, s)", s=shape))
    assert "for (" not in body and body.count("memcpy") == 1
