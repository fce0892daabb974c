"""Gemm and MatMul, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import matmul_shapes
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.operator import Operator, integer, integers, output_dtype, tensors
from edgekit.operators.qdq import INTEGER_DOMAIN


def gemm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Fully connected."""
    arrays = tensors(node, "w", "bias", "mult", "shift")
    rows = x[0].reshape(-1, arrays[0].shape[1])
    limits = integers(node, "y_zero", "y_min", "y_max")
    return [linear_twin.ek_fc(rows, *arrays, *limits, to=output_dtype(node))]


def matmul_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Product of two computed tensors, block by block."""
    left, right, batch = matmul_shapes(x[0].shape, x[1].shape)
    a = np.broadcast_to(x[0].reshape(left), (*batch, *left[-2:])).reshape(-1, *left[-2:])
    b = np.broadcast_to(x[1].reshape(right), (*batch, *right[-2:])).reshape(-1, *right[-2:])
    a_zero, b_zero = integers(node, "a_zero", "b_zero")
    numbers = integers(node, "mult", "shift", "y_zero", "y_min", "y_max")
    blocks = [
        linear_twin.ek_matmul(p, a_zero, q, b_zero, *numbers, to=output_dtype(node))
        for p, q in zip(a, b, strict=True)
    ]
    return [np.stack(blocks)]


def gemm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Gemm with constant weights."""
    w = x[1].T if integer(node, "transB", 0) else x[1]
    bias = (
        np.broadcast_to(np.ravel(x[2]), (w.shape[1],)) if len(x) > 2 and x[2] is not None else None
    )
    return [linear_twin.ek_fc_f32(x[0].reshape(-1, w.shape[0]), w, bias)]


def matmul(node: ir.Node, x: list[Array]) -> list[Array]:
    """Product of two tensors; leading dimensions are broadcast."""
    left, right, batch = matmul_shapes(x[0].shape, x[1].shape)
    a = np.broadcast_to(x[0].reshape(left), (*batch, *left[-2:])).reshape(-1, *left[-2:])
    b = np.broadcast_to(x[1].reshape(right), (*batch, *right[-2:])).reshape(-1, *right[-2:])
    return [np.stack([linear_twin.ek_matmul_f32(p, q) for p, q in zip(a, b, strict=True)])]


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Gemm"): gemm,
    ("", "MatMul"): matmul,
    (INTEGER_DOMAIN, "Gemm"): gemm_int,
    (INTEGER_DOMAIN, "MatMul"): matmul_int,
}
