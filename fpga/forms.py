"""Operators as layers that the engine has: convolutions of any form, averages, sums, and dense heads."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64
from edgekit.fpga.addressing import NoView
from edgekit.fpga.integers import Path, Sums
from edgekit.fpga.layers import merge_channels
from edgekit.fpga.network import View
from edgekit.fpga.tail import Tail
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.geometry import ConvShape, conv_shape, dims, optional

STRIDES = (1, 2, 4)
MOST_KERNEL = 31
F64 = Float64


@dataclass(frozen=True)
class Padding:
    """Zeros around a picture.

    Attributes:
        x: the picture.
        top: rows above.
        left: columns left.
    """

    x: ir.Value
    top: int
    left: int

    def before(self, shape: ConvShape) -> ConvShape:
        """Return the sizes of the convolution after this padding, as one of the picture itself."""
        _, _, height, width = dims(self.x)
        top, left = shape.pad_top + self.top, shape.pad_left + self.left
        return replace(shape, in_h=height, in_w=width, pad_top=top, pad_left=left)


def padding_of(node: ir.Node) -> Padding | None:
    """Return the zeros of a Pad above, below, left and right; None for any other padding."""
    x, pads, fill = node.inputs[0], array_of(node.inputs[1]), optional(node, 2)
    value = np.zeros(1) if fill is None else array_of(fill)
    if x is None or pads is None or value is None or np.any(value):
        return None
    if attribute(node, "mode", "constant") not in ("constant", b"constant"):
        return None
    whole = optional(node, 3) is None  # else it names the axes
    is_around = len(dims(x)) == 4 and dims(node.outputs[0])[:2] == dims(x)[:2]
    if not whole or not is_around or min(pads.ravel()) < 0:
        return None
    top, left = pads.ravel().tolist()[2:4]
    return Padding(x, top, left)


class NoLayer(NoView):
    """An operator that is no layer of the engine: the found form, and the allowed one."""


def convolution(
    node: ir.Node, w: F64, padding: Padding | None = None
) -> tuple[Path, F64, int, int]:
    """Return a convolution's path, its weights there, its stride, and how often each channel is read in a row.

    A kernel of any sides, dilation and padding is one of the odd square around the output's pixel, with zeros. A group
    of channels is a dense layer whose other weights are zeros; of single channels, within 3x3, a depthwise layer.
    `padding` was done by an operator before.

    Raises `NoLayer`.
    """
    if w.ndim != 4:
        raise NoLayer(f"a kernel of {w.ndim - 2} dimensions", "2")
    shape = conv_shape(node, list(w.shape[2:]))
    shape = shape if padding is None else padding.before(shape)
    stride = _stride(shape)
    rows, columns = taps(shape)
    reach = max(map(abs, (*rows, *columns)))
    if 2 * reach + 1 > MOST_KERNEL:
        raise NoLayer(f"a kernel that reaches {reach} pixels far", f"at most {MOST_KERNEL // 2}")
    alone = shape.groups > 1 and w.shape[1] == 1
    half = 1 if alone and reach <= 1 else reach
    square = np.zeros((*w.shape[:2], 2 * half + 1, 2 * half + 1))
    square[:, :, np.add(rows, half)[:, None], np.add(columns, half)[None]] = w
    if half <= 1 and alone:
        return "depthwise", square[:, 0], stride, shape.out_c // shape.in_c
    dense = np.zeros((shape.out_c, shape.in_c, *square.shape[2:]))
    outputs, inputs = shape.out_c // shape.groups, w.shape[1]
    for group in range(shape.groups):
        own = slice(group * outputs, (group + 1) * outputs)
        dense[own, group * inputs : (group + 1) * inputs] = square[own]
    return "dense", dense, stride, 1


def linear(
    node: ir.Node,
    padding: Padding | None,
    y: str,
    tail: Tail,
    read: Callable[[ir.Value | None], View],
) -> Sums:
    """Build a convolution, or a deformable one, that writes `y`; `read` returns the engine's view of a value.

    Raises `NoView` where it does not fit.
    """
    w = array_of(node.inputs[1])
    bias = optional(node, 2 if node.op_type == "Conv" else 3)
    b = array_of(bias) if bias is not None else None
    if w is None or (bias is not None and b is None):
        raise NoLayer("computed weights", "constant weights")
    scaled = w.astype(np.float64) * tail.factor.reshape(-1, *[1] * (w.ndim - 1))
    form: tuple[Path, F64, int, int] = ("depthwise", scaled[:, 0], 1, 1)
    if node.op_type == "Conv":
        form = convolution(node, scaled, padding)
    path, weights, stride, times = form
    view = repeat_channels(read(node.inputs[0] if padding is None else padding.x), times)
    if path == "dense":
        view, weights = merge_channels(view, weights)
    start = np.zeros(len(w)) if b is None else b.astype(np.float64)
    offset = start * tail.factor + tail.addend
    return Sums(str(node.name), path, view, y, weights, offset, tail.low, tail.high, stride)


def taps(shape: ConvShape) -> tuple[list[int], list[int]]:
    """Return offsets of the kernel's rows and columns from the computed pixel: stride times the output's."""
    rows = [i * shape.dil_h - shape.pad_top for i in range(shape.k_h)]
    return rows, [i * shape.dil_w - shape.pad_left for i in range(shape.k_w)]


def _stride(shape: ConvShape) -> int:
    """The stride, where the engine has it and makes as many pixels."""
    strides = {shape.stride_h, shape.stride_w}
    stride = strides.pop()
    if strides or stride not in STRIDES:
        raise NoLayer(f"strides {[shape.stride_h, shape.stride_w]}", "1, 2 or 4, both alike")
    made, whole = (shape.out_h, shape.out_w), (-(-shape.in_h // stride), -(-shape.in_w // stride))
    if made != whole:
        found = "padding by which {}x{} pixels become {}x{}".format(shape.in_h, shape.in_w, *made)
        raise NoLayer(found, "as many as the stride leaves: {}x{}".format(*whole))
    return stride


def repeat_channels(view: View, times: int) -> View:
    """Return each channel `times` times in a row."""
    rows = [source for source in view.sources for _ in range(times)]
    tensors, channels, factors = zip(*rows, strict=True)
    return View(tensors, channels, view.height, view.width, factors)


def pixelwise(name: str, y: str, view: View, weights: F64, tail: Tail, bias: F64) -> Sums:
    """Return a 1x1 layer of weights ``(outputs, inputs)``, with the functions folded into it."""
    scaled = (weights * tail.factor[:, None])[:, :, None, None]
    start = bias * tail.factor + tail.addend
    return Sums(name, "dense", view, y, scaled, start, tail.low, tail.high, 1)


def addition_as_layer(node: ir.Node, views: list[View], y: str, tail: Tail) -> Sums:
    """The sum or difference of two pictures as a 1x1 layer over the channels of both, which get one scale."""
    first, second = views
    both = View(
        first.tensors + second.tensors,
        first.channels + second.channels,
        first.height,
        first.width,
        first.factors + second.factors,
    )
    one = np.eye(len(first.channels))
    weights = np.concatenate([one, -one if node.op_type == "Sub" else one], axis=1)
    step = pixelwise(str(node.name), y, both, weights, tail, np.zeros(len(one)))
    step.one_scale = True
    return step


def head(node: ir.Node, x: ir.Value, view: View, y: str, tail: Tail) -> Sums:
    """A Gemm or MatMul of a row of channels with constant weights.

    Raises `NoLayer`.
    """
    w = array_of(node.inputs[1])
    if node.inputs[0] is not x or w is None or w.ndim != 2 or attribute(node, "transA", 0):
        raise NoLayer(
            "a product of two computed matrices", "a row of channels and constant weights"
        )
    weights = np.asarray(w if attribute(node, "transB", 0) else w.T, np.float64)
    bias = np.zeros(len(weights))
    if node.op_type == "Gemm":
        weights = weights * attribute(node, "alpha", 1.0)
        third = array_of(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0.0
        if third is None:
            raise NoLayer("a computed bias", "a constant one")
        bias = bias + np.ravel(third) * attribute(node, "beta", 1.0)
    return pixelwise(str(node.name), y, view, weights, tail, bias)


def largest(node: ir.Node, view: View) -> Sums:
    """A MaxPool of stride 2.

    Raises `NoLayer`.
    """
    kernel, size, made = (
        attribute(node, "kernel_shape", ()),
        dims(node.inputs[0]),
        dims(node.outputs[0]),
    )
    shape = conv_shape(node, [int(n) for n in kernel])
    half = (shape.k_h - 1) // 2
    windows = (shape.k_h, shape.k_w, shape.stride_h, shape.stride_w, shape.pad_top, shape.pad_left)
    dilated = (shape.dil_h, shape.dil_w) != (1, 1)
    known = (shape.k_h,) * 2 in ((2, 2), (3, 3)) and windows == (shape.k_h,) * 2 + (
        2,
        2,
        half,
        half,
    )
    if not known or dilated or len(node.outputs) > 1:
        found = "kernel {}x{}, strides {}x{}, pads {}x{}".format(*windows)
        found += ", dilations" * dilated + ", indices" * (len(node.outputs) > 1)
        raise NoLayer(found, "2x2 without padding or 3x3 with 1, stride 2")
    if made[2:] != tuple(-(-side // 2) for side in size[2:]):
        found = "{}x{} pixels of {}x{}".format(*made[2:], *size[2:])
        allowed = "half of each side, rounded up: ceil_mode of 2x2, none of 3x3"
        raise NoLayer(found, allowed)
    zeros = np.zeros((len(view.channels), shape.k_h, shape.k_w))
    ends, y = (-np.inf, np.inf), str(node.outputs[0].name)
    step = Sums(str(node.name), "pool", view, y, zeros, zeros[:, 0, 0], *ends, 2)
    step.keeps_type = True
    return step


def averages(node: ir.Node, view: View, y: str, tail: Tail) -> list[Sums]:
    """Averages of windows as depthwise layers: within 3x3 one, a whole picture by halves, 4x4 and 8x8 too.

    Raises `NoLayer`.
    """
    x = dims(node.inputs[0])
    if node.op_type == "AveragePool":
        kernel = [int(n) for n in attribute(node, "kernel_shape", ())]
        shape = conv_shape(node, kernel)
        if kernel != [*x[2:]] or (shape.out_h, shape.out_w) != (1, 1):
            return _windows(node, view, y, tail, shape)
    elif node.op_type == "ReduceMean" and not _over_pixels(node, len(x)):
        raise NoLayer("a mean over other axes than height and width", "height and width")
    return _halvings(node, view, y, tail)


def _halvings(node: ir.Node, view: View, y: str, tail: Tail) -> list[Sums]:
    """The average of a whole picture: sides are halved until one pixel is left."""
    steps, share = list[Sums](), 1.0 / (view.height * view.width)
    while not steps or view.height > 1 or view.width > 1:
        own = 1.0 / (min(view.height, 2) * min(view.width, 2))
        last = view.height <= 2 and view.width <= 2
        weights = _quadrant(len(view.channels), share if last else own)
        share /= own
        name = y if last else f"{y}.{len(steps)}"
        steps.append(_depthwise(f"{node.name}.{len(steps)}", name, view, weights, 2, tail, last))
        view = _whole(steps[-1])
    return steps


def _windows(node: ir.Node, view: View, y: str, tail: Tail, shape: ConvShape) -> list[Sums]:
    """Averages of windows that stride over a picture."""
    k, s = (shape.k_h, shape.k_w), shape.stride_h
    padded = (shape.pad_top, shape.pad_left) != (0, 0)
    beyond = (shape.out_h - 1) * s + k[0] - shape.pad_top > shape.in_h
    beyond = beyond or (shape.out_w - 1) * s + k[1] - shape.pad_left > shape.in_w
    if (padded or beyond) and not attribute(node, "count_include_pad", 0):
        raise NoLayer("padding that does not count", "count_include_pad=1, or no padding")
    if not padded and k in ((4, 4), (8, 8)) and k == (s, shape.stride_w):
        if shape.in_h % s or shape.in_w % s:
            raise NoLayer(f"{shape.in_h}x{shape.in_w} pixels", f"a multiple of {s} each way")
        return _squares(node, view, y, tail, s)
    rows, columns = taps(shape)
    if max(map(abs, (*rows, *columns))) > 1:
        raise NoLayer(f"windows of {k[0]}x{k[1]}", "up to 3x3 around a pixel, 2x2, 4x4, 8x8, all")
    weights = np.zeros((len(view.channels), 3, 3))
    weights[:, np.add(rows, 1)[:, None], np.add(columns, 1)[None]] = 1 / (k[0] * k[1])
    return [_depthwise(str(node.name), y, view, weights, _stride(shape), tail, last=True)]


def _squares(node: ir.Node, view: View, y: str, tail: Tail, side: int) -> list[Sums]:
    """The averages of squares of `side` pixels, a power of two: halved until each is one pixel."""
    steps = list[Sums]()
    while side > 1:
        name = y if side == 2 else f"{y}.{len(steps)}"
        weights = _quadrant(len(view.channels), 0.25)
        step = _depthwise(f"{node.name}.{len(steps)}", name, view, weights, 2, tail, side == 2)
        steps.append(step)
        view, side = _whole(step), side // 2
    return steps


def _depthwise(
    name: str, y: str, view: View, weights: F64, stride: int, tail: Tail, last: bool
) -> Sums:
    """Return a depthwise layer; `tail` belongs to the last one, those before keep the type of their input."""
    if not last:
        zeros = np.zeros(len(weights))
        step = Sums(name, "depthwise", view, y, weights, zeros, -np.inf, np.inf, stride)
        step.keeps_type = True
        return step
    scaled = weights * tail.factor[:, None, None]
    return Sums(name, "depthwise", view, y, scaled, tail.addend, tail.low, tail.high, stride)


def _quadrant(channels: int, weight: float) -> F64:
    """Return a pixel, and those right of it and below: pixels outside of the picture are 0."""
    weights = np.zeros((channels, 3, 3))
    weights[:, 1:, 1:] = weight
    return weights


def _whole(step: Sums) -> View:
    channels, height, width = step.shape
    return View((step.y,) * channels, tuple(range(channels)), height, width)


def _over_pixels(node: ir.Node, rank: int) -> bool:
    given = array_of(optional(node, 1))
    axes = attribute(node, "axes", ()) if given is None else given.ravel().tolist()
    return rank == 4 and {int(axis) % rank for axis in axes} == {2, 3}
