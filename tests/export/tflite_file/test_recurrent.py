"""SVDF and LSTM layers of a .tflite are LiteRT's, from call to call."""

from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import check


@pytest.mark.parametrize("name", ["svdf", "svdf_rank", "lstm", "lstm_time_major"])
def test_a_graph_is_that_of_litert(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)
