"""Convolutions, dense layers and pools of a .tflite are LiteRT's."""

from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import GRAPHS, check

WORDS = ("average", "conv", "depthwise", "dense", "window")


@pytest.mark.parametrize("name", [name for name in GRAPHS if any(w in name for w in WORDS)])
def test_a_graph_is_that_of_litert(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)
