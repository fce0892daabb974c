"""Rings of frames, (length, frame): frames that come in, and blocks of frames that are read."""

import onnx_ir as ir

from edgekit.targets.c.emit.base import Context, array_attribute, int_attribute, int_kernel
from edgekit.targets.c.emit.loops import Loops, index, nest
from edgekit.targets.c.storage import Traits


def traits_push(_: ir.Node) -> Traits:
    """Ring and place change in place."""
    return Traits(updates=((1, 0), (2, 1)))


def emit_push(ctx: Context, node: ir.Node) -> None:
    """New frames over the oldest ones; the place then is that of the oldest frame."""
    outer, inner, fresh, length = (
        int_attribute(node, name) for name in ("outer", "inner", "fresh", "length")
    )
    x, ring, place = node.inputs
    assert x is not None and ring is not None and place is not None
    ctx.copy(ring, node.outputs[0])
    ctx.copy(place, node.outputs[1])
    source, to, at = ctx.pointer(x), *map(ctx.pointer, node.outputs)
    size = outer * inner
    # a damaged position must not lead out of the ring
    ctx.line(f"if ((uint32_t)*{at} > {length - fresh}u) {{")
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
    outer, inner, length, window, first, step, count, frames = (
        int_attribute(node, name) for name in names
    )
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
    names = ("outer", "inner", "length", "window", "first", "step", "count")
    outer, inner, length, window, first, step, taps = (int_attribute(node, n) for n in names)
    y, channels = node.outputs[0], outer * inner
    ring, place = (ctx.pointer(value) for value in node.inputs)
    scaling = [name for name in ("mult", "shift") if name in node.attributes]
    arrays = [
        ctx.constant(f"{node.name}_{name}", array_attribute(node, name))
        if name in node.attributes
        else "NULL"
        for name in ("w", "bias", *scaling)
    ]
    numbers = [int_attribute(node, n) for n in ("y_zero", "y_min", "y_max") if n in node.attributes]
    ctx.line("{")
    ctx.line(f"    int32_t at[{taps}];")
    ctx.line(f"    for (int32_t t = 0; t < {taps}; t++) {{")
    ctx.line(f"        const int32_t frame = *{place} + {length - window + first} + t * {step};")
    ctx.line(f"        at[t] = (frame < {length} ? frame : frame - {length}) * {channels};")
    ctx.line("    }")
    kernel = int_kernel("ek_frames", node) if scaling else "ek_frames_f32"
    ctx.call(kernel, ring, "at", *arrays, *numbers, ctx.pointer(y), taps, channels)
    ctx.line("}")


def macs_ring_conv(node: ir.Node) -> int:
    """One for each weight."""
    return array_attribute(node, "w").size
