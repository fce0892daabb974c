"""Gemm and MatMul."""

import numpy as np
import onnx_ir as ir

from edgekit.errors import Problem
from edgekit.quantize.choose import constant
from edgekit.quantize.geometry import dims, optional
from edgekit.targets.c.emit.base import Context, array_attribute, int_attribute, size, suffix, where


def emit_gemm_int(ctx: Context, node: ir.Node) -> None:
    """Integer fully connected layer."""
    x, y = node.inputs[0], node.outputs[0]
    w = array_attribute(node, "w")
    n, k = w.shape
    arrays = [
        ctx.constant(f"{node.name}_{a}", array_attribute(node, a))
        for a in ("w", "bias", "mult", "shift")
    ]
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    kernel = f"ek_fc_{suffix(x)}_{suffix(y)}"
    ctx.call(kernel, ctx.pointer(x), *arrays, *numbers, ctx.pointer(y), size(x) // k, k, n)


def macs_gemm_int(node: ir.Node) -> int:
    """Rows * k * n."""
    w = array_attribute(node, "w")
    return size(node.inputs[0]) * int(w.shape[0])


def emit_gemm(ctx: Context, node: ir.Node) -> None:
    """Float Gemm with constant weights, packed [k][n]."""
    x, y = node.inputs[0], node.outputs[0]
    w = constant(node.inputs[1])
    assert w is not None
    w = w.T if int_attribute(node, "transB", 0) else w
    k, n = w.shape
    bias, b = constant(optional(node, 2)), "NULL"
    if bias is not None:
        b = ctx.constant(f"{node.name}_bias", np.broadcast_to(np.ravel(bias), (n,)))
    ctx.call(
        "ek_fc_f32",
        ctx.pointer(x),
        ctx.constant(f"{node.name}_w", w),
        b,
        ctx.pointer(y),
        size(x) // k,
        k,
        n,
    )


def check_gemm(node: ir.Node) -> list[Problem]:
    """Constant 2-D weights and bias of one row; alpha and beta 1; no transposed input."""
    problems = []
    w = constant(node.inputs[1])
    bias = optional(node, 2)
    if w is None or (bias is not None and constant(bias) is None):
        problems.append(Problem(where(node), "computed weights", "constant weights", "use MatMul"))
    elif bias is not None and size(bias) not in (
        1,
        w.shape[0 if int_attribute(node, "transB", 0) else 1],
    ):
        problems.append(
            Problem(where(node), f"bias {dims(bias)}", "one row", "add it after the Gemm")
        )
    scales = [a.as_float() for n in ("alpha", "beta") if (a := node.attributes.get(n)) is not None]
    if any(s != 1.0 for s in scales) or int_attribute(node, "transA", 0):
        problems.append(
            Problem(
                where(node), "alpha, beta or transA", "1, 1 and 0", "fold them into the weights"
            )
        )
    return problems


def macs_gemm(node: ir.Node) -> int:
    """Rows * k * n."""
    return size(node.outputs[0]) * dims(node.inputs[0])[-1]


def emit_matmul(ctx: Context, node: ir.Node) -> None:
    """Product of two tensors; leading dimensions of the second are broadcast."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    (m, k), n = _rows(dims(a)), dims(b)[-1]
    batch = size(b) // (k * n)
    pa, pb, py = ctx.pointer(a), ctx.pointer(b), ctx.pointer(y)
    if batch == 1:
        ctx.call("ek_matmul_f32", pa, pb, py, size(a) // k, k, n)
        return
    ctx.kernels.add("ek_matmul_f32")
    ctx.line(f"for (int32_t i = 0; i < {batch}; i++) {{")
    ctx.line(
        f"    ek_matmul_f32({pa} + i * {m * k}, {pb} + i * {k * n}, {py} + i * {m * n}, {m}, {k}, {n});"
    )
    ctx.line("}")


def check_matmul(node: ir.Node) -> list[Problem]:
    """At least 2-D operands, whose leading dimensions are equal or all 1 in the second."""
    a, b = dims(node.inputs[0]), dims(node.inputs[1])
    same = a[:-2] == b[:-2] or all(d == 1 for d in b[:-2])
    if len(a) < 2 or len(b) < 2 or not same:
        return [
            Problem(
                where(node),
                f"operands {a} and {b}",
                "equal leading dimensions",
                "reshape before the product",
            )
        ]
    return []


def _rows(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[-2], shape[-1]
