"""The PCM front end: STFT, ISTFT, the inverse transform alone, and the guard against NaN and infinity."""

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.export.passes.canonical_forms.spectral import is_fast
from edgekit.operators.geometry import dims
from edgekit.operators.roles import constant
from edgekit.operators.spectral.twin import fft_tables
from edgekit.targets.c.emit.base import Context, node_label, size
from edgekit.targets.c.plan.storage import Traits

RFFT_BYTES = 8  # EK_RFFT_F32_SCRATCH, EK_IRFFT_F32_SCRATCH: bytes per point
SCRATCH_BYTES = 12  # EK_STFT_F32_SCRATCH, EK_ISTFT_F32_SCRATCH: bytes per point


def traits_frame(node: ir.Node) -> Traits:
    """History and overlap (input 1) become output 1 in place."""
    return Traits(updates=((1, 1),), scratch=SCRATCH_BYTES * _points(node))


def traits_irfft(node: ir.Node) -> Traits:
    """Work space of one transform."""
    return Traits(scratch=RFFT_BYTES * _points(node))


def _points(node: ir.Node) -> int:
    """Return N_FFT: the window's length, or that of the samples without a window."""
    return size(node.inputs[2] if len(node.inputs) == 3 else node.outputs[0])


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
        kernel,
        ctx.pointer(node.inputs[0]),
        ctx.pointer(new),
        ctx.pointer(node.inputs[2]),
        ctx.pointer(node.outputs[0]),
        tables,
        n,
        hop,
        ctx.scratch(node, "float"),
    )


def check_frame(node: ir.Node) -> list[Problem]:
    """The transform's length has no prime factor above 5."""
    n = rest = _points(node)
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    if rest != 1 or n % 2:
        return [
            Problem(
                node_label(node),
                f"{n} points",
                "an even product of 2, 3 and 5",
                "use such an N_FFT, as 512",
            )
        ]
    return []


def emit_irfft(ctx: Context, node: ir.Node) -> None:
    """The samples of one spectrum."""
    n = _points(node)
    tables = ctx.constant(f"fft_{n}", fft_tables(n))
    ctx.call(
        "ek_irfft_f32",
        ctx.pointer(node.inputs[0]),
        ctx.pointer(node.outputs[0]),
        tables,
        n,
        ctx.scratch(node, "float"),
    )


def emit_dft(ctx: Context, node: ir.Node) -> None:
    """Real, one-sided transforms of the last but one axis."""
    x, y = node.inputs[0], node.outputs[0]
    n = dims(x)[-2]
    rows = size(x) // n
    tables, scratch = ctx.constant(f"fft_{n}", fft_tables(n)), ctx.scratch(node, "float")
    px, py = ctx.pointer(x), ctx.pointer(y)
    ctx.line(f"for (int32_t i = 0; i < {rows}; i++) {{")
    ctx.call("ek_rfft_f32", f"{px} + i * {n}", f"{py} + i * {n + 2}", tables, n, scratch)
    ctx.line("}")


def traits_dft(node: ir.Node) -> Traits:
    """Work space of one transform."""
    return Traits(scratch=RFFT_BYTES * dims(node.inputs[0])[-2])


def check_dft(node: ir.Node) -> list[Problem]:
    """The import leaves only real, one-sided transforms of fast lengths, and those it cannot rewrite."""
    x = dims(node.inputs[0])
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        axis = constant(node.inputs[2])
        moved = axis is None or int(axis.ravel()[0]) % len(x) != len(x) - 2
    else:
        moved = False
    if moved or (len(node.inputs) > 1 and node.inputs[1] is not None) or not is_fast(node, x[-2]):
        allowed = "real or complex, of constant length and axis"
        return [Problem(node_label(node), "this transform", allowed, "use one of these")]
    return []
