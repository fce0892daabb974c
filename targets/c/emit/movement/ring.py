"""Rings of frames, (length, frame): frames that come in, and blocks of frames that are read."""

from math import prod

import onnx_ir as ir

from edgekit.operators.geometry import dims, matmul_shapes
from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    array_attribute,
    int_attribute,
    int_attributes,
    int_kernel,
    size,
)
from edgekit.targets.c.loops.strides import Loops, broadcast, contiguous, index, merge, nest
from edgekit.targets.c.plan.storage import Traits
from edgekit.targets.c.rewrite.dense_frames import POSITIONS
from edgekit.targets.c.rewrite.products import DOTS


def traits_push(_: ir.Node) -> Traits:
    """Ring and place change in place."""
    return Traits(updates=((1, 0), (2, 1)))


def emit_push(ctx: Context, node: ir.Node) -> None:
    """New frames over the oldest ones; the place then is that of the oldest frame."""
    outer, inner, fresh, length = int_attributes(node, "outer", "inner", "fresh", "length")
    x, ring, place = node.inputs
    assert x is not None and ring is not None and place is not None
    ctx.copy(ring, node.outputs[0])
    ctx.copy(place, node.outputs[1])
    source, to, at = ctx.pointer(x), *map(ctx.pointer, node.outputs)
    size = outer * inner
    # a damaged position must not lead out of the ring, nor a block of frames over its end
    between = f" || *{at} % {fresh} != 0" if fresh > 1 else ""
    ctx.line(f"if ((uint32_t)*{at} > {length - fresh}u{between}) {{")
    ctx.line(f"    *{at} = 0;")
    ctx.line("}")
    if fresh == 1 or outer == 1:
        ctx.line(f"memcpy({to} + *{at} * {size}, {source}, {fresh * size} * sizeof *{to});")
    else:
        loops: Loops = [(fresh, (size, inner)), (outer, (inner, fresh * inner)), (inner, (1, 1))]
        body = f"{to}[*{at} * {size} + {index(loops, 0)}] = {source}[{index(loops, 1)}];"
        for line in nest(loops, [body]):
            ctx.line(line)
    ctx.line(f"*{at} = *{at} == {length - fresh} ? 0 : *{at} + {fresh};")
    ctx.count_moved(node.outputs[0], fresh * size)


def emit_take(ctx: Context, node: ir.Node) -> None:
    """Blocks of frames of the window that ends with the newest frame."""
    names = ("outer", "inner", "length", "window", "first", "step", "count", "frames")
    outer, inner, length, window, first, step, count, frames = int_attributes(node, *names)
    y = node.outputs[0]
    ring, place = (ctx.pointer(value) for value in node.inputs)
    start = f"*{place} + {length - window + first}"
    loops: Loops = [(outer, (inner, count * frames * inner)), (inner, (1, 1))]
    body = [
        f"const int32_t frame = {start} + b * {step} + f;",
        f"const int32_t at = (frame < {length} ? frame : frame - {length}) * {outer * inner};",
        *nest(
            loops,
            [
                f"{ctx.pointer(y)}[(b * {frames} + f) * {inner} + {index(loops, 1)}] = "
                f"{ring}[at + {index(loops, 0)}];"
            ],
        ),
    ]
    for line in (
        f"for (int32_t b = 0; b < {count}; b++) {{",
        f"    for (int32_t f = 0; f < {frames}; f++) {{",
        *(f"        {text}" for text in body),
        "    }",
        "}",
    ):
        ctx.line(line)
    ctx.count_moved(y, count * frames * outer * inner)


def emit_ring_conv(ctx: Context, node: ir.Node) -> None:
    """A depthwise convolution at one position over frames where they are in the ring."""
    y, ring, place = node.outputs[0], *node.inputs
    taps, channels = int_attribute(node, "count"), _frame(node)
    scaling = [name for name in ("mult", "shift") if name in node.attributes]
    arrays = [
        ctx.constant(f"{node.name}_{name}", array_attribute(node, name))
        if name in node.attributes
        else "NULL"
        for name in ("w", "bias", *scaling)
    ]
    numbers = [int_attribute(node, n) for n in LIMITS if n in node.attributes]
    kernel = int_kernel("ek_frames", node) if scaling else "ek_frames_f32"
    ctx.line("{")
    _find(ctx, node, place, taps, int_attribute(node, "step"))
    ctx.call(kernel, ctx.pointer(ring), "at", *arrays, *numbers, ctx.pointer(y), taps, channels)
    ctx.line("}")


