"""A .tflite comes in as the network that LiteRT runs: our own files, and graphs that others write."""

from pathlib import Path
from typing import Any

import pytest
from builds import float_model, int8_model

from edgekit.export.from_tflite import tflite_inputs

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import GRAPHS, agreement, compared, decibels, file_of

from edgekit.targets.litert import lower_litert, lower_stateful

STATES = ("tcn", "lstm_vad", "conv_recurrent", "gru_mask")


@pytest.mark.rows(3)
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


@pytest.mark.rows(1)
@pytest.mark.parametrize("name", ["tcn", "conv_recurrent"])
def test_integer_files_keep_their_integers(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(lower_stateful(int8_model(name), "litert").files["model.tflite"])
    found, notes = compared(file, name)
    assert found.quantization.recipe == "source"
    assert decibels(agreement(notes)) > 30


def test_inputs_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(GRAPHS["svdf"].make()))
    assert tflite_inputs(file) == {"x"}
