"""TFLM's audio front end, ``micro:WINDOW:STEP:BANDS``: its text, and its nodes before a network."""

import math
import re
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.micro_tables import (
    FEATURE_UNIT,
    HALF,
    HIGH_HZ,
    LEVEL_DIVISOR,
    LEVEL_FACTOR,
    LEVEL_HALF,
    LEVEL_SCALE,
    LEVEL_ZERO,
    LOW_HZ,
    POINTS,
    SAMPLE_RATE,
    band_matrix,
    window_table,
)
from edgekit.export.frontend.features import MAX_FRAMES, Features
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import array_of, static_shape

MICRO = "micro"
FORM = "micro:WINDOW:STEP:BANDS[:stack:FRAMES[:EVERY]], in ms"
HISTORY, NOISE, STACK = "micro_history", "micro_noise", "feature_history"
SAMPLES_PER_MS = SAMPLE_RATE // 1000
WINDOWS_MS = (HALF // SAMPLES_PER_MS + 1, POINTS // SAMPLES_PER_MS)  # that one transform takes
MOST_BANDS = 128
NEAR_SCALE = 0.05  # how far a scale may be from that of the device's levels
_Problems = list[tuple[str, str, str]]  # part, what was found, what is allowed


def parse_micro(match: re.Match[str]) -> tuple[int, int, Features, _Problems]:
    """Return the samples of a window and of a step, the features, and all problems of the text."""
    window_ms, step_ms, bands = (int(match[n]) for n in (1, 2, 3))
    stack = int(match[4]) if match[4] else None
    every = int(match[5]) if match[5] else 1
    made = Features(MICRO, bands, low=LOW_HZ, high=HIGH_HZ, stack=stack, every=every)
    problems = []
    least, most = WINDOWS_MS
    if not least <= window_ms <= most:
        problems.append(("WINDOW", f"{window_ms} ms", f"{least} to {most} ms"))
    if not 1 <= step_ms < window_ms:
        problems.append(("STEP", f"{step_ms} ms", "1 ms or more, less than WINDOW"))
    if not 2 <= bands <= MOST_BANDS:
        problems.append(("BANDS", str(bands), f"2 to {MOST_BANDS}"))
    if stack is not None and not 1 <= every <= stack <= MAX_FRAMES:
        found = f"{stack}:{every}"
        problems.append(("stack:FRAMES:EVERY", found, f"1 <= EVERY <= FRAMES <= {MAX_FRAMES}"))
    return window_ms * SAMPLES_PER_MS, step_ms * SAMPLES_PER_MS, made, problems


def rate_problems(sample_rate: int | None) -> _Problems:
    """Return the problem of another sample rate than that of the tables."""
    if sample_rate in (None, SAMPLE_RATE):
        return []
    return [("--sample-rate", f"{sample_rate} Hz", f"{SAMPLE_RATE} Hz, the rate of its tables")]


def micro_text(length: int, hop: int, features: Features) -> str:
    """Return the text that `parse_micro` reads back."""
    numbers = [length // SAMPLES_PER_MS, hop // SAMPLES_PER_MS, features.bands]
    stack = [] if features.stack is None else ["stack", features.stack, features.every]
    return ":".join(map(str, [MICRO, *numbers, *stack]))


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
