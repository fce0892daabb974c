"""Diagonal state-space layer: offline a convolution, in a stream the equal recurrence."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN, SSM
from edgekit.graph.nodes import array_of

Complex = NDArray[np.complex128]


def diagonal(writer: Rewriter, node: ir.Node) -> None:
    """Keep a complex number per state, as (groups, 1, real parts and imaginary parts).

    Each frame is ``x = a x + B u``; ``y = 2 Re(C x) + D u`` follows for all frames of the hop at once. It is computed
    in float: the memory of a slow state is longer than a few bits resolve.
    """
    track, name, new = writer.stream(node.inputs[0]), str(node.name), writer.new
    if track.axis == 0:
        _chunks(writer, node, track)
        return
    if track.axis != 2:
        raise StreamingRefused(
            "time is another axis than its last", "(batch, channels, time)", "transpose"
        )
    if track.shape[0] != 1 or (parameters := _parameters(node)) is None:
        raise StreamingRefused(
            "its parameters are computed, or its batch is not 1",
            "constants, and a batch of 1",
            "run one stream per network",
        )
    a, b, c, skip = parameters
    track = writer.zeroed(track, name, before=True, after=False)
    groups, _, width = b.shape
    b, c = _balance_drive_and_readout(a, b, c)
    state = writer.state(node.outputs[0], name, (groups, 1, 2 * a.shape[-1]), roundable=True)
    states_of_hop = _states_of_hop(writer, track, state, (a, b), name)
    out = np.concatenate([2 * c.real, -2 * c.imag], axis=-1).transpose(0, 2, 1)
    read = new.exact(
        new.one(f"{name}.read", "MatMul", states_of_hop, new.constant(out, f"{name}.readout"))
    )
    columns = new.one(f"{name}.columns", "Transpose", read, perm=[0, 2, 1])
    whole = (1, groups * width, track.frames)
    recalled = new.reshape(columns, whole, f"{name}.recalled")
    passed = new.one(
        f"{name}.skip", "Mul", track.value, new.constant(skip[:, None], f"{name}.direct")
    )
    result = new.one(name, "Add", recalled, passed)
    writer.set(node.outputs[0], result, track.delay, track, node=node, before=True)


def _parameters(node: ir.Node) -> tuple[Complex, Complex, Complex, Array] | None:
    """A (groups, states), B (groups, states, width), C (groups, width, states) and D; None if one is computed."""
    a, b, c = (_complex(value) for value in node.inputs[1:4])
    skip = array_of(node.inputs[4])
    return None if a is None or b is None or c is None or skip is None else (a, b, c, skip)


def _states_of_hop(
    writer: Rewriter, track: Track, state: ir.Value, parameters: tuple[Complex, Complex], name: str
) -> ir.Value:
    """Return the states in each frame of a hop, (groups, frames, 2 * states), of which the last is kept in `state`."""
    new, frames, (a, b) = writer.new, track.frames, parameters
    groups, _, width = b.shape
    past = writer.from_start(state, _start(writer, track, a, b), name)
    split = new.reshape(track.value, (groups, width, frames), f"{name}.split")
    rows = new.one(f"{name}.rows", "Transpose", split, perm=[0, 2, 1])
    into = new.constant(_side_by_side(b).transpose(0, 2, 1), f"{name}.drive")
    driven = new.exact(new.one(f"{name}.driven", "MatMul", rows, into))
    seen = []
    for frame in range(frames):
        own = driven if frames == 1 else new.slice(driven, 1, frame, frame + 1, f"{name}.frame")
        past = _step(writer, past, own, a, name)
        seen.append(past)
    new.carry(state, past)
    return seen[0] if frames == 1 else new.one(f"{name}.states", "Concat", *seen, axis=1)


def _chunks(writer: Rewriter, node: ir.Node, track: Track) -> None:
    """Chunks of fixed length, each from zero state: a constant matrix for each group, no state."""
    new, name = writer.new, str(node.name)
    if (parameters := _parameters(node)) is None:
        raise StreamingRefused("its parameters are computed", "constants", "fold them")
    a, b, c, skip = parameters
    rows, channels, frames = track.shape
    groups, _, width = b.shape
    powers = a[..., None] ** np.arange(frames)
    response = 2 * np.einsum("gos,gst,gsi->gtoi", c, powers, b).real
    response[:, 0, np.arange(width), np.arange(width)] += skip.reshape(groups, width)
    lag = np.arange(frames)[:, None] - np.arange(frames)
    whole = np.where((lag >= 0)[..., None, None], response[:, np.maximum(lag, 0)], 0)
    # whole[group, frame out, frame in, channel out, channel in] -> in by out
    matrix = whole.transpose(0, 4, 2, 3, 1).reshape(groups, width * frames, width * frames)
    split = new.reshape(track.value, (rows, groups, width * frames), f"{name}.split")
    sides = new.one(f"{name}.groups", "Transpose", split, perm=[1, 0, 2])
    product = new.one(f"{name}.chunks", "MatMul", sides, new.constant(matrix, f"{name}.matrix"))
    joined = new.one(f"{name}.joined", "Transpose", product, perm=[1, 0, 2])
    result = new.reshape(joined, (rows, channels, frames), name)
    writer.set(
        node.outputs[0],
        result,
        track.delay,
        track,
        node=node,
        before=track.zero_before,
        after=track.zero_after,
        outer=track.outer,
    )


def _step(writer: Rewriter, past: ir.Value, driven: ir.Value, a: Complex, name: str) -> ir.Value:
    """``a x + driven`` on real and imaginary parts in one tensor."""
    new, states = writer.new, a.shape[-1]
    straight = new.constant(np.concatenate([a.real, a.real], -1)[:, None], f"{name}.straight")
    crossed = new.constant(np.concatenate([-a.imag, a.imag], -1)[:, None], f"{name}.crossed")
    order = new.constant(np.roll(np.arange(2 * states), states), f"{name}.order", np.int64)
    swapped = new.one(f"{name}.swapped", "Gather", past, order, axis=2)
    kept = new.exact(new.one(f"{name}.kept", "Mul", past, straight))
    turned = new.exact(new.one(f"{name}.turned", "Mul", swapped, crossed))
    moved = new.exact(new.one(f"{name}.moved", "Add", kept, turned))
    return new.exact(new.one(f"{name}.next", "Add", moved, driven))


def _start(writer: Rewriter, track: Track, a: Complex, b: Complex) -> Float32:
    """Return the states after the frames that are known before the stream."""
    groups, states, width = b.shape
    x = np.zeros((groups, states), np.complex128)
    if track.delay < 0:
        known = writer.known_context(track, -track.delay)[0].reshape(groups, width, -1)
        for frame in range(known.shape[-1]):
            x = a * x + np.einsum("gsi,gi->gs", b, known[..., frame])
    return np.asarray(np.concatenate([x.real, x.imag], -1)[:, None], np.float32)


def _balance_drive_and_readout(a: Complex, b: Complex, c: Complex) -> tuple[Complex, Complex]:
    """Drive and readout with powers of two between them, so that all states are about as large; nothing else changes.

    One scale then suits them where a recipe keeps them in 16 bits. Of noise a state has the root of its drive's power
    over ``1 - |a|^2``.
    """
    memory = np.maximum(1 - np.abs(a) ** 2, 1e-6)
    size = np.sqrt((np.abs(b) ** 2).sum(-1) / memory)
    factor = np.exp2(np.round(np.log2(np.where(size > 0, size, 1))))
    return b / factor[..., None], c * factor[:, None]


def _complex(value: ir.Value | None) -> Complex | None:
    array = array_of(value)
    return None if array is None else array[0] + 1j * array[1].astype(np.float64)


def _side_by_side(b: Complex) -> Float64:
    return np.concatenate([b.real, b.imag], axis=1)


RULES = (StreamingRule(SSM, diagonal, domain=FRONTEND_DOMAIN),)
