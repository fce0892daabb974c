"""Values are known in the orders that operators left them in: a transposition comes only where two disagree."""

import pytest
from litert_files import builtins
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_convolutions_behind_each_other_are_turned_once() -> None:
    pool = "MaxPool <kernel_shape = [1, 1]>"
    model = network(
        "float[1,2,3,4] x", "float[1,2,3,4] y", f"a = {pool} (x)\nb = Relu (a)\ny = {pool} (b)"
    )
    assert builtins(model).count("TRANSPOSE") == 2  # to channels last, and back


def test_a_transposition_between_them_moves_nothing() -> None:
    nodes = "a = Transpose <perm = [1, 0]> (x)\nb = Neg (a)\ny = Transpose <perm = [1, 0]> (b)"
    assert builtins(network("float[2,3] x", "float[2,3] y", nodes)) == ["NEG"]
