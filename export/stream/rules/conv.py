"""Convolutions, transposed convolutions and pooling."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edgekit.base.json_values import JsonObject
from edgekit.export.stream.late import Window, again, late_blocks, late_windows
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import framewise
from edgekit.export.stream.rules.rule import Growth, Needs, StreamingRule
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Span, StreamingRefused, Track
from edgekit.export.stream.windows import paddings, per_axis, sliding_of, spatial
from edgekit.graph.nodes import array_of, attribute

LOWEST = float(np.finfo(np.float32).min)


def conv(writer: Rewriter, node: ir.Node) -> None:
    """Convolution along time: the frames that its kernel spans, without padding in time."""
    _stream_window(writer, node, 0.0)


def lp_pool(writer: Rewriter, node: ir.Node) -> None:
    """Pooling of powers along time: padding adds nothing."""
    _stream_window(writer, node, 0.0)


def max_pool(writer: Rewriter, node: ir.Node) -> None:
    """Maximum pooling along time: padding never wins."""
    _stream_window(writer, node, LOWEST)


def average_pool(writer: Rewriter, node: ir.Node) -> None:
    """Average pooling along time; padding must count as zeros."""
    axis = writer.stream(node.inputs[0]).axis
    if axis >= 2 and not attribute(node, "count_include_pad", 0):
        behind = paddings(node)[axis - 2 + spatial(node)]
        if sliding_of(node, axis).left or behind:
            raise StreamingRefused(
                "its average at the ends leaves out the padding in time",
                "count_include_pad=1, or no padding in time",
                "set count_include_pad=True, or pad with zeros before it",
            )
    _stream_window(writer, node, 0.0)


def _stream_window(writer: Rewriter, node: ir.Node, fill: float) -> None:
    track = writer.stream(node.inputs[0])
    if _time_is_elsewhere(writer, node, track.axis):
        return
    if attribute(node, "ceil_mode", 0):
        raise StreamingRefused(
            "ceil_mode", "windows that lie within the frames", "set ceil_mode=False"
        )
    window = sliding_of(node, track.axis)
    value, delay = writer.window(node, window.reach, window.stride, window.left, fill)
    inputs = [value, *(writer.fixed(other) for other in node.inputs[1:])]
    if node.op_type == "Conv" and spatial(node) == 3 and track.axis == 2:
        result = _planes(writer, node, inputs)
    else:
        pads = _pads(node, track.axis)
        (result,) = writer.new.copy(node, inputs, pads=pads, auto_pad="NOTSET")
    writer.set(node.outputs[0], result, delay, track, node=node)
    if window.left > 0 and delay * window.stride > window.reach - window.left:
        writer.zero_start(node, fill)  # some windows hold nothing but the fill


def _planes(writer: Rewriter, node: ir.Node, inputs: list[ir.Value | None]) -> ir.Value:
    """Convolve over time and two more axes: for each frame over these, with the kernel's frames as channels."""
    new, name = writer.new, str(node.name)
    value, weights, *bias = inputs
    array = array_of(node.inputs[1])
    if value is None or weights is None or array is None:
        raise StreamingRefused("weights that are computed", "constant weights", "fold them")
    reach, strides = array.shape[2], per_axis(node, "strides")
    dilations, pads = per_axis(node, "dilations"), paddings(node)
    merged = array.reshape(array.shape[0], array.shape[1] * reach, *array.shape[3:])
    weights = new.constant(merged, f"{name}.weights")
    track, output = writer.stream(node.inputs[0]), writer.hop_shape(node.outputs[0])
    batch = track.shape[0]
    flat = new.constant([batch, track.shape[1] * reach, *track.shape[3:]], f"{name}.flat", np.int64)
    deep = new.constant([batch, output[1], 1, *output[3:]], f"{name}.deep", np.int64)
    frames = []
    for frame in range(output[2] + writer.held_again(node)):
        places = frame * strides[0] + np.arange(reach) * dilations[0]
        index = new.constant(places, f"{name}.places", np.int64)
        seen = new.one(f"{name}.seen", "Gather", value, index, axis=2)
        plane = new.copy(
            node,
            [new.one(f"{name}.rows", "Reshape", seen, flat), weights, *bias],
            kernel_shape=list(array.shape[3:]),
            strides=strides[1:],
            dilations=dilations[1:],
            pads=[*pads[1:3], *pads[4:]],
            auto_pad="NOTSET",
        )[0]
        frames.append(new.one(f"{name}.frame", "Reshape", plane, deep))
    return frames[0] if len(frames) == 1 else new.one(f"{name}.frames", "Concat", *frames, axis=2)


