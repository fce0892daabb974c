"""The committed listener.onnx is the network of the committed weights."""

from committed_networks import assert_file_is_network

from edgekit.demos.instrument.export import HERE
from edgekit.demos.instrument.listener import build

LONGEST = 20_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_listener_does() -> None:
    assert_file_is_network(HERE / "listener.onnx", *build(), LONGEST)
