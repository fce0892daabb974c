"""The selective state-space layer: one step per frame, its states kept."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import align_streams
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import array_of

STREAMS = (0, 1, 3, 4)  # places of the inputs u, dt, b and c


def selective(writer: Rewriter, node: ir.Node) -> None:
    """Keep a number per channel and state; a frame is ``h = exp(dt a) h + dt u b``, ``y = c h + d u``.

    It is computed in float: the memory of a slow state is longer than a few bits resolve.
    """
    new, name = writer.new, str(node.name)
    (u, dt, b, c), rates, skip = _operands(writer, node)
    if u.delay < 0:
        u, dt, b, c = (writer.delayed(track, 0, name) for track in (u, dt, b, c))
    u = writer.zeroed(u, name, before=True, after=False)
    channels, states = rates.shape
    past = writer.state(node.outputs[0], name, (channels, states), roundable=True)
    state, seen = past, []
    driven = new.exact(new.one(f"{name}.driven", "Mul", dt.value, u.value))
    rate = new.constant(rates, f"{name}.rates")
    for frame in range(u.frames):
        step = _column(writer, dt, dt.value, frame, (channels, 1), name)
        decay = new.exact(new.one(f"{name}.exponent", "Mul", step, rate))
        kept = new.exact(new.one(f"{name}.decay", "Exp", decay))
        held = new.exact(new.one(f"{name}.held", "Mul", kept, state))
        row = _column(writer, b, b.value, frame, (1, states), name)
        drive = _column(writer, u, driven, frame, (channels, 1), name)
        added = new.exact(new.one(f"{name}.drive", "Mul", drive, row))
        state = new.exact(new.one(f"{name}.next", "Add", held, added))
        out = _column(writer, c, c.value, frame, (states, 1), name)
        read = new.exact(new.one(f"{name}.read", "MatMul", state, out))
        seen.append(read)
    new.carry(past, state)
    joined = seen[0] if len(seen) == 1 else new.one(f"{name}.frames", "Concat", *seen, axis=1)
    recalled = new.one(f"{name}.recalled", "Unsqueeze", joined, new.constant([0], name, np.int64))
    direct = new.constant(skip[:, None], f"{name}.direct")
    passed = new.one(f"{name}.skip", "Mul", u.value, direct)
    result = new.one(name, "Add", recalled, passed)
    writer.set(node.outputs[0], result, u.delay, u, dt, b, c, node=node, before=True)


def _operands(writer: Rewriter, node: ir.Node) -> tuple[list[Track], Array, Array]:
    """Return the streams u, dt, b and c at one delay, the rates (channels, states) and the direct part (channels,)."""
    tracks = align_streams(writer, node)
    rates, skip = array_of(node.inputs[2]), array_of(node.inputs[5])
    given = [node.inputs[place] for place in STREAMS]
    streams = [tracks[value] for value in given if value is not None and value in tracks]
    if rates is None or skip is None or len(streams) != len(STREAMS):
        raise StreamingRefused(
            "its rates are computed", "constant rates; dt, b and c over time", "fold them"
        )
    if {track.axis for track in streams} != {2} or streams[0].shape[0] != 1:
        raise StreamingRefused(
            "its batch is not 1, or time is no last axis", "(1, channels, time)", "transpose"
        )
    return streams, rates, skip


def _column(
    writer: Rewriter, track: Track, value: ir.Value, frame: int, shape: tuple[int, int], name: str
) -> ir.Value:
    """Return one frame of a stream, or of a value computed from one, in this shape."""
    new = writer.new
    if track.frames > 1:
        value = new.slice(value, 2, frame, frame + 1, f"{name}.frame")
    dims = new.constant(shape, f"{name}.dims", np.int64)
    return new.one(f"{name}.column", "Reshape", value, dims)


RULES = (StreamingRule("SelectiveSSM", selective, domain=FRONTEND_DOMAIN),)
