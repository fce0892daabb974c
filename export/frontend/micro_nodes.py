"""The nodes of TFLM's audio front end before a network."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.micro_tables import (
    FEATURE_UNIT,
    LEVEL_DIVISOR,
    LEVEL_FACTOR,
    LEVEL_HALF,
    LEVEL_SCALE,
    LEVEL_ZERO,
    band_matrix,
    window_table,
)
from edgekit.export.frontend.features import Features
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import array_of, static_shape

HISTORY, NOISE, STACK = "micro_history", "micro_noise", "feature_history"
NEAR_SCALE = 0.05  # how far a scale may be from that of the device's levels


def frames_of_input(value: ir.Value, bands: int) -> int:
    """Return how many frames an input has, 1 where its size is not that of frames."""
    frames, rest = divmod(math.prod(static_shape(value) or (0,)), bands)
    return 1 if rest or not frames else frames


def append_micro(
    new: FrontendWriter, parts: Sequence[ir.Value], length: int, features: Features
) -> ir.Value:
    """Return the features (frames or stacked frames, bands) int32 of steps of PCM, (1, step) each."""
    step = (static_shape(parts[0]) or (1, 1))[1]
    history = new.state(HISTORY, (1, length - step), ir.DataType.INT16)
    noise = new.state(NOISE, (features.bands,), ir.DataType.INT32)
    tables = [
        new.constant("micro_window", window_table(length).astype(np.int16)),
        new.constant("micro_bands", band_matrix(features.bands).astype(np.int16)),
    ]
    past, estimate, rows = history, noise, []
    for index, part in enumerate(parts):
        shapes = {
            f"micro_{index}": (1, features.bands),
            f"micro_kept_{index}": (1, length - step),
            f"micro_estimate_{index}": (features.bands,),
        }
        row, past, estimate = new.node("MicroFrontend", [part, past, estimate, *tables], shapes)
        past.dtype = ir.DataType.INT16
        row.dtype = estimate.dtype = ir.DataType.INT32
        rows.append(row)
    new.follow(history, past)
    new.follow(noise, estimate)
    value = new.concat(rows, "micro", (len(rows), features.bands), 0)
    return value if features.stack is None else _append_stack(new, value, features.stack)


def _append_stack(new: FrontendWriter, value: ir.Value, count: int) -> ir.Value:
    """Return the last `count` frames (count, bands), of which those of `value` are the newest."""
    frames, bands = static_shape(value) or (1, 1)
    if frames == count:
        return value
    past = new.state(STACK, (count - frames, bands), ir.DataType.INT32)
    (every,) = new.node("Concat", [past, value], {"stack": (count, bands)}, axis=0)
    following = new.slice(every, "stack_kept", 0, frames, count)
    new.follow(past, following)
    return every


def append_real_features(new: FrontendWriter, value: ir.Value, source: ir.Value) -> ir.Value:
    """Return features as the network's input `source` has them, float32.

    An input in int8 at the scale of the device's levels gets these levels, as ESPHome and TFLM compute them.
    Another one gets the features times 10 / 256, as the networks' training has them.
    """
    shape, grid = static_shape(value) or (), _level_grid(source)
    if grid is None:
        (real,) = new.node("Cast", [value], {"micro_float": shape}, to=int(ir.DataType.FLOAT))
        unit = new.constant("micro_unit", np.float32(FEATURE_UNIT))
        return new.node("Mul", [real, unit], {"micro_features": shape})[0]

    def whole(op: str, x: ir.Value, number: int, name: str) -> ir.Value:
        operand = new.constant(f"{name}_number", np.array(number, np.int32))
        (made,) = new.node(op, [x, operand], {name: shape})
        made.dtype = ir.DataType.INT32
        return made

    scaled = whole("Mul", value, LEVEL_FACTOR, "micro_scaled")
    halved = whole("Add", scaled, LEVEL_HALF, "micro_halved")
    above = whole("Div", halved, LEVEL_DIVISOR, "micro_above")
    level = whole("Min", whole("Add", above, LEVEL_ZERO, "micro_level"), 127, "micro_bounded")
    (levels,) = new.node("Cast", [level], {"micro_levels": shape}, to=int(ir.DataType.INT8))
    levels.dtype = ir.DataType.INT8
    operands = [
        new.constant(f"micro_{name}", array)
        for name, array in zip(("scale", "zero"), grid, strict=True)
    ]
    return new.node("DequantizeLinear", [levels, *operands], {"micro_features": shape})[0]


def _level_grid(source: ir.Value) -> tuple[Array, Array] | None:
    """Return scale and zero point of an int8 input that takes the device's levels; None of another one."""
    for node in source.consumers():
        if node.op_type == "QuantizeLinear" and len(node.inputs) == 3:
            scale, zero = (array_of(value) for value in node.inputs[1:])
            if scale is not None and zero is not None and _is_level_grid(scale, zero):
                return scale, zero
    return None


def _is_level_grid(scale: Array, zero: Array) -> bool:
    if scale.size != 1 or zero.dtype != np.int8 or int(zero.ravel()[0]) != LEVEL_ZERO:
        return False
    return abs(float(scale.ravel()[0]) / LEVEL_SCALE - 1) < NEAR_SCALE
