"""Overlap-add: frames that are added at overlapping positions along time."""

import math
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import Growth, StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.nodes import array_of, attribute, static_shape


def col2im(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite Col2Im along one axis, as ``F.fold`` of frames: the last frames stay until all their samples are out.

    A frame is cut into parts of one stride; part m of frame j belongs to the output's stride j + m.
    """
    track, output, name = writer.stream(node.inputs[0]), node.outputs[0], str(node.name)
    size, stride, crop = _blocks(writer, node, track)
    parts = -(-size // stride)
    end = (writer.frames_read(output).end - 1 + crop) // stride >= track.time.offset
    track = writer.zeroed(track, name, before=True, after=end)
    whole, new = writer.context(track, parts - 1, name), writer.new
    shape = (track.shape[1] // size, size, track.frames + parts - 1)
    split = new.reshape(whole, shape, f"{name}.split")
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
    result = new.reshape(rows, writer.hop_shape(output), f"{name}.shape")
    writer.set(output, result, track.delay * stride + crop, track, node=node)


def _blocks(writer: Rewriter, node: ir.Node, track: Track) -> tuple[int, int, int]:
    """Size of the blocks along time, the stride between them, and samples that are cropped at the start."""
    output, block = node.outputs[0], array_of(node.inputs[2])
    made = writer.facts.time(output)
    if made is None or block is None or track.axis != 2:
        writer.set(output, output, 0)  # refuses a value without time axis
        raise StreamingRefused(
            "it joins frames along another axis", "(batch, parts, frames)", "transpose it"
        )
    place, count = made.axis - 2, len(block)
    size = int(block[place])
    image = list(static_shape(output) or ())[2:]
    del image[place]
    others = math.prod(image), math.prod(block) // size
    if others != (1, 1) or set(attribute(node, "dilations", [1])) != {1}:
        raise StreamingRefused(
            "blocks of several axes", "blocks along time alone", "fold along time only"
        )
    stride = int(attribute(node, "strides", [1] * count)[place])
    return size, stride, int(attribute(node, "pads", [0] * 2 * count)[place])


def _ratio(node: ir.Node, growth: Growth) -> Fraction:
    return Fraction(list(attribute(node, "strides", [1] * 2))[growth.made_axis - 2])


RULES = (StreamingRule("Col2Im", col2im, ratio=_ratio),)
