"""TFLM's audio front end."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Int16
from edgekit.base.errors import Problem
from edgekit.base.micro_tables import POINTS, gain_table, log_table, twiddles
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, node_label, size
from edgekit.targets.c.plan.storage import Traits

WINDOW, MATRIX = 3, 4  # the constant operands


def traits(node: ir.Node) -> Traits:
    """Samples and noise estimates are updated in place; sums and the transform are work space."""
    return Traits(updates=((1, 1), (2, 2)), scratch=8 * (size(node.inputs[2]) + 1) + 2 * POINTS)


def check(node: ir.Node) -> list[Problem]:
    """The tables are constants, of two bands a bin."""
    window, matrix = constant(node.inputs[WINDOW]), constant(node.inputs[MATRIX])
    if window is not None and matrix is not None and _share_bins(matrix):
        return []
    allowed = "constant ones, where a bin lies in one band or in two that follow each other"
    return [Problem(node_label(node), "these tables", allowed, "use --frontend micro")]


def _share_bins(matrix: Array) -> bool:
    return all(np.ptp(bands) <= 1 for row in matrix if (bands := np.flatnonzero(row)).size)


def bin_table(matrix: Array) -> Int16:
    """Return (257, 3): the first band of a bin, its weight there and in the next band."""
    table = np.zeros((len(matrix), 3), np.int16)
    for place, row in enumerate(matrix):
        if (bands := np.flatnonzero(row)).size:
            first = bands[0]
            table[place] = first, row[first], row[first + 1] if first + 1 < row.size else 0
    return table


def emit(ctx: Context, node: ir.Node) -> None:
    """One frame."""
    pcm, history, noise = node.inputs[:3]
    features, next_history, next_noise = node.outputs
    assert pcm is not None and history is not None and noise is not None
    window, matrix = constant(node.inputs[WINDOW]), constant(node.inputs[MATRIX])
    assert window is not None and matrix is not None
    ctx.copy(history, next_history)
    ctx.copy(noise, next_noise)
    tables: dict[str, Array] = {
        "micro_window": window.astype(np.int16),
        "micro_bins": bin_table(matrix),
        "micro_turns": twiddles().astype(np.int16),
        "micro_gains": gain_table().astype(np.int32),
        "micro_logs": log_table().astype(np.int16),
    }
    ctx.call(
        "ek_micro_frontend",
        *(ctx.pointer(value) for value in (pcm, next_history, next_noise)),
        *(ctx.constant(name, array) for name, array in tables.items()),
        ctx.pointer(features),
        window.size,
        size(pcm),
        size(noise),
        ctx.scratch(node, "uint64_t"),
    )
