"""Small networks for passes, and what a pass must leave equal in onnxruntime."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime

from edgekit.export.passes import (
    InferShapes,
)
from edgekit.graph.model import Model


def parse(text, **weights):
    """Parse `<inputs> => <outputs> { nodes }` at opset 21; `weights` become initializers."""
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 21]> net {text}')
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.checker.check_model(proto)
    model = ir.from_proto(proto)
    InferShapes()(model)
    return model


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run(model, seed=1):
    session = onnxruntime.InferenceSession(Model(model).to_bytes())
    feed = {value.name: draw(*value.shape, seed=seed) for value in session.get_inputs()}
    return [value.name for value in session.get_outputs()], session.run(None, feed)


def ops(model):
    return Counter(node.op_type for node in model.graph)


def apply(model, *passes, tolerance=1e-6):
    """Run the passes and check that names and values of all outputs are what they were."""
    names, before = run(model)
    for one in passes:
        one(model)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    new_names, after = run(model)
    assert new_names == names
    for expected, found in zip(before, after, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    return model


def batchnorm_weights(channels):
    return {
        "gamma": draw(channels, seed=2),
        "beta": draw(channels, seed=3),
        "mean": draw(channels, seed=4),
        "var": np.abs(draw(channels, seed=5)) + np.float32(0.1),
    }


BN = "BatchNormalization <epsilon = 0.001>"
