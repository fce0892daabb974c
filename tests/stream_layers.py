"""Random parts of networks, as hypothesis strategies; all keep the number of frames and channels."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from stream_networks import Net

Layer = Callable[[Net, str], str]
CHANNELS = 4
TIMES = int(os.environ.get("STREAM_FUZZ", "1"))  # how many times the usual number of networks
POINTWISE = ("Tanh", "Sigmoid", "LeakyRelu", "Softplus")


@st.composite
def layers(draw: Any, depth: int = 3, stride: int = 16, stateful: bool = True) -> Layer:
    """A random part of a network that keeps the number of frames and channels."""
    kinds = [same_conv, padded_convs, cropped_conv, mirrored_conv, shifted, shuffled, pooled]
    if stateful:
        kinds += [recurrent, summed, counted, numbered]
    if depth > 0:
        kinds += [residual, joined, chain, chain]
        if stride > 1:
            kinds += [unet, unet, averaged]
    kind = draw(st.sampled_from(kinds))
    return draw(kind(depth - 1, stride, stateful))


KERNEL, DILATION = st.integers(1, 7), st.sampled_from([1, 1, 2, 3, 4, 8, 16])


@st.composite
def same_conv(draw: Any, *_: Any) -> Layer:
    kernel, dilation = draw(KERNEL), draw(DILATION)
    left = draw(st.sampled_from([(kernel - 1) * dilation, (kernel - 1) * dilation // 2, 0]))
    group, function = draw(st.sampled_from([1, CHANNELS])), draw(st.sampled_from(POINTWISE))
    right = (kernel - 1) * dilation - left
    return lambda net, x: net.add(
        function,
        net.conv(
            x, CHANNELS, CHANNELS, kernel, left=left, right=right, dilation=dilation, group=group
        ),
    )


@st.composite
def mirrored_conv(draw: Any, *_: Any) -> Layer:
    """Padding with frames of the input; reflected ones before the first lie within the kernel's lookahead."""
    reach, mode = draw(st.integers(0, 6)), draw(st.sampled_from(["edge", "reflect"]))
    left = draw(st.integers(0, reach // 2 if mode == "reflect" else reach))
    pads, act = [0, 0, left, 0, 0, reach - left], draw(st.booleans())

    def build(net: Net, x: str) -> str:
        y = net.add("Pad", x, net.const(pads, np.int64), mode=mode)
        y = net.add("Sigmoid", y) if act else y
        return net.conv(y, CHANNELS, CHANNELS, reach + 1)

    return build


@st.composite
def padded_convs(draw: Any, *_: Any) -> Layer:
    """Padding once, for two valid convolutions."""
    first, second = (draw(st.tuples(KERNEL, DILATION)) for _ in range(2))
    reach = sum((kernel - 1) * dilation for kernel, dilation in (first, second))
    left = draw(st.integers(0, reach))

    def build(net: Net, x: str) -> str:
        x = net.pad(x, left, reach - left)
        for kernel, dilation in (first, second):
            x = net.add("Tanh", net.conv(x, CHANNELS, CHANNELS, kernel, dilation=dilation))
        return x

    return build


@st.composite
def cropped_conv(draw: Any, *_: Any) -> Layer:
    """Padding on both sides, and a crop of one of them."""
    kernel, dilation = draw(st.integers(2, 5)), draw(DILATION)
    reach, start = (kernel - 1) * dilation, draw(st.booleans())

    def build(net: Net, x: str) -> str:
        y = net.conv(x, CHANNELS, CHANNELS, kernel, left=reach, right=reach, dilation=dilation)
        return net.cut(y, reach) if start else net.cut(net.add("Sigmoid", y), 0, -reach)

    return build


@st.composite
def shifted(draw: Any, *_: Any) -> Layer:
    frames, ahead = draw(st.integers(1, 5)), draw(st.booleans())
    fill = draw(st.sampled_from([0.0, 0.0, 0.7]))
    if ahead:
        return lambda net, x: net.pad(net.cut(x, frames), 0, frames, fill)
    return lambda net, x: net.cut(net.pad(x, frames, 0, fill), 0, -frames)


@st.composite
def shuffled(draw: Any, *_: Any) -> Layer:
    """Channels to the front of time and back, and a softmax and norm over them."""

    def build(net: Net, x: str) -> str:
        y = net.add("Transpose", x, perm=[0, 2, 1])
        y = net.add("LayerNormalization", y, net.weight(CHANNELS), net.weight(CHANNELS))
        y = net.add("MatMul", y, net.weight(CHANNELS, CHANNELS))
        y = net.add("Reshape", y, net.const([-1, CHANNELS], np.int64))
        y = net.add("Add", net.add("Softmax", y, axis=1), y)
        y = net.add("Reshape", y, net.const([1, -1, CHANNELS], np.int64))
        return net.add("Transpose", y, perm=[0, 2, 1])

    return draw(st.just(build))


@st.composite
def pooled(draw: Any, *_: Any) -> Layer:
    """Pooling by stride 1."""
    kernel, op = (
        draw(st.integers(2, 5)),
        draw(st.sampled_from(["MaxPool", "AveragePool", "LpPool"])),
    )
    left = draw(st.integers(0, kernel // 2))
    more: dict[str, Any] = {"count_include_pad": 1} if op == "AveragePool" else {}
    right = kernel - 1 - left
    if right > kernel // 2:  # more padding than half a kernel is not allowed
        return lambda net, x: net.add(
            op, net.pad(x, left, right), kernel_shape=[kernel], strides=[1]
        )
    return lambda net, x: net.add(
        op, x, kernel_shape=[kernel], strides=[1], pads=[left, right], **more
    )


@st.composite
def recurrent(draw: Any, *_: Any) -> Layer:
    kind = draw(st.sampled_from(["GRU", "LSTM", "RNN"]))
    return lambda net, x: net.recurrent(x, CHANNELS, kind)


@st.composite
def summed(draw: Any, *_: Any) -> Layer:
    exclusive = draw(st.integers(0, 1))

    def build(net: Net, x: str) -> str:
        scaled = net.add("Mul", x, net.const(0.05))
        return net.add(
            "Sin", net.add("CumSum", scaled, net.const(2, np.int64), exclusive=exclusive)
        )

    return build


@st.composite
def counted(draw: Any, *_: Any) -> Layer:
    """Divided by how many frames there were, which is 0 before the first; the count is data or a constant."""
    op, constant = draw(st.sampled_from(["Div", "Log", "Sqrt", "Pow"])), draw(st.booleans())

    def build(net: Net, x: str) -> str:
        if constant:
            frames = net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))
            places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
            count = net.add("Add", net.add("Cast", places, to=1), net.const(1))
        else:
            ones = net.add("Add", net.add("Mul", x, net.const(0)), net.const(1))
            count = net.add("CumSum", ones, net.const(2, np.int64))
        if op == "Log":
            return net.add("Div", x, net.add("Add", net.add("Log", count), net.const(1)))
        if op == "Pow":
            return net.add("Mul", x, net.add("Pow", count, net.const(-0.3)))
        return net.add("Div", x, net.add("Sqrt", count) if op == "Sqrt" else count)

    return build


@st.composite
def numbered(draw: Any, *_: Any) -> Layer:
    """A constant that returns after a few frames, of which the first ones are others."""
    start, period = draw(st.integers(0, 9)), draw(st.sampled_from([1, 2, 4]))
    op = draw(st.sampled_from(["Add", "Mul", "Div"]))

    def build(net: Net, x: str) -> str:
        frames = net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))
        places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
        early = net.add("Less", places, net.const(start, np.int64))
        turn = net.add("Mod", places, net.const(period, np.int64))
        row = net.add("Where", early, net.add("Add", turn, net.const(5, np.int64)), turn)
        table = net.const(net.random.uniform(0.5, 1.5, 16))
        return net.add(op, x, net.add("Gather", table, row))

    return build


