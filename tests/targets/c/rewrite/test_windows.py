"""A state that is part of a window is carried as the window, which shifts in place."""

import numpy as np
from one_node import network

from edgekit.graph.model import Model, StatePair
from edgekit.targets.c.rewrite.moves import fuse_moves

INTS = {name: np.array([value], np.int64) for name, value in (("a", 2), ("b", 6), ("c", 1))}


def stream(nodes: str) -> Model:
    """Past frames h (1, 4) and new ones x (1, 2) as a window of 6, of which the last 4 are kept."""
    keep = "w = Concat <axis = 1> (h, x)\nn = Slice (w, a, b, c)"
    inputs, outputs = "float[1,2] x, float[1,4] h", "float[1,6] y, float[1,4] n"
    model = network(inputs, outputs, f"{keep}\n{nodes}", **INTS)
    return model.describe(states=[StatePair("h", "n")])


def test_the_window_is_the_state_where_it_alone_is_read() -> None:
    found = fuse_moves(stream("y = Tanh (w)"))
    (pair,) = found.states
    sizes = {str(v.name): v.shape[1] for v in (*found.ir.graph.inputs, *found.ir.graph.outputs)}  # type: ignore[index]
    assert sizes[pair.input] == sizes[pair.output] == 6


def test_a_state_that_something_else_reads_stays() -> None:
    model = stream("t = Tanh (w)\ns = ReduceSum (h)\ny = Add (t, s)")
    assert fuse_moves(model).states == model.states
