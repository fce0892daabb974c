"""The selective state-space layer: one step per frame, its states kept."""

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import align_streams
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.nodes import array_of


def selective(writer: Rewriter, node: ir.Node) -> None:
    """Keep a number per channel and state; a frame is ``h = exp(dt a) h + dt u b``, ``y = c h + d u``.

    It is computed in float: the memory of a slow state is longer than a few bits resolve.
    """
    new, name = writer.new, str(node.name)
    tracks = align_streams(writer, node)
    source, rates, skip = node.inputs[0], array_of(node.inputs[2]), array_of(node.inputs[5])
    given = [tracks.get(value) if value is not None else None for value in node.inputs]
    u, dt, _, b, c, _ = given
    if rates is None or skip is None or u is None or dt is None or b is None or c is None:
        raise StreamingRefused(
            "its rates are computed", "constant rates; dt, b and c over time", "fold them"
        )
    if {track.axis for track in (u, dt, b, c)} != {2} or u.shape[0] != 1 or source is None:
        raise StreamingRefused(
            "its batch is not 1, or time is no last axis", "(1, channels, time)", "transpose"
        )
    if u.delay < 0:
        u, dt, b, c = (writer.delayed(track, 0, name) for track in (u, dt, b, c))
    u = writer.zeroed(u, name, before=True, after=False)
    channels, states = rates.shape
    past = writer.state(node.outputs[0], name, (channels, states), roundable=True)
    state, seen = past, []
    driven = new.exact(new.one(f"{name}.driven", "Mul", dt.value, u.value))
    rate = new.constant(rates, f"{name}.rates")

    def column(value: ir.Value, frame: int, width: int, shape: tuple[int, int]) -> ir.Value:
        one = value if u.frames == 1 else new.slice(value, 2, frame, frame + 1, f"{name}.frame")
        dims = new.constant(shape, f"{name}.dims", np.int64)
        return new.one(f"{name}.column", "Reshape", one, dims)

    for frame in range(u.frames):
        step = column(dt.value, frame, channels, (channels, 1))
        decay = new.exact(new.one(f"{name}.exponent", "Mul", step, rate))
        kept = new.exact(new.one(f"{name}.decay", "Exp", decay))
        held = new.exact(new.one(f"{name}.held", "Mul", kept, state))
        row = column(b.value, frame, states, (1, states))
        drive = column(driven, frame, channels, (channels, 1))
        added = new.exact(new.one(f"{name}.drive", "Mul", drive, row))
        state = new.exact(new.one(f"{name}.next", "Add", held, added))
        out = column(c.value, frame, states, (states, 1))
        read = new.exact(new.one(f"{name}.read", "MatMul", state, out))
        seen.append(read)
    new.carry(past, state)
    joined = seen[0] if len(seen) == 1 else new.one(f"{name}.frames", "Concat", *seen, axis=1)
    recalled = new.one(f"{name}.recalled", "Unsqueeze", joined, new.constant([0], name, np.int64))
    direct = new.constant(skip[:, None], f"{name}.direct")
    passed = new.one(f"{name}.skip", "Mul", u.value, direct)
    result = new.one(name, "Add", recalled, passed)
    writer.set(node.outputs[0], result, u.delay, u, dt, b, c, node=node, before=True)