@st.composite
def residual(draw: Any, depth: int, stride: int, stateful: bool) -> Layer:
    inner = draw(layers(depth, stride, stateful))
    return lambda net, x: net.add("Add", x, inner(net, x))


@st.composite
def joined(draw: Any, depth: int, stride: int, stateful: bool) -> Layer:
    one, other = draw(layers(depth, stride, stateful)), draw(layers(depth, stride, stateful))
    return lambda net, x: net.conv(
        net.add("Concat", one(net, x), other(net, x), axis=1), 2 * CHANNELS, CHANNELS, 1
    )


@st.composite
def chain(draw: Any, depth: int, stride: int, stateful: bool) -> Layer:
    parts = draw(st.lists(layers(depth, stride, stateful), min_size=2, max_size=3))

    def build(net: Net, x: str) -> str:
        for part in parts:
            x = part(net, x)
        return x

    return build


@st.composite
def unet(draw: Any, depth: int, stride: int, stateful: bool) -> Layer:
    """Down by a stride, something, up again by a transposed convolution."""
    step = draw(st.sampled_from([s for s in (2, 3, 4, 5) if s <= stride]))
    kernel, up = draw(st.integers(step, 7)), draw(st.integers(1, 7))
    left, crop = draw(st.integers(0, kernel - step)), max(up - step, 0)
    before = draw(st.integers(0, crop))
    inner, skip = draw(layers(depth, stride // step, stateful)), draw(st.booleans())

    def build(net: Net, x: str) -> str:
        right = kernel - step - left
        y = net.conv(x, CHANNELS, CHANNELS, kernel, left=left, right=right, stride=step)
        y = inner(net, net.add("Tanh", y))
        y = net.transposed(
            y, CHANNELS, CHANNELS, up, step, before, crop - before, max(step - up, 0)
        )
        return net.add("Add", x, y) if skip else y

    return build


@st.composite
def averaged(draw: Any, depth: int, stride: int, stateful: bool) -> Layer:
    """Down by an average or a step, up by repeating or along lines."""
    step = draw(st.sampled_from([s for s in (2, 3, 4) if s <= stride]))
    inner, mean = draw(layers(depth, stride // step, stateful)), draw(st.booleans())
    lines = draw(st.booleans())

    def build(net: Net, x: str) -> str:
        down = (
            net.add("AveragePool", x, kernel_shape=[step], strides=[step])
            if mean
            else net.cut(x, 0, step=step)
        )
        return _resized(net, inner(net, down), step, lines)

    return build


def _resized(net: Net, x: str, step: int, lines: bool) -> str:
    """Every frame `step` times, or along lines."""
    more: dict[str, Any] = {"mode": "linear"}
    if not lines:
        more = {"mode": "nearest", "nearest_mode": "floor"}
        more["coordinate_transformation_mode"] = "asymmetric"
    return net.add("Resize", x, "", net.const([1, 1, step]), **more)


def network_of(layer: Layer, seed: int) -> bytes:
    """A network of one channel in and out around a random part."""
    net = Net(seed)
    x = layer(net, net.conv("x", 1, CHANNELS, 1))
    return net.model([1, 1, "T"], net.conv(x, CHANNELS, 1, 1))


@dataclass(frozen=True)
class Joined:
    """A random network of samples `x`, frames `z` of which one comes for `down` samples, and maybe a knob."""

    sound: Layer
    frames: Layer
    down: int
    up: str
    knob: str | None

    @property
    def shapes(self) -> dict[str, list[Any]]:
        """Of the inputs but x, with open dimensions of the names that torch.export gives derived ones."""
        knobs: dict[str, list[Any]] = {"gain": [1, 1, "T"], "still": [1, 1, 1]}
        more = {} if self.knob is None else {"knob": knobs[self.knob]}
        return {"z": [1, 1, "T" if self.down == 1 else "F"], **more}

    @property
    def rates(self) -> dict[str, Fraction]:
        """Of the inputs with a rate of their own."""
        return {} if self.down == 1 else {"z": Fraction(1, self.down)}

    def network(self, seed: int) -> bytes:
        """The file."""
        net = Net(seed)
        z = self.frames(net, net.conv("z", 1, CHANNELS, 1))
        if self.up == "transposed":
            z = net.transposed(z, CHANNELS, CHANNELS, self.down, self.down)
        elif self.down > 1:
            z = _resized(net, z, self.down, lines=self.up == "lines")
        y = self.sound(net, net.add("Add", net.conv("x", 1, CHANNELS, 1), z))
        if self.knob is not None:
            gain = net.add("Sigmoid", net.conv("knob", 1, CHANNELS, 1))
            y = net.conv(net.add("Mul", y, gain), CHANNELS, CHANNELS, 3, left=1, right=1)
        return net.model([1, 1, "T"], net.conv(y, CHANNELS, 1, 1), more=self.shapes)


@st.composite
def joined_inputs(draw: Any) -> Joined:
    """Two streams, the second at a rate of its own, and a control with or without a time axis."""
    return Joined(
        draw(layers(depth=2)),
        draw(layers(depth=1, stride=4)),
        draw(st.sampled_from([1, 2, 3, 4, 5, 8])),
        draw(st.sampled_from(["transposed", "lines", "repeated"])),
        draw(st.sampled_from([None, "gain", "still"])),
    )
