"""Reductions, softmax and layer normalization, summed in order."""

import numpy as np
import onnx_ir as ir

from edgekit.quantize import arith_float
from edgekit.quantize.geometry import ints
from edgekit.quantize.numpy_ops.base import Array, integer


def softmax(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over the last axis."""
    return [arith_float.ek_softmax_f32(x[0])]


def layernorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over the last axes."""
    epsilon = node.attributes.get("epsilon")
    eps = 1e-5 if epsilon is None else epsilon.as_float()
    n, bias = x[1].size, x[2].ravel() if len(x) > 2 and x[2] is not None else None
    return [arith_float.ek_layernorm_f32(x[0].reshape(-1, n), x[1].ravel(), bias, eps)]


def reduce(node: ir.Node, x: list[Array]) -> list[Array]:
    """Fold axes in row-major order."""
    shape = x[0].shape
    named = ints(node, "axes", []) if len(x) < 2 or x[1] is None else np.ravel(x[1]).tolist()
    empty = [] if integer(node, "noop_with_empty_axes", 0) else list(range(len(shape)))
    axes = sorted(int(a) % len(shape) for a in named) if named else empty
    kept = [a for a in range(len(shape)) if a not in axes]
    rows = x[0].transpose(*kept, *axes).reshape(int(np.prod([shape[a] for a in kept])), -1)
    if node.op_type == "ReduceMax":
        return [rows.max(axis=1)]
    if node.op_type == "ReduceMin":
        return [rows.min(axis=1)]
    total = np.zeros(len(rows), np.float32)
    with np.errstate(all="ignore"):
        for column in rows.T:
            total = total + column
        return [total / np.float32(rows.shape[1]) if node.op_type == "ReduceMean" else total]
