"""Slices, splits, joins and padding of a .tflite are LiteRT's."""

from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import check


@pytest.mark.parametrize("name", ["movement_int8", "movement", "places"])
def test_a_graph_is_that_of_litert(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)
