"""One ONNX operator in onnxruntime, to compare a NumPy twin with."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgekit.operators.table import OPERATORS

NP_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
}


def onnx_run(
    op: str, inputs: list[NDArray | None], outputs: int = 1, **attributes: object
) -> list[NDArray]:
    """Run one ONNX operator in onnxruntime."""
    names = ["" if x is None else f"i{k}" for k, x in enumerate(inputs)]
    feeds = {name: x for name, x in zip(names, inputs, strict=True) if x is not None}
    infos = [helper.make_tensor_value_info(n, NP_TYPES[x.dtype], x.shape) for n, x in feeds.items()]
    out_names = [f"o{k}" for k in range(outputs)]
    kind = TensorProto.INT8 if op.startswith("Q") else TensorProto.FLOAT
    outs = [helper.make_tensor_value_info(n, kind, None) for n in out_names]
    graph = helper.make_graph(
        [helper.make_node(op, names, out_names, **attributes)], "one", infos, outs
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def snr_db(found: NDArray, exact: NDArray) -> float:
    error = np.asarray(found, np.float64) - exact
    return float(10 * np.log10((exact**2).sum() / max((error**2).sum(), 1e-300)))


def single_node(
    op: str, inputs: list[NDArray | None], results: list[NDArray], **attributes: object
) -> ir.Node:
    """An operator as the oracle sees it: its operands and results have types and shapes."""

    def value(name: str, array: NDArray) -> ir.Value:
        kind = ir.TensorType(ir.DataType.from_numpy(array.dtype))
        return ir.Value(name=name, shape=ir.Shape(array.shape), type=kind)

    operands = [None if x is None else value(f"i{k}", x) for k, x in enumerate(inputs)]
    outputs = [value(f"o{k}", y) for k, y in enumerate(results)]
    return ir.node(op, operands, attributes, outputs=outputs, name=op)


def ours_and_theirs(
    op: str, inputs: list[NDArray | None], outputs: int = 1, **attributes: object
) -> tuple[list[NDArray], list[NDArray]]:
    """What the NumPy form of an operator gives, and onnxruntime."""
    theirs = onnx_run(op, inputs, outputs, **attributes)
    node = single_node(op, inputs, theirs, **attributes)
    made = OPERATORS["", op].form(node, [x for x in inputs])  # type: ignore[misc]
    return [np.asarray(y).reshape(t.shape) for y, t in zip(made, theirs, strict=False)], theirs
