"""The nodes of MLPerf Tiny's streaming features that other features do not have."""

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.features import FLOOR, Matrix
from edgekit.export.frontend.mlperf import LENGTH
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import static_shape

PAST = "emphasis_history"
EMPHASIS = 1 - 2**-5
OFFSET_DB, RANGE_DB = 52.0, 64.0


def append_emphasis(new: FrontendWriter, pcm: ir.Value) -> ir.Value:
    """Return ``x[n] - (1 - 2^-5) x[n - 1]`` of PCM (1, samples)."""
    shape = static_shape(pcm) or (1, 1)
    past = new.state(PAST, (1, 1))
    earlier = new.slice(pcm, "emphasis_earlier", 1, 0, shape[1] - 1)
    before = new.concat([past, earlier], "emphasis_before", shape, 1)
    factor = new.constant("emphasis", np.float32(EMPHASIS))
    (part,) = new.node("Mul", [before, factor], {"emphasis_part": shape})
    new.follow(past, new.slice(pcm, "emphasis_last", 1, shape[1] - 1, shape[1]))
    return new.node("Sub", [pcm, part], {"emphasized": shape})[0]


def scaled_bank(bank: Matrix) -> Matrix:
    """Return the weights of powers |X|^2 in bands, so that the least power that counts is 1."""
    return bank / (LENGTH * FLOOR)


def append_scaled_level(new: FrontendWriter, level: ir.Value) -> ir.Value:
    """Return dB above the floor as numbers from 0 to 1."""
    lowest = 10 * np.log10(FLOOR) + OFFSET_DB
    value = _with_constant(new, "Add", level, "level_offset", lowest)
    value = _with_constant(new, "Mul", value, "level_scale", 1 / RANGE_DB)
    value = _with_constant(new, "Max", value, "level_least", 0.0)
    return _with_constant(new, "Min", value, "level_most", 1.0)


def _with_constant(
    new: FrontendWriter, op: str, value: ir.Value, name: str, number: float
) -> ir.Value:
    """Return the result of an operator on a value and a constant."""
    operand = new.constant(name, np.float32(number))
    return new.node(op, [value, operand], {f"{name}_applied": static_shape(value) or ()})[0]
