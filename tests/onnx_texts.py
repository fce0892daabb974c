"""ONNX networks written as texts, and the problems for which an import refuses one."""

import numpy as np
import onnx
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import OPSET

GATED = """(float[1,4] x, float[1,4] h) => (float[1,4] y, float[1,4] h_next) {
  both = Concat <axis = 1> (x, h)
  h_next = MatMul (both, w)
  y = Tanh (h_next)
}"""


def network(text, opset=OPSET, domains="", **weights):
    header = f'<ir_version: 8, opset_import: ["": {opset}{domains}]> net'
    proto = onnx.parser.parse_model(f"{header} {text}")
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return proto


def gated():
    weight = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32) / 4
    return network(GATED, w=weight)


def problems(proto, error=ModelError, **options):
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(error) as caught:
        from_onnx(data, name="net", **options)
    return caught.value.problems


ACCUMULATE = """<ir_version: 10, opset_import: ["": 21]>
net (float[1,2] x, float[1,2] s) => (float[1,2] y, float[1,2] s_next) {
  s_next = Add (x, s)
  half = Constant <value_float = 0.5> ()
  y = Mul (s_next, half)
}"""


def accumulating():
    """The running sum of its input, halved, as a model."""
    return from_onnx(onnx.parser.parse_model(ACCUMULATE).SerializeToString(), name="net")
