"""From a name to a model."""

from pathlib import Path

import pytest
from tiny_networks import FRONTEND, recurrent, spectral_gain
from window_networks import ROWS, onnx_file

from edgekit.base.errors import UsageError
from edgekit.export.frontend.spec import parse_forms
from edgekit.verbs.export.importing import ImportOptions, has_fixed_window, is_offline, load_model


def test_a_network_with_states_gets_guards(tmp_path: Path) -> None:
    found = load_model(str(recurrent(tmp_path / "net.onnx")), ImportOptions())
    assert found.examples is None and [pair.input for pair in found.model.states] == ["h"]
    assert len(found.model.ir.graph) > len(found.network.ir.graph)


def test_a_front_end_takes_pcm(tmp_path: Path) -> None:
    options = ImportOptions(frontend=parse_forms(FRONTEND), sample_rate=16_000)
    found = load_model(str(spectral_gain(tmp_path / "net.onnx")), options)
    assert found.model.stream.hop_samples == 16 and found.network.frontend is None
    assert found.model.frontend is not None


def test_a_time_axis_makes_a_network_offline(tmp_path: Path) -> None:
    source = str(recurrent(tmp_path / "net.onnx"))
    assert is_offline(source, ImportOptions(time_axes={"x": 0}))
    assert not is_offline(source, ImportOptions(hop=4))
    with pytest.raises(UsageError, match="does not exist"):
        load_model("gone.onnx", ImportOptions())


def test_a_fixed_size_along_time_is_a_window(tmp_path: Path) -> None:
    source = str(tmp_path / "net.onnx")
    Path(source).write_bytes(onnx_file(ROWS["convolutions"].text).SerializeToString())
    options = ImportOptions(time_axes={"x": 2}, hop=2)
    assert has_fixed_window(source, options) and has_fixed_window("a.tflite", options)
    assert not has_fixed_window("module:factory", options)
    network = load_model(source, options).network
    assert len(network.states) == 3 and network.stream.hop_samples == 2
    assert "2 of 12 frames in a hop" in network.notes[-1]
