"""The front end of MLPerf Tiny's streaming wake word: ``mlperf``, for networks that were trained behind it.

A pre-emphasis runs over the stream. 40 mel bands of a spectrum of 1,024 samples every 512 follow, in dB, scaled to 0..1
(mlcommons/tiny, benchmark/training/streaming_wakeword/get_dataset.py).
"""

import re

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.features import FLOOR, MAX_FRAMES, Features, Matrix
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import static_shape

MLPERF = "mlperf"
FORM = "mlperf[:stack:FRAMES[:EVERY]]"
SAMPLE_RATE, LENGTH, HOP, BANDS = 16000, 1024, 512, 40
WINDOW = "hamming_sym"
PAST = "emphasis_history"
EMPHASIS = 1 - 2**-5
OFFSET_DB, RANGE_DB = 52.0, 64.0
_Problems = list[tuple[str, str, str]]  # part, what was found, what is allowed


def parse_mlperf(match: re.Match[str]) -> tuple[Features, _Problems]:
    """Return the features of a text, and what is wrong with it."""
    stack = int(match[1]) if match[1] else None
    every = int(match[2]) if match[2] else 1
    made = Features(MLPERF, BANDS, MLPERF, "tf", stack=stack, every=every)
    if stack is None or 1 <= every <= stack <= MAX_FRAMES:
        return made, []
    allowed = f"1 <= EVERY <= FRAMES <= {MAX_FRAMES}"
    return made, [("stack:FRAMES:EVERY", f"{stack}:{every}", allowed)]


def mlperf_text(_length: int, _hop: int, features: Features) -> str:
    """Return the text that `parse_mlperf` reads back; the frames are always the same."""
    stack = [] if features.stack is None else ["stack", features.stack, features.every]
    return ":".join(map(str, [MLPERF, *stack]))


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
    shape, value = static_shape(level) or (), level
    lowest = 10 * np.log10(FLOOR) + OFFSET_DB
    for op, name, number in (
        ("Add", "level_offset", lowest),
        ("Mul", "level_scale", 1 / RANGE_DB),
        ("Max", "level_least", 0.0),
        ("Min", "level_most", 1.0),
    ):
        operand = new.constant(name, np.float32(number))
        (value,) = new.node(op, [value, operand], {f"{name}_applied": shape})
    return value