def conv_transpose(writer: Rewriter, node: ir.Node) -> None:
    """Transposed convolution: the frames before the hop whose kernels reach into it.

    A left crop of p, its padding, makes output frame j wait for input frame ``(j + p) // stride``.
    """
    track, name = writer.stream(node.inputs[0]), str(node.name)
    if _time_is_elsewhere(writer, node, track.axis):
        return
    window, place = sliding_of(node, track.axis), track.axis - 2
    count = window.reach // window.stride
    read = writer.frames_read(node.outputs[0])
    blocks = _blocks(node, track.axis, read)
    reading = Window(count, 1, count, blocks.end - 1, first=blocks.first)
    if track.mirror is None:
        track = writer.zeroed(track, name, before=True, after=_reaches_behind(writer, node))
        wait, late = track.delay, late_windows(track.late, reading)
        older = again(late, wait, track.frames)
        whole = writer.context(track, count + older, name)
    else:
        whole, wait, _, late = writer.padded_window(track, reading, name, hold=False)
        older = again(late, wait, track.frames)
    delay = wait * window.stride + window.left
    late = late_blocks(late, window.stride, window.left, read.first, window.reach)
    surplus = older * window.stride - again(late, delay, track.frames * window.stride)
    if "output_shape" in node.attributes:
        raise StreamingRefused(
            "output_shape", "paddings that are given", "give pads and output_padding"
        )
    extra, pads = list(attribute(node, "output_padding", [0] * spatial(node))), paddings(node)
    extra[place] = max(0, window.stride - window.reach - 1)
    pads[place] = count * window.stride + surplus  # outputs of the frames before the hop alone
    pads[place + spatial(node)] = max(0, window.reach + 1 - window.stride)
    changed: JsonObject = {"pads": pads, "auto_pad": "NOTSET", "output_padding": extra}
    inputs = [whole, *(writer.fixed(other) for other in node.inputs[1:])]
    hop = writer.new.copy(node, inputs, **changed)[0]
    writer.set(node.outputs[0], hop, delay, track, node=node, late=late)


def _reaches_behind(writer: Rewriter, node: ir.Node) -> bool:
    """Whether output frames that are read would need frames after the end of the input."""
    time, output = writer.stream(node.inputs[0]).time, node.outputs[0]
    return _blocks(node, time.axis, writer.frames_read(output)).end > time.offset


def _blocks(node: ir.Node, axis: int, read: Span) -> Span:
    """Return the blocks of a transposed convolution that are read: block n begins with the kernel of frame n."""
    window = sliding_of(node, axis)
    first, place = divmod(read.first + window.left, window.stride)
    first += place > window.reach  # between two kernels
    return Span(first, (read.end - 1 + window.left) // window.stride + 1)


def _time_is_elsewhere(writer: Rewriter, node: ir.Node, axis: int) -> bool:
    """Whether time is the batch, so that nothing slides along it."""
    if axis == 1:
        raise StreamingRefused(
            "time is its channel axis", "time as a spatial or batch axis", "transpose it"
        )
    if axis == 0:
        framewise(writer, node)
    return axis == 0


def _pads(node: ir.Node, axis: int) -> list[int]:
    pads, count = paddings(node), spatial(node)
    pads[axis - 2] = pads[axis - 2 + count] = 0
    return pads


def _needs(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    if time.axis < 2:
        return read
    window = sliding_of(node, time.axis)
    first = read.first * window.stride - window.left
    return Span(first, (read.end - 1) * window.stride + window.reach - window.left + 1)


def _needs_transposed(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    if time.axis < 2:
        return read
    blocks, window = _blocks(node, time.axis, read), sliding_of(node, time.axis)
    return Span(blocks.first - window.reach // window.stride, blocks.end)


def _stride(node: ir.Node, growth: Growth) -> int:
    place = growth.read_axis - 2
    return per_axis(node, "strides")[place] if place >= 0 else 1


def _ratio(node: ir.Node, growth: Growth) -> Fraction:
    return Fraction(1, _stride(node, growth))


def _ratio_transposed(node: ir.Node, growth: Growth) -> Fraction:
    return Fraction(_stride(node, growth))


def _reads_no_padding(needs: Needs) -> Callable[[ir.Node, Track, TimeAxis, Span], bool]:
    """Return whether a node that slides along time reads no padding of its own, of what is read of its output."""

    def holds(node: ir.Node, track: Track, made: TimeAxis, read: Span) -> bool:
        wanted = needs(node, track.time, made, read)
        return track.axis >= 2 and wanted.first >= 0 and wanted.end <= track.time.offset

    return holds


RULES = (
    StreamingRule("Conv", conv, _needs, _ratio, _reads_no_padding(_needs), late=True),
    StreamingRule("LpPool", lp_pool, _needs, _ratio, _reads_no_padding(_needs), late=True),
    StreamingRule("MaxPool", max_pool, _needs, _ratio, _reads_no_padding(_needs), late=True),
    StreamingRule(
        "AveragePool", average_pool, _needs, _ratio, _reads_no_padding(_needs), late=True
    ),
    StreamingRule(
        "ConvTranspose",
        conv_transpose,
        _needs_transposed,
        _ratio_transposed,
        _reads_no_padding(_needs_transposed),
        late=True,
    ),
)
