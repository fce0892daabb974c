"""The committed stream_diffusion.onnx is the network of the committed weights, a hop at a time."""

from committed_networks import assert_file_is_network

from edgekit.demos.stream_diffusion.export import ONNX_FILE
from edgekit.demos.stream_diffusion.network import build

LONGEST = 50_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_network_does() -> None:
    assert_file_is_network(ONNX_FILE, *build(), LONGEST)
