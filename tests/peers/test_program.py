"""The plain form of a network."""

from builds import float_model

from edgekit.peers.program import plain_onnx


def test_peers_get_no_guards() -> None:
    model = float_model("conv_recurrent")
    assert b"Finite" in model.to_bytes() and b"Finite" not in plain_onnx(model)
