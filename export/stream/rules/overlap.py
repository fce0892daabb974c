"""Overlap-add: frames that are laid over each other along time."""

import math

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.nodes import array_of, attribute, static_shape


def col2im(writer: Rewriter, node: ir.Node) -> None:
    """Col2Im along one axis, as ``F.fold`` of frames: the last frames stay until all of them is out.

    A frame is cut into parts of one stride; part m of frame j belongs to the output's stride j + m.
    """
    track, output, name, new = (
        writer.stream(node.inputs[0]),
        node.outputs[0],
        str(node.name),
        writer.new,
    )
    made = writer.facts.time(output)
    block = array_of(node.inputs[2])
    if made is None or block is None or track.axis != 2:
        writer.set(output, output, 0)  # refuses what has no time axis
        raise StreamingRefused(
            "it joins frames along another axis", "(batch, parts, frames)", "transpose it"
        )
    place, count = made.axis - 2, len(block)
    size, stride = int(block[place]), int(attribute(node, "strides", [1] * count)[place])
    crop = int(attribute(node, "pads", [0] * 2 * count)[place])
    image = [
        dim for axis, dim in enumerate(static_shape(output) or ()) if axis not in (0, 1, made.axis)
    ]
    if (
        math.prod(image) != 1
        or math.prod(block) != size
        or set(attribute(node, "dilations", [1])) != {1}
    ):
        raise StreamingRefused(
            "blocks of several axes", "blocks along time alone", "fold along time only"
        )
    parts = -(-size // stride)
    channels = track.shape[1] // size
    end = (writer.frames_read(output) - 1 + crop) // stride >= track.time.offset
    track = writer.zeroed(track, name, before=True, after=end)
    whole = writer.context(track, parts - 1, name)
    frames = track.frames + parts - 1
    split = _reshape(writer, whole, (channels, size, frames), f"{name}.split")
    if parts * stride > size:
        amounts = new.constant([0, 0, 0, 0, parts * stride - size, 0], f"{name}.pads", np.int64)
        split = new.one(f"{name}.filled", "Pad", split, amounts)
    total: ir.Value | None = None
    for part in range(parts):
        cut = new.slice(split, 1, part * stride, (part + 1) * stride, f"{name}.part")
        first = parts - 1 - part
        cut = new.slice(cut, 2, first, first + track.frames, f"{name}.frames")
        total = cut if total is None else new.one(f"{name}.sum", "Add", total, cut)
    assert total is not None
    rows = new.one(f"{name}.rows", "Transpose", total, perm=[0, 2, 1])
    result = _reshape(writer, rows, writer.hop_shape(output), f"{name}.shape")
    writer.set(output, result, track.delay * stride + crop, track, node=node)


def _reshape(writer: Rewriter, value: ir.Value, shape: tuple[int, ...], name: str) -> ir.Value:
    dims = writer.new.constant(shape, f"{name}.dims", np.int64)
    return writer.new.one(name, "Reshape", value, dims)
