"""A .tflite comes in as the network that LiteRT runs: our own files, and graphs that others write."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import float_model, int8_model

from edgekit.base.errors import EdgeKitError, ModelError
from edgekit.export.from_tflite import from_tflite, tflite_inputs
from edgekit.export.tflite_file.table import READERS
from edgekit.graph.model import Model
from edgekit.judge.tflite_runtimes import compare_runtimes

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'edgekit[litert]'")

from tflite_graphs import GRAPHS, file_of

from edgekit.targets.litert import lower_litert, lower_stateful
from edgekit.targets.litert.file import Graph, Scales, options

STATES = ("tcn", "lstm_vad", "conv_recurrent", "gru_mask")


def compared(file: Path, name: str) -> tuple[Model, list[str]]:
    """The network of a file, and how near it is to the runtimes."""
    model = from_tflite(file, name=name)
    return model, compare_runtimes(file, None, model)


def agreement(notes: list[str], runtime: str = "ai-edge-litert") -> str:
    """The sentence on a runtime."""
    return next(note for note in notes if note.startswith(runtime))


def share(sentence: str) -> float:
    """The share of values that are equal."""
    found = re.search(r"(\d+) of (\d+) values equal", sentence)
    assert found, sentence
    return int(found[1]) / int(found[2])


def decibels(sentence: str) -> float:
    """The ratio of a float network."""
    found = re.search(r"([\d.]+|inf) dB", sentence)
    assert found, sentence
    return float(found[1])


@pytest.mark.parametrize("lower", [lower_litert, lower_stateful])
@pytest.mark.parametrize("name", STATES)
def test_float_files_of_our_own_are_the_network_they_were_made_of(
    name: str, lower: Any, tmp_path: Path
) -> None:
    model = float_model(name)
    file = tmp_path / "model.tflite"
    file.write_bytes(lower(model, "litert").files["model.tflite"])
    found, notes = compared(file, name)
    assert len(found.states) == len(model.states)
    assert decibels(agreement(notes)) > 100
    assert found.quantization.recipe == "float32"


@pytest.mark.parametrize("name", ["tcn", "conv_recurrent"])
def test_integer_files_keep_their_integers(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(lower_stateful(int8_model(name), "litert").files["model.tflite"])
    found, notes = compared(file, name)
    assert found.quantization.recipe == "source"
    assert decibels(agreement(notes)) > 30


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_others_write_equal_litert(name: str, tmp_path: Path) -> None:
    row = GRAPHS[name]
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(row.make()))
    sentence = agreement(compared(file, name)[1])
    if row.equal is None:
        assert decibels(sentence) > 100, sentence
    else:
        assert share(sentence) >= row.equal, sentence


def test_inputs_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(GRAPHS["svdf"].make()))
    assert tflite_inputs(file) == {"x"}


def test_what_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    graph = Graph("g")
    x, y = (graph.tensor(name, (1, 4), "float32") for name in "xy")
    graph.operator("CUMSUM", [x, graph.constant("axis", np.int32(1))], [y], options("Cumsum"))
    graph.operator("RANK", [y], [graph.tensor("r", (), "int32")], options("Rank"))
    graph.inputs, graph.outputs = [x], [y]
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(graph))
    with pytest.raises(ModelError) as error:
        from_tflite(file, name="g")
    assert "operator CUMSUM" in str(error.value)
    assert "operator RANK" in str(error.value)


def test_a_state_that_does_not_start_at_zero_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    data = bytearray(lower_stateful(float_model("tcn"), "litert").files["model.tflite"])
    file.write_bytes(data)
    found = from_tflite(file, name="tcn")
    zeros = next(
        np.zeros(shape, np.float32).tobytes()
        for pair in found.states
        for value in found.ir.graph.inputs
        if value.name == pair.input and (shape := tuple(value.shape or ()))
    )
    place = bytes(data).find(zeros)
    assert place > 0
    data[place : place + 4] = np.float32(1).tobytes()
    file.write_bytes(data)
    with pytest.raises(ModelError, match="not zero"):
        from_tflite(file, name="tcn")


@pytest.mark.parametrize("name", ["conv_int8", "svdf", "lstm"])
def test_damaged_files_end_in_one_clear_error(name: str, tmp_path: Path) -> None:
    from edgekit.export.tflite_file.convert import to_onnx
    from edgekit.export.tflite_file.file import read_tflite

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


def test_the_page_lists_every_operator_that_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs/guides/tflite.md").read_text(encoding="utf-8")
    listed = page.split("<!-- operators of a .tflite -->")[1]
    assert set(re.findall(r"`(\w+)`", listed)) == READERS.keys()
