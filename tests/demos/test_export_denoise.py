"""The committed denoise.onnx is one hop of the network of the committed weights."""

from committed_networks import assert_file_is_network

from edgekit.demos.denoise import BINS, build
from edgekit.demos.export_denoise import ONNX_FILE

LONGEST = 5_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_network_does() -> None:
    network, example = build()
    gain, *states = assert_file_is_network(ONNX_FILE, network, example, LONGEST)
    assert gain.shape == (1, 1, BINS) and len(states) == 4
