"""Noise that a stream draws: its state moves on in its place."""

import onnx_ir as ir

from edgekit.targets.c.emit.noise import traits


def test_the_state_is_overwritten() -> None:
    node = ir.node("NormalNoise", [], num_outputs=2)
    assert traits(node).updates == ((0, 1),) and traits(node).scratch == 0
