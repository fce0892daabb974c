"""Rows that become columns: two loops of a copy that a kernel takes, where blocks in registers are worth a call."""

from typing import TypeVar

import onnx_ir as ir

from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.plan.storage import item_bytes
from edgekit.targets.instruction_sets import Packing, packing_of

KERNELS = {1: "ek_transpose_b8", 2: "ek_transpose_b16", 4: "ek_transpose_b32"}
LEAST, LEAST_EDGE = 64, 4  # elements of a call, and rows and columns
LEAST_COLS = 2  # with the DSP extension or Helium, which have the kernel of bytes
S = TypeVar("S")
Loops = list[tuple[int, tuple[S, ...]]]


def transpose_call_of_loops(
    ctx: Context, y: ir.Value, loops: Loops[S]
) -> tuple[Loops[S], str] | None:
    """What stands for the loops of a copy, whose steps are those of x and of y.

    Returns:
        The loops around a kernel's call, and the call, with x ``{a}`` and y ``{b}``; None where loops are as good.
    """
    level, own = _contiguous(loops), packing_of(ctx.profile.kernels)
    if level is None:
        return None
    (cols, (_, y_step)), (rows, (x_step, _)) = loops[level], loops[-1]
    if not _pays(own, rows, cols, item_bytes(y)):
        return None
    kernel = KERNELS[item_bytes(y)]
    ctx.kernels.add(kernel)
    call = f"{kernel}({{a}}, {{b}}, {rows}, {cols}, {x_step}, {y_step});"
    return [*loops[:level], *loops[level + 1 : -1]], call


def _pays(own: Packing, rows: int, cols: int, size: int) -> bool:
    """Whether an instruction set has a kernel for elements of this number of bytes that takes less time than loops."""
    has_bytes = own.tiles is not None and not own.tiles.fours
    least = LEAST_COLS if has_bytes else LEAST_EDGE
    has_kernel = size == 1 if has_bytes else own.windows and size in KERNELS
    return has_kernel and rows >= LEAST_EDGE and cols >= least and rows * cols >= LEAST


def _contiguous(loops: Loops[S]) -> int | None:
    """The loop along which x is contiguous, if y is so along the innermost one and their steps are numbers."""
    for level, (_, steps) in enumerate(loops[:-1]):
        both = [*steps, *loops[-1][1]]
        if all(isinstance(step, int) and step > 0 for step in both) and both[0] == both[3] == 1:
            return level
    return None
