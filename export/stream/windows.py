"""Windows of nodes along one axis: kernels, strides, paddings, slices."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import array_of, attribute, sole_user, static_shape

ENDLESS = 2**40  # frames: a size from which nothing that counts from the front is cut off


@dataclass(frozen=True)
class SlidingWindow:
    """A window along one axis: ``reach = (kernel - 1) * dilation``, the stride, and the padding before it."""

    reach: int
    stride: int
    left: int


@dataclass(frozen=True)
class Cut:
    """A Slice along one axis; `start` and `end` count from the front."""

    start: int
    end: int
    step: int


def per_axis(node: ir.Node, name: str) -> list[int]:
    """Return an attribute with one number per spatial axis; the default is 1."""
    return list(attribute(node, name, [1] * spatial(node)))


def spatial(node: ir.Node) -> int:
    """Return the number of axes after batch and channels."""
    return len(static_shape(node.inputs[0]) or ()) - 2


def kernel_of(node: ir.Node) -> list[int]:
    """Return the kernel size per spatial axis."""
    if len(node.inputs) > 1:
        return list((static_shape(node.inputs[1]) or ())[2:])
    return list(attribute(node, "kernel_shape", ()))


def paddings(node: ir.Node) -> list[int]:
    """Return the paddings before all spatial axes, then after all; also those of ``auto_pad``."""
    count, mode = spatial(node), attribute(node, "auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID"):
        return list(attribute(node, "pads", [0] * 2 * count))
    before, behind = [], []
    small, large = static_shape(node.outputs[0]) or (), static_shape(node.inputs[0]) or ()
    if node.op_type == "ConvTranspose":
        small, large = large, small
    sizes = zip(
        small[2:],
        large[2:],
        kernel_of(node),
        per_axis(node, "strides"),
        per_axis(node, "dilations"),
        strict=True,
    )
    for frames, whole, kernel, stride, dilation in sizes:
        total = max((frames - 1) * stride + (kernel - 1) * dilation + 1 - whole, 0)
        less = total // 2
        before.append(less if mode == "SAME_UPPER" else total - less)
        behind.append(total - before[-1])
    return before + behind


def sliding_of(node: ir.Node, axis: int) -> SlidingWindow:
    """Return the window of a convolution or pooling along `axis` of its input."""
    place = axis - 2
    kernel, dilation = kernel_of(node)[place], per_axis(node, "dilations")[place]
    return SlidingWindow(
        (kernel - 1) * dilation, per_axis(node, "strides")[place], paddings(node)[place]
    )


def pads_of(node: ir.Node, axis: int) -> tuple[int, int]:
    """Return the padding that a Pad adds before and after `axis`."""
    pads, axes = (
        array_of(node.inputs[1]),
        array_of(node.inputs[3] if len(node.inputs) > 3 else None),
    )
    rank = len(static_shape(node.inputs[0]) or ())
    if pads is None:
        return 0, 0
    places = list(range(rank)) if axes is None else [int(a) % rank for a in axes.ravel()]
    if axis not in places:
        return 0, 0
    place = places.index(axis)
    return int(pads[place]), int(pads[place + len(places)])


def fill_of(node: ir.Node) -> float:
    """Return the value with which a Pad fills, if it is a constant."""
    constant = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    return 0.0 if constant is None else float(constant.ravel()[0])


def zeros_before(value: ir.Value, axis: int) -> int:
    """Return how many zeros a Pad puts before the frames of this value; 0 of other nodes and of repeated frames."""
    node = value.producer()
    if node is None or node.op_type != "Pad" or fill_of(node):
        return 0
    return pads_of(node, axis)[0] if attribute(node, "mode", "constant") == "constant" else 0


def unheard(node: ir.Node, axis: int) -> int:
    """Return the number of frames at the start of each window without effect: weights or a taper of 0.

    Args:
        node: a Conv, or a Gather of frames that a Mul tapers.
        axis: the time axis of its first input.
    """
    if node.op_type == "Conv" and axis >= 2 and (weights := array_of(node.inputs[1])) is not None:
        return _leading_zeros(weights, axis) * per_axis(node, "dilations")[axis - 2]
    return _tapered_to_zero(node, axis) if node.op_type == "Gather" else 0


def gap(node: ir.Node, axis: int) -> int:
    """Return the distance between two frames that a window reads: the dilation of a convolution or pooling."""
    slides = node.op_type == "Conv" or node.op_type.endswith("Pool")
    return per_axis(node, "dilations")[axis - 2] if slides and axis >= 2 else 1


def _tapered_to_zero(gather: ir.Node, axis: int) -> int:
    """Return the number of frames at the start of each gathered window that a Mul makes 0."""
    taper, index = sole_user(gather.outputs[0]), array_of(gather.inputs[1])
    if taper is None or taper.op_type != "Mul" or index is None or index.ndim != 2:
        return 0
    if not np.array_equal(index, np.sort(index, 1)):
        return 0
    place = axis + 1 - len(static_shape(gather.outputs[0]) or ())
    factor = next(_factors(taper, index.shape[1], place), None)
    return 0 if factor is None else _leading_zeros(factor, place)


def _factors(node: ir.Node, size: int, place: int) -> Iterator[Array]:
    """Yield the constant operands that have `size` numbers along an axis that counts from the right."""
    for value in node.inputs:
        array = array_of(value)
        if array is not None and array.ndim >= -place and array.shape[place] == size:
            yield array


def _leading_zeros(array: Array, axis: int) -> int:
    heard = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1).any(1)
    return int(heard.argmax()) if heard.any() else 0


def slice_of(node: ir.Node, axis: int, size: int) -> Cut | None:
    """Return the part that a Slice takes of an axis of `size`; None if its bounds are not constants.

    Negative bounds count from `size`.
    """
    inputs = [*node.inputs, None, None][:5]
    starts, ends, axes, steps = (array_of(value) for value in inputs[1:])
    if starts is None or ends is None:
        return None
    rank = len(static_shape(node.inputs[0]) or ())
    places = [int(a) % rank for a in (np.arange(len(starts)) if axes is None else axes)]
    if axis not in places:
        return Cut(0, size, 1)
    place = places.index(axis)
    step = 1 if steps is None else int(steps[place])
    return Cut(_from_front(int(starts[place]), size), _from_front(int(ends[place]), size), step)


def _from_front(bound: int, size: int) -> int:
    return bound + size if bound < 0 else min(bound, size)
