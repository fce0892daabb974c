"""A bank of oscillators: the phase is kept as whole numbers, without rounding."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import align_streams
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import attribute

DIGIT = 64  # of one step of the division: digit * rate is exact in float32 up to this,
HIGHEST = 2**18  # rate
PART = DIGIT**2  # of the phase in a state: a hop's sum of parts is exact up to
LONGEST = 2**24 // PART  # samples
PARTS = 4  # 48 bits of a turn


class _Exact:
    """Emits operators that stay in float; numbers become constants."""

    def __init__(self, new: HopGraph, name: str) -> None:
        self.new, self.name = new, name

    def __call__(self, op_type: str, *operands: ir.Value | float) -> ir.Value:
        label = f"{self.name}.{op_type.lower()}"
        values = [
            self.new.constant(operand, f"{label}.number") if isinstance(operand, float) else operand
            for operand in operands
        ]
        return self.new.exact(self.new.one(label, op_type, *values))


def oscillators(writer: Rewriter, node: ir.Node) -> None:
    """Keep the phase in `PARTS` states of 12 bits each; a hop adds the cycles of its samples to it.

    The cycles of a sample, pitch / rate, are a long division of whole numbers: quotients of 6 bits, whose
    remainders float32 holds exactly. Phases of harmonics are multiplied with the first part as a whole number.
    """
    name, rate = str(node.name), int(attribute(node, "rate", 0))
    pitch, amplitudes = _operands(writer, node, rate)
    if pitch.delay < 0:
        pitch, amplitudes = (writer.delayed(t, 0, name) for t in (pitch, amplitudes))
    pitch = writer.zeroed(pitch, name, before=True, after=False)
    exact = _Exact(writer.new, name)
    bounded = exact("Min", exact("Max", pitch.value, 0.0), rate / 2)
    phase = _phase_parts(writer, node, exact, _pitch_digits(exact, bounded, rate), pitch.frames)
    result = _waves(exact, phase, bounded, amplitudes, rate)
    writer.set(node.outputs[0], result, pitch.delay, pitch, amplitudes, node=node)


def _operands(writer: Rewriter, node: ir.Node, rate: int) -> tuple[Track, Track]:
    """Return the streams of pitch and amplitudes, at one delay."""
    tracks = align_streams(writer, node)
    pitch, amplitudes = (tracks.get(value) for value in node.inputs if value is not None)
    if pitch is None or amplitudes is None or {pitch.axis, amplitudes.axis} != {2}:
        raise StreamingRefused(
            "its pitch or amplitudes are no streams", "(1, n, time)", "give both over time"
        )
    if pitch.shape[0] != 1 or not 0 < rate < HIGHEST or pitch.frames > LONGEST:
        found = f"a batch of {pitch.shape[0]}, rate {rate}, {pitch.frames} samples in a hop"
        allowed = (  # a rewrite is proven at three times the hop
            f"a batch of 1, a rate below {HIGHEST}, a hop of at most {LONGEST // 3} samples"
        )
        raise StreamingRefused(found, allowed, "choose a smaller hop")
    return pitch, amplitudes


def _phase_parts(
    writer: Rewriter, node: ir.Node, exact: _Exact, turns: Sequence[ir.Value], frames: int
) -> list[ir.Value]:
    """Return the phase of each sample of the hop in parts, the highest first; carries go to the next higher part."""
    new, name = writer.new, str(node.name)
    axis = new.constant(2, f"{name}.axis", np.int64)
    sums = [new.exact(new.one(f"{name}.sums", "CumSum", part, axis)) for part in turns]
    carried: ir.Value | None = None
    phase: list[ir.Value] = []
    for number in reversed(range(PARTS)):
        state = writer.state(node.outputs[0], f"{name}.phase{number}", (1, 1, 1))
        total = exact("Add", sums[number], state)
        total = total if carried is None else exact("Add", total, carried)
        carried = exact("Floor", exact("Mul", total, 1 / PART))
        rest = exact("Sub", total, exact("Mul", carried, float(PART)))
        new.carry(state, new.slice(rest, 2, frames - 1, frames, f"{name}.keep"))
        phase.insert(0, rest)
    return phase


def _waves(
    exact: _Exact, phase: Sequence[ir.Value], pitch: ir.Value, amplitudes: Track, rate: int
) -> ir.Value:
    """Return the sum of the harmonics below half the rate."""
    new, name, count = exact.new, exact.name, amplitudes.shape[1]
    harmonic = new.constant(np.arange(1, count + 1).reshape(1, -1, 1), f"{name}.harmonics")
    fine = exact("Add", exact("Mul", phase[2], 1 / PART), phase[1])
    whole = exact("Mul", harmonic, phase[0])
    turned = exact("Mul", exact("Floor", exact("Mul", whole, 1 / PART)), float(PART))
    rest = exact("Sub", whole, turned)
    behind = exact("Mul", exact("Mul", harmonic, fine), 1 / PART)
    turns = exact("Mul", exact("Add", rest, behind), 1 / PART)
    near = exact("Sub", turns, exact("Floor", exact("Add", turns, 0.5)))
    wave = exact("Sin", exact("Mul", near, 2 * np.pi))
    heard = exact("Less", exact("Mul", harmonic, pitch), rate / 2)
    silent = new.constant(0, f"{name}.silent")
    kept = new.one(f"{name}.kept", "Where", heard, amplitudes.value, silent)
    played = new.one(f"{name}.played", "Mul", kept, wave)
    channels = new.constant([1], f"{name}.channels", np.int64)
    return new.one(name, "ReduceSum", played, channels, keepdims=1)


def _pitch_digits(exact: _Exact, pitch: ir.Value, rate: int) -> list[ir.Value]:
    """Return pitch / rate in digits of base `PART`: whole numbers; smaller digits are cut off."""
    digits, rest = [], pitch
    for _ in range(2 * PARTS):
        wide = exact("Mul", rest, float(DIGIT))
        digit = exact("Floor", exact("Mul", wide, float(np.float32(1 / rate))))
        rest = exact("Sub", wide, exact("Mul", digit, float(rate)))
        # the product above is rounded: the digit may be one too large or too small
        low = exact("Floor", exact("Mul", rest, float(np.float32(1 / rate))))
        below = exact("Min", exact("Max", low, -1.0), 1.0)
        digit = exact("Add", digit, below)
        rest = exact("Sub", rest, exact("Mul", below, float(rate)))
        digits.append(digit)
    return [
        exact("Add", exact("Mul", high, float(DIGIT)), low)
        for high, low in zip(digits[::2], digits[1::2], strict=True)
    ]


RULES = (StreamingRule("Oscillators", oscillators, domain=FRONTEND_DOMAIN),)
