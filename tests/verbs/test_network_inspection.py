"""A network that is not built yet."""

from pathlib import Path

from tiny_networks import recurrent

from edgekit.export.from_onnx import from_onnx
from edgekit.verbs.network_inspection import inspect_network, operator_counts, streaming_facts


def test_a_network_is_lowered_for_this_machine(tmp_path: Path) -> None:
    path = recurrent(tmp_path / "net.onnx")
    found = inspect_network(str(path))
    assert found.kind == "model" and found.problems == () and found.page
    assert found.manifest is not None and found.manifest.target == "host"
    assert found.operators["Tanh"] == 1


def test_counts_come_the_most_frequent_first(tmp_path: Path) -> None:
    model = from_onnx(recurrent(tmp_path / "net.onnx"), name="net")
    counts = operator_counts(model)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    (state,) = streaming_facts(model)["states"]
    assert (state["input"], state["shape"], state["rate"]) == ("h", [1, 8], None)
