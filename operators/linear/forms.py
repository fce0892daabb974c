"""Gemm and MatMul, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.geometry import matmul_shapes
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.operator import Array, integer, kernel, result, tensor


def gemm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Fully connected."""
    run = kernel(linear_twin, "ek_fc", x[0], result(node))
    arrays = [tensor(node, n) for n in ("w", "bias", "mult", "shift")]
    rows = x[0].reshape(-1, arrays[0].shape[1])
    return [run(rows, *arrays, *(integer(node, n) for n in ("y_zero", "y_min", "y_max")))]


def matmul_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Product of two computed tensors, block by block."""
    run = kernel(linear_twin, "ek_matmul", x[0], result(node))
    left, right, batch = matmul_shapes(x[0].shape, x[1].shape)
    a = np.broadcast_to(x[0].reshape(left), (*batch, *left[-2:])).reshape(-1, *left[-2:])
    b = np.broadcast_to(x[1].reshape(right), (*batch, *right[-2:])).reshape(-1, *right[-2:])
    names = ("mult", "shift", "y_zero", "y_min", "y_max")
    numbers, zeros = (
        [integer(node, n) for n in names],
        [integer(node, n) for n in ("a_zero", "b_zero")],
    )
    blocks = [run(p, zeros[0], q, zeros[1], *numbers) for p, q in zip(a, b, strict=True)]
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
