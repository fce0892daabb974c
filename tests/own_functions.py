"""One of our own operators, run in onnxruntime by its body in ONNX."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET, Model


def run_own_operator(
    op_type: str,
    inputs: Mapping[str, NDArray[np.float32]],
    outputs: Mapping[str, tuple[int, ...]],
    **attributes: float,
) -> list[NDArray[np.float32]]:
    """What a node of the domain ``edgekit`` gives for float32 inputs; outputs are float32 of known shapes."""
    node = helper.make_node(op_type, [*inputs], [*outputs], domain=FRONTEND_DOMAIN, **attributes)
    shapes = {name: array.shape for name, array in inputs.items()}
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in {**shapes, **outputs}.items()
    }
    graph = helper.make_graph(
        [node], "net", [values[name] for name in inputs], [values[name] for name in outputs]
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FRONTEND_DOMAIN, 1)]
    model = ir.from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=10))
    define_functions(model)
    session = onnxruntime.InferenceSession(Model(model).to_bytes())
    results: list[NDArray[np.float32]] = session.run(None, dict(inputs))
    return results


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Standard normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
