"""The PCM front end: STFT, ISTFT and the guard against NaN and infinity."""

import onnx_ir as ir

from edgekit.errors import Problem
from edgekit.quantize.arith_fft import fft_tables
from edgekit.quantize.geometry import dims
from edgekit.targets.c.emit.base import Context, float_literal, size, where
from edgekit.targets.c.plan import Traits

SCRATCH_BYTES = 12  # EK_STFT_F32_SCRATCH, EK_ISTFT_F32_SCRATCH: bytes per point


def traits_frame(node: ir.Node) -> Traits:
    """History and overlap (input 1) become output 1 in place."""
    return Traits(updates=((1, 1),), scratch=SCRATCH_BYTES * _points(node))


def _points(node: ir.Node) -> int:
    return size(node.inputs[2])


def emit_stft(ctx: Context, node: ir.Node) -> None:
    """One analysis frame."""
    _emit_frame(ctx, node, "ek_stft_f32", size(node.inputs[0]))


def emit_istft(ctx: Context, node: ir.Node) -> None:
    """One synthesis frame."""
    _emit_frame(ctx, node, "ek_istft_f32", size(node.outputs[0]))


def _emit_frame(ctx: Context, node: ir.Node, kernel: str, hop: int) -> None:
    n = _points(node)
    old, new = node.inputs[1], node.outputs[1]
    assert old is not None
    ctx.copy(old, new)
    tables = ctx.constant(f"fft_{n}", fft_tables(n))
    ctx.call(
        kernel, ctx.pointer(node.inputs[0]), ctx.pointer(new), ctx.pointer(node.inputs[2]),
        ctx.pointer(node.outputs[0]), tables, n, hop, ctx.scratch(node, "float"),
    )  # fmt: skip


def check_frame(node: ir.Node) -> list[Problem]:
    """The transform's length has no prime factor above 5."""
    n = rest = dims(node.inputs[2])[0]
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    if rest != 1 or n % 2:
        return [
            Problem(
                where(node),
                f"{n} points",
                "an even product of 2, 3 and 5",
                "use such an N_FFT, as 512",
            )
        ]
    return []


def emit_finite(ctx: Context, node: ir.Node) -> None:
    """NaN, infinity and what exceeds the limit read as 0."""
    limit = float_literal(node.attributes["limit"].as_float())
    x, y = node.inputs[0], node.outputs[0]
    ctx.call("ek_finite_f32", ctx.pointer(x), ctx.pointer(y), size(x), limit)
