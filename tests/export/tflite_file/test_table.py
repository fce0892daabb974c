"""The operators that are read from a .tflite stand on their page; others are refused by name."""

import re
from pathlib import Path

import pytest

from edgekit.base.errors import ModelError
from edgekit.export.from_tflite import from_tflite
from edgekit.export.tflite_file.table import READERS

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import file_of

from edgekit.targets.litert.file import Graph, options


def test_the_page_lists_every_operator_that_is_read() -> None:
    page = (Path(__file__).parents[3] / "docs/guides/tflite.md").read_text(encoding="utf-8")
    listed = page.split("<!-- operators of a .tflite -->")[1]
    assert set(re.findall(r"`(\w+)`", listed)) == READERS.keys()


def test_what_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    graph = Graph("g")
    x, y = (graph.tensor(name, (1, 4), "float32") for name in "xy")
    graph.operator("ATAN2", [x, x], [y], None)
    graph.operator("RANK", [y], [graph.tensor("r", (), "int32")], options("Rank"))
    graph.inputs, graph.outputs = [x], [y]
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(graph))
    with pytest.raises(ModelError) as error:
        from_tflite(file, name="g")
    assert "operator ATAN2" in str(error.value)
    assert "operator RANK" in str(error.value)