def emit_ring_fc(ctx: Context, node: ir.Node) -> None:
    """A layer over blocks of frames where they are in the ring."""
    y, ring, place = node.outputs[0], *node.inputs
    w, is_int = array_attribute(node, "w"), "mult" in node.attributes
    kernel = int_kernel("ek_frame_fc", node) if is_int else "ek_frame_fc_f32"
    names = _fc_arrays(ctx, node, kernel)
    numbers = int_attributes(node, *LIMITS) if is_int else []
    k, n = w.shape[:0:-1] if is_int else w.shape[1:]
    positions = int_attribute(node, POSITIONS)
    ctx.line("{")
    _find(ctx, node, place, len(w) + positions - 1, int_attribute(node, "step"))
    for i in range(positions):
        at, to = ("at", ctx.pointer(y)) if i == 0 else (f"at + {i}", f"{ctx.pointer(y)} + {i * n}")
        ctx.call(kernel, ctx.pointer(ring), at, *names, *numbers, to, len(w), k, n)
    ctx.line("}")


def _fc_arrays(ctx: Context, node: ir.Node, kernel: str) -> list[str]:
    """Weights, bias and, of integers, scales as the kernel takes them; NULL for a bias that is not there."""
    names = [name for name in ("w", "bias", "mult", "shift") if name in node.attributes]
    count = 2 if "mult" in names else 1  # packed with the weights: the bias of integers
    packed, plain = names[:count], names[count:]
    found = ctx.weights(node, kernel, {name: array_attribute(node, name) for name in packed})
    found += [ctx.constant(f"{node.name}_{n}", array_attribute(node, n)) for n in plain]
    return found if len(names) > 1 else [*found, "NULL"]


def emit_ring_product(ctx: Context, node: ir.Node) -> None:
    """A product with frames where they are in the ring: one call per block of the operands."""
    (a, ring, place), y = node.inputs, node.outputs[0]
    loops, sizes = _product_loops(node)
    pointers = [ctx.pointer(value) for value in (a, ring, y)]
    at = [f"{p} + {index(loops, i)}" if loops else p for i, p in enumerate(pointers)]
    stem = f"ek_frame_{'dots' if node.op_type == DOTS else 'sums'}"
    if "mult" in node.attributes:
        kernel, (a_zero, b_zero) = int_kernel(stem, node), int_attributes(node, "a_zero", "b_zero")
        output = int_attributes(node, "mult", "shift", *LIMITS)
        arguments = [at[0], a_zero, at[1], b_zero, "at", *output, at[2], *sizes]
    else:
        kernel, arguments = f"{stem}_f32", [at[0], at[1], "at", at[2], *sizes]
    ctx.kernels.add(kernel)
    ctx.line("{")
    _find(ctx, node, place, int_attribute(node, "frames"), 1)
    for text in nest(loops, [f"{kernel}({', '.join(map(str, arguments))});"]):
        ctx.line(f"    {text}")
    ctx.line("}")


def _product_loops(node: ir.Node) -> tuple[Loops, tuple[int, int, int]]:
    """Loops over the blocks of a product, with steps in a, the ring and y, and the sizes m, k, n of one."""
    a = node.inputs[0]
    sizes, strides = (list(node.attributes[name].as_ints()) for name in ("sizes", "strides"))
    left, right, batch = matmul_shapes(dims(a), tuple(sizes))
    m, k, n = left[-2], left[-1], right[-1]
    ahead = len(batch) - len(sizes[:-2])
    apart = [step if size > 1 else 0 for size, step in zip(sizes[:-2], strides, strict=False)]
    if prod(sizes[:-2]) == 1:
        batch, m = (), size(a) // k
    steps = (
        [step * m * k for step in broadcast(left[:-2], batch)],
        [0] * ahead + apart,
        [step * m * n for step in contiguous(batch)],
    )
    return merge(batch, steps), (m, k, n)


def _frame(node: ir.Node) -> int:
    return int_attribute(node, "outer") * int_attribute(node, "inner")


def _find(ctx: Context, node: ir.Node, place: ir.Value | None, frames: int, step: int) -> None:
    """Emit the array ``at``: the places in the ring of frames of the window, each `step` after the one before."""
    length, window, first = int_attributes(node, "length", "window", "first")
    start = f"*{ctx.pointer(place)} + {length - window + first}"
    ctx.line(f"    int32_t at[{frames}];")
    ctx.line(f"    for (int32_t t = 0; t < {frames}; t++) {{")
    ctx.line(f"        const int32_t frame = {start} + t * {step};")
    ctx.line(f"        at[t] = (frame < {length} ? frame : frame - {length}) * {_frame(node)};")
    ctx.line("    }")


def macs_ring_conv(node: ir.Node) -> int:
    """Return one multiply-accumulate for each weight, at every position."""
    return array_attribute(node, "w").size * int_attribute(node, POSITIONS, 1)
