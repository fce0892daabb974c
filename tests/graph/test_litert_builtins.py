"""Every builtin that an operator stands for is one of LiteRT's schema."""

import pytest

from edgekit.graph.litert_builtins import BUILTINS
from edgekit.targets.litert.table import EMITTERS

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_names_are_those_of_the_schema_and_of_operators() -> None:
    from ai_edge_litert import schema_py_generated as schema

    assert all(hasattr(schema.BuiltinOperator, name) for name in BUILTINS.values())
    assert all(("", name) in EMITTERS for name in BUILTINS)
