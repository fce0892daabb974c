"""A network node by node: every refusal is collected, and the walk goes on behind it."""

import pytest
from one_node import network

from edgekit.targets.litert.writer import Writer

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_the_walk_goes_on_behind_what_is_refused() -> None:
    nodes = "a = Det (x)\nb = Neg (a)\nc = Det (z)\ny = Add (b, c)"
    model = network("float[2,2] x, float[2,2] z", "float[] y", nodes)
    found = Writer(model, {}, False).run()
    assert len(found.problems) == 2
    assert [call.builtin for call in found.graph.operators] == ["NEG", "ADD"]


def test_a_constant_that_is_read_by_nothing_is_not_in_the_file() -> None:
    model = network("float[2] x", "float[2] y", "y = Neg (x)")
    found = Writer(model, {}, False).run()
    assert found.graph.data == {} and set(found.inputs) == {"x"} and set(found.outputs) == {"y"}
