"""Products with a window of frames: dot products where time is the columns, sums where it is the rows."""

import pytest
from one_node import network

from edgekit.targets.c.rewrite.products import DOTS, SUMS, product


@pytest.mark.parametrize(
    ("nodes", "axis", "kind"),
    [
        ("t = Transpose <perm = [0, 2, 1]> (k)\ny = MatMul (q, t)", 1, DOTS),
        ("y = MatMul (p, k)", 1, SUMS),
        ("t = Neg (k)\ny = MatMul (p, t)", 1, None),
        ("y = MatMul (k, q2)", 1, None),
    ],
)
def test_the_kind_of_a_product(nodes: str, axis: int, kind: str | None) -> None:
    """Keys (1, time 7, 4), a query (1, 2, 4) or weights of frames (1, 2, 7)."""
    inputs = "float[1,7,4] k, float[1,2,4] q, float[1,2,7] p, float[1,4,3] q2"
    model = network(inputs, "float[a,b,c] y", nodes)
    window = next(value for value in model.ir.graph.inputs if value.name == "k")
    (reader,) = window.consumers()
    found = product(reader, window, axis)
    assert (None if found is None else found.kind) == kind
    if found is not None:
        assert found.strides[-1 if kind == SUMS else -2] == 1 and 0 in found.strides
