"""A network that is not built yet."""

from pathlib import Path

import pytest
from onnx_texts import network
from tiny_networks import recurrent

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.inspection import inspect
from edgekit.verbs.network_inspection import inspect_network, operator_counts, streaming_facts


def test_a_network_is_lowered_for_this_machine(tmp_path: Path) -> None:
    path = recurrent(tmp_path / "net.onnx")
    found = inspect_network(str(path), ImportOptions())
    assert found.kind == "model" and found.problems == () and found.page
    assert found.manifest is not None and found.manifest.target == "host"
    assert found.operators["Tanh"] == 1


def test_open_sizes_are_given_as_for_an_export(tmp_path: Path) -> None:
    graph = network("(float[N, H, W] x) => (float[N, H, W] y) { y = Relu(x) }")
    (tmp_path / "net.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(UsageError, match="--shape x=1,H,W with numbers for H,W"):
        inspect(tmp_path / "net.onnx")
    found = inspect(tmp_path / "net.onnx", shapes={"x": [1, 4, 6]})
    assert found.manifest is not None and found.manifest.stream_inputs[0].shape == (1, 4, 6)


def test_counts_come_the_most_frequent_first(tmp_path: Path) -> None:
    model = from_onnx(recurrent(tmp_path / "net.onnx"), name="net")
    counts = operator_counts(model)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    (state,) = streaming_facts(model)["states"]
    assert (state["input"], state["shape"], state["rate"]) == ("h", [1, 8], None)
