"""States that all readers round alike are kept rounded."""

import pytest
from one_node import network

from edgekit.targets.c.rewrite.narrow import state_concat


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ("w = Concat <axis = 1> (h, x)\ny = Tanh (w)", True),
        ("w = Concat <axis = 1> (x, h)\ny = Tanh (w)", False),
        ("w = Concat <axis = 1> (h, x)\nt = Neg (h)\ny = Concat <axis = 1> (t, w)", False),
        ("y = Concat <axis = 1> (h, x)", False),
    ],
)
def test_the_window_of_a_state_is_what_alone_reads_it(nodes: str, found: bool) -> None:
    """Past frames first, read by nothing else, and no output itself."""
    model = network("float[1,2] x, float[1,4] h", "float[1,N] y", nodes)
    old = next(value for value in model.ir.graph.inputs if value.name == "h")
    assert (state_concat(old) is not None) == found
