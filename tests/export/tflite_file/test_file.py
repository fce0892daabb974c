"""A damaged .tflite, or one that says what cannot be, ends in one clear error."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.errors import EdgeKitError, ModelError
from edgekit.export.from_tflite import from_tflite
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.export.tflite_file.file import read_tflite

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import GRAPHS, file_of

from edgekit.targets.litert.file import Graph, Scales, options


@pytest.mark.parametrize("name", ["conv_int8", "svdf", "lstm"])
def test_damaged_files_end_in_one_clear_error(name: str, tmp_path: Path) -> None:
    data, rng = file_of(GRAPHS[name].make()), np.random.default_rng(1)
    refused = 0
    for _ in range(200):
        broken = bytearray(data)
        for place in rng.integers(8, len(data), 3):
            broken[place] = rng.integers(256)
        cut = bytes(broken[: rng.integers(len(data) // 2, len(data) + 1)])
        try:
            to_onnx(read_tflite(cut))
        except EdgeKitError as error:
            refused += 1
            assert str(error)
    assert refused > 50


def test_scales_that_are_not_positive_are_refused(tmp_path: Path) -> None:
    graph = Graph("g")
    x = graph.tensor("x", (1, 4), "int8", Scales((-1.0,)))
    y = graph.tensor("y", (1, 4), "int8", Scales((1.0,)))
    graph.operator("QUANTIZE", [x], [y], options("Quantize"))
    graph.inputs, graph.outputs = [x], [y]
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(graph))
    with pytest.raises(ModelError, match="positive scale"):
        from_tflite(file, name="g")
