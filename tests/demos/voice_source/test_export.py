"""The committed voice_source.onnx is the network of the committed weights."""

from committed_networks import assert_file_is_network

from edgekit.demos.voice_source.export import ONNX_FILE
from edgekit.demos.voice_source.network import build

LONGEST = 20_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_network_does() -> None:
    assert_file_is_network(ONNX_FILE, *build(), LONGEST)
