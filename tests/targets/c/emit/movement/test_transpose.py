"""Rows that become columns: a kernel where blocks in registers are worth a call."""

import pytest
from one_node import hop, network


@pytest.mark.parametrize(("size", "target", "called"), [(64, "c99", False), (2, "c99", False)])
def test_portable_c_has_loops(size: int, target: str, called: bool) -> None:
    model = network(f"float[{size},64] x", f"float[64,{size}] y", "y = Transpose (x)")
    assert ("ek_transpose_b32" in hop(model, target)) == called
