"""Recurrent layers in any form become forward ones on whole sequences."""

import numpy as np
import onnx
import pytest
from onnx_texts import network

from edgekit.export.from_onnx import from_onnx
from edgekit.targets.c.lower import check_c


@pytest.mark.parametrize(
    ("op_type", "rows", "direction"),
    [
        ("GRU", 3, "forward"),
        ("GRU", 3, "bidirectional"),
        ("RNN", 1, "forward"),
        ("LSTM", 4, "forward"),
    ],
)
def test_layers_with_the_batch_first_are_those_of_onnx(op_type, rows, direction):
    """onnxruntime has none, so that the import is compared with onnx's own reference."""
    units, inputs, count = 5, 4, 2 if direction == "bidirectional" else 1
    names = ["x", "w", "r", "b", "", "h", *(["c"] if op_type == "LSTM" else [])]
    node = onnx.helper.make_node(
        op_type, names, ["y", "last"], hidden_size=units, layout=1, direction=direction
    )
    text = f"""(float[2,3,{inputs}] x, float[2,{count},{units}] h, float[2,{count},{units}] c)
      => (float[2,3,{count},{units}] y, float[2,{count},{units}] last) {{ y = Identity(x) last = Identity(h) }}"""
    proto, random = network(text), np.random.default_rng(0)
    shapes = {"w": (rows * units, inputs), "r": (rows * units, units), "b": (2 * rows * units,)}
    for name, shape in shapes.items():
        array = random.normal(0, 0.4, (count, *shape)).astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    del proto.graph.node[:]
    proto.graph.node.append(node)
    model = from_onnx(proto.SerializeToString(), name="net")
    assert not [n for n in model.ir.graph if {"layout", "direction"} & set(n.attributes)]
    assert check_c(model) == []


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_layer_that_also_reads_backward_has_no_state_to_carry(direction):
    count = 2 if direction == "bidirectional" else 1
    text = f"""(float[3,1,2] x) => (float[3,{count},1,2] y) {{
      y = GRU <hidden_size = 2, direction = "{direction}"> (x, w, r)
    }}"""
    weights = np.ones((count, 6, 2), np.float32)
    model = from_onnx(network(text, w=weights, r=weights).SerializeToString(), name="net")
    assert len(model.notes) == (direction == "forward")
