"""Multiply-accumulates by layer and by the type of what they read."""

import numpy as np
from builds import int8_model
from one_node import network

from edgekit.targets.macs import float_layers, float_operators, layer_macs, node_macs


def test_a_layer_in_float_is_named_with_its_work() -> None:
    nodes = "m = MatMul (x, w)\nt = Tanh (m)\ny = Transpose (t)"
    model = network("float[2,6] x", "float[4,2] y", nodes, w=np.ones((6, 4), np.float32))
    (layer,) = float_layers(model)
    assert layer.endswith("(48 MACs)") and sum(node_macs(model).values()) == 48
    assert float_operators(model) == ("Tanh (1)",)  # what only moves computes nothing


def test_integers_are_counted_by_their_type() -> None:
    from edgekit.operators.to_integer import to_integer

    found = layer_macs(to_integer(int8_model("tcn")))
    kinds = {kind for row in found.values() for kind, count in row.items() if count}
    assert "int8" in kinds and float_layers(int8_model("tcn")) == ()
