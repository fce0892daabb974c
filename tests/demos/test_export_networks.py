"""The committed .onnx files are the networks of the committed weights."""

from pathlib import Path

import onnx
import pytest
from committed_networks import assert_file_is_network

from edgekit.demos.export_networks import HERE, NETWORKS

LONGEST = 20_000  # roundings of all layers, one after the other
# networks with EdgeKit's own operators, which onnxruntime does not have
OWN_OPERATORS = ("instrument/player", "sensor/hierarchy", "sensor/flat")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in OWN_OPERATORS])
def test_a_file_computes_what_its_network_does(name: str) -> None:
    assert_file_is_network(HERE / f"{name}.onnx", *NETWORKS[name].build(), LONGEST)


def test_a_trace_computes_what_its_network_does(tmp_path: Path) -> None:
    form = NETWORKS["wake/wake"]
    onnx.save(form.trace(*form.build()), tmp_path / "wake.onnx")
    assert_file_is_network(tmp_path / "wake.onnx", *form.build(), LONGEST)
