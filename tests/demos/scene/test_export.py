"""The committed scene.onnx is the network of the committed weights."""

from committed_networks import assert_file_is_network

from edgekit.demos.scene.export import ONNX_FILE
from edgekit.demos.scene.network import build

LONGEST = 20_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_network_does() -> None:
    assert_file_is_network(ONNX_FILE, *build(), LONGEST)
