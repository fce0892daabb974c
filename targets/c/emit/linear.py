"""Gemm and MatMul."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import Problem
from edgekit.operators.geometry import dims, matmul_shapes, optional
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    array_attribute,
    int_attribute,
    int_attributes,
    int_kernel,
    node_label,
    size,
)
from edgekit.targets.c.emit.epilogue import epilogue_arguments
from edgekit.targets.c.emit.filter_banks import emit_bands
from edgekit.targets.c.emit.kernels import Kernel, Selection
from edgekit.targets.c.loops.strides import broadcast, index, merge, nest
from edgekit.targets.c.packing.filter_banks import bands_of
from edgekit.targets.c.packing.sparse import sparse_layer
from edgekit.targets.c.plan.storage import item_bytes


def emit_gemm_int(ctx: Context, node: ir.Node) -> None:
    """Integer fully connected layer."""
    ctx.emit(GEMM_KERNELS, node)


def _emit_fc_int(ctx: Context, node: ir.Node) -> None:
    emit_rows_int(ctx, node, *(array_attribute(node, a) for a in ("w", "bias", "mult", "shift")))


def emit_rows_int(
    ctx: Context,
    node: ir.Node,
    w: NDArray[np.generic],
    bias: NDArray[np.generic],
    mult: NDArray[np.generic],
    shift: NDArray[np.generic],
) -> None:
    """Emit a call of ``ek_fc`` with w (outputs, inputs), sparse where it keeps a pattern that pays."""
    x, y = node.inputs[0], node.outputs[0]
    n, k = w.shape
    (pattern,) = ctx.patterns(node, {"w": w}, [8 * item_bytes(x)], size(x) // k)
    kernel = int_kernel("ek_fc", node, sparse=pattern is not None)
    arrays = ctx.weights(node, kernel, {"w": w, "bias": bias}, patterns=[pattern])
    arrays += [ctx.constant(f"{node.name}_{a}", v) for a, v in (("mult", mult), ("shift", shift))]
    numbers = int_attributes(node, *LIMITS)
    ctx.call(kernel, ctx.pointer(x), *arrays, *numbers, ctx.pointer(y), size(x) // k, k, n)


def keeps_pattern(
    selection: Selection, node: ir.Node, w: NDArray[np.generic], positions: int
) -> bool:
    """Whether rows (outputs, inputs) keep an N:M pattern that pays for this number of multiplied vectors."""
    bits = 8 * item_bytes(node.inputs[0])
    _, pattern = sparse_layer(selection.packing, str(node.name), "w", w, bits, positions)
    return pattern is not None and not selection.dense


def _is_sparse(selection: Selection, node: ir.Node) -> bool:
    w = array_attribute(node, "w")
    return keeps_pattern(selection, node, w, size(node.inputs[0]) // w.shape[1])


GEMM_KERNELS = (
    Kernel(partial(int_kernel, "ek_fc", sparse=True), _emit_fc_int, _is_sparse),
    Kernel(partial(int_kernel, "ek_fc"), _emit_fc_int),
)


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
    if (bands := bands_of(w)) is not None:
        start = None if bias is None else b
        emit_bands(
            ctx, str(node.name), bands, ctx.pointer(x), ctx.pointer(y), start, size(x) // k, k
        )
        return
    ctx.call(
        "ek_fc_f32",
        ctx.pointer(x),
        *ctx.weights(node, "ek_fc_f32", {"w": w}),
        b,
        *epilogue_arguments(ctx, node),
        ctx.pointer(y),
        size(x) // k,
        k,
        n,
    )


def check_gemm(node: ir.Node) -> list[Problem]:
    """Constant 2-D weights and bias of one row; alpha and beta 1; no transposed input."""
    found = []
    w, bias = constant(node.inputs[1]), optional(node, 2)
    if w is None or (bias is not None and constant(bias) is None):
        found.append(("computed weights", "constant weights", "use MatMul"))
    elif bias is not None and size(bias) not in (1, w.shape[not int_attribute(node, "transB", 0)]):
        found.append((f"bias {dims(bias)}", "one row", "add it after the Gemm"))
    scales = [a.as_float() for n in ("alpha", "beta") if (a := node.attributes.get(n)) is not None]
    if any(s != 1.0 for s in scales) or int_attribute(node, "transA", 0):
        found.append(("alpha, beta or transA", "1, 1 and 0", "fold them into the weights"))
    return [Problem(node_label(node), *parts) for parts in found]


def macs_gemm(node: ir.Node) -> int:
    """Rows * k * n, of a banded matrix less."""
    w = constant(node.inputs[1])
    if w is not None:
        w = w.T if int_attribute(node, "transB", 0) else w
        if (bands := bands_of(w)) is not None:
            return size(node.inputs[0]) // len(w) * bands.weights.size
    return size(node.outputs[0]) * dims(node.inputs[0])[-1]


def emit_matmul(ctx: Context, node: ir.Node) -> None:
    """Float product of two tensors."""
    x, w, y = node.inputs[0], constant(node.inputs[1]), node.outputs[0]
    if w is not None and (bands := bands_of(w)) is not None and constant(x) is None:
        rows = size(x) // len(w)
        emit_bands(ctx, str(node.name), bands, ctx.pointer(x), ctx.pointer(y), None, rows, len(w))
        return

    def call(a: str, b: str, y: str, sizes: str) -> str:
        return f"ek_matmul_f32({a}, {b}, {y}, {sizes});"

    _emit_products(ctx, node, "ek_matmul_f32", call)


def emit_matmul_int(ctx: Context, node: ir.Node) -> None:
    """Integer product of two tensors."""
    kernel = int_kernel("ek_matmul", node)
    a_zero, b_zero = int_attribute(node, "a_zero"), int_attribute(node, "b_zero")
    names = ("mult", "shift", "y_zero", "y_min", "y_max")
    numbers = ", ".join(str(int_attribute(node, name)) for name in names)

    def call(a: str, b: str, y: str, sizes: str) -> str:
        return f"{kernel}({a}, {a_zero}, {b}, {b_zero}, {numbers}, {y}, {sizes});"

    _emit_products(ctx, node, kernel, call)


def _emit_products(
    ctx: Context, node: ir.Node, kernel: str, call: Callable[[str, str, str, str], str]
) -> None:
    """Emit one call per block: leading dimensions are broadcast, a vector is a row or a column."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    left, right, batch = matmul_shapes(dims(a), dims(b))
    m, k, n = left[-2], left[-1], right[-1]
    pa, pb, py = ctx.pointer(a), ctx.pointer(b), ctx.pointer(y)
    ctx.kernels.add(kernel)
    if size(b) == k * n:
        ctx.line(call(pa, pb, py, f"{size(a) // k}, {k}, {n}"))
        return
    blocks = ((left, m * k), (right, k * n), ((*batch, m, n), m * n))
    strides = [
        tuple(step * block for step in broadcast(shape[:-2], batch)) for shape, block in blocks
    ]
    loops = merge(batch, strides)
    at = [f"{p} + {index(loops, i)}" if loops else p for i, p in enumerate((pa, pb, py))]
    for text in nest(loops, [call(at[0], at[1], at[2], f"{m}, {k}, {n}")]):
        ctx.line(text)


def macs_matmul(node: ir.Node) -> int:
    """Results * k, of a banded matrix less."""
    w = constant(node.inputs[1])
    if w is not None and (bands := bands_of(w)) is not None and constant(node.inputs[0]) is None:
        return size(node.inputs[0]) // len(w) * bands.weights.size
    return size(node.outputs[0]) * dims(node.inputs[0])[-1]
