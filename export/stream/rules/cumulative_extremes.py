"""Running maximum, or running logarithm of a sum of exponentials, along time: its last frame is kept."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.export.own_operators.marked_layers import CUM_MAX, LOG_SUM
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN

LOWEST = float(np.finfo(np.float32).min)
NOTHING = -1e30  # the logarithm of so little that it counts nothing
Parts = Sequence[ir.Value]
Join = Callable[[HopGraph, Parts, Parts, str], Parts]


def cum_max(writer: Rewriter, node: ir.Node) -> None:
    """The largest value so far."""
    track = _over_time(writer, node)
    source = writer.zeroed(track, str(node.name), before=True, after=False, fill=LOWEST)
    early = _early(writer, track, LOWEST)
    start = early.max(-1, keepdims=True)
    (largest,) = _stream_running(writer, node, track, [source.value], [start], [LOWEST], _larger)
    writer.set(node.outputs[0], largest, track.delay, track, node=node)


def log_cum_sum_exp(writer: Rewriter, node: ir.Node) -> None:
    """The logarithm of the sum so far: the largest exponent, and the sum as a multiple of its exponential."""
    track, name, new = _over_time(writer, node), str(node.name), writer.new
    source = writer.zeroed(track, name, before=True, after=False, fill=NOTHING)
    early = _early(writer, track, NOTHING)
    most = early.max(-1, keepdims=True)
    starts = [most, np.exp(early - most).sum(-1, keepdims=True) * (most > NOTHING)]
    ones = new.constant(np.ones(track.shape, np.float32), f"{name}.ones")
    parts = [source.value, ones]
    most_now, total = _stream_running(writer, node, track, parts, starts, [NOTHING, 0.0], _log_sum)
    more = new.exact(new.one(f"{name}.log", "Log", total))
    result = new.exact(new.one(name, "Add", most_now, more))
    writer.set(node.outputs[0], result, track.delay, track, node=node)


def _over_time(writer: Rewriter, node: ir.Node) -> Track:
    track = writer.stream(node.inputs[0])
    if track.axis != len(track.shape) - 1:
        raise StreamingRefused(
            "it runs over another axis than time", "one that runs over time", "unroll it"
        )
    return track


def _early(writer: Rewriter, track: Track, nothing: float) -> Float32:
    """Return the known frames, after one frame of the start value."""
    known = writer.known_context(track, max(-track.delay, 0))
    return np.pad(known, [*[(0, 0)] * track.axis, (1, 0)], constant_values=nothing)


def _stream_running(
    writer: Rewriter,
    node: ir.Node,
    track: Track,
    parts: Parts,
    starts: Sequence[Float32],
    fills: Sequence[float],
    join: Join,
) -> Parts:
    """Join all frames of the hop with those before them; the state keeps the last result."""
    new, name, axis = writer.new, str(node.name), track.axis
    shape = (*track.shape[:axis], 1)
    states = [writer.state(node.outputs[0], name, shape) for _ in parts]
    past = [
        new.one(f"{name}.begin", "Where", new.first, new.constant(start, f"{name}.start"), state)
        for start, state in zip(starts, states, strict=True)
    ]
    if track.frames == 1:
        joined = last = join(new, past, parts, name)
    else:
        pairs = zip(past, parts, strict=True)
        whole: Parts = [new.one(f"{name}.whole", "Concat", a, b, axis=axis) for a, b in pairs]
        count, reach = track.frames + 1, 1
        while reach < count:  # in log2(count) steps (Hillis and Steele, 1986)
            shifted = [
                _shift_frames(new, part, axis, count, reach, fill, name)
                for part, fill in zip(whole, fills, strict=True)
            ]
            whole, reach = join(new, shifted, whole, name), 2 * reach
        joined = [new.slice(part, axis, 1, count, f"{name}.frames") for part in whole]
        last = [new.slice(part, axis, count - 1, count, f"{name}.keep") for part in whole]
    for state, part in zip(states, last, strict=True):
        new.carry(state, part)
    return joined


def _shift_frames(
    new: HopGraph, part: ir.Value, axis: int, count: int, reach: int, fill: float, name: str
) -> ir.Value:
    pads = [0] * (2 * axis + 2)
    pads[axis] = reach
    amounts = new.constant(pads, f"{name}.reach", np.int64)
    kept = new.slice(part, axis, 0, count - reach, f"{name}.before")
    return new.one(f"{name}.shifted", "Pad", kept, amounts, new.constant(fill, f"{name}.fill"))


def _larger(new: HopGraph, one: Parts, other: Parts, name: str) -> Parts:
    return [new.exact(new.one(f"{name}.larger", "Max", one[0], other[0]))]


def _log_sum(new: HopGraph, one: Parts, other: Parts, name: str) -> Parts:
    """Return the sum of both, computed as multiples of the larger exponential."""
    (most,) = _larger(new, one, other, name)
    sums = []
    for exponent, total in (one, other):
        apart = new.exact(new.one(f"{name}.apart", "Sub", exponent, most))
        share = new.exact(new.one(f"{name}.share", "Exp", apart))
        sums.append(new.exact(new.one(f"{name}.part", "Mul", share, total)))
    return [most, new.exact(new.one(f"{name}.sum", "Add", *sums))]


RULES = (
    StreamingRule(CUM_MAX, cum_max, domain=FRONTEND_DOMAIN),
    StreamingRule(LOG_SUM, log_cum_sum_exp, domain=FRONTEND_DOMAIN),
)
