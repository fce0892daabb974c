"""Random chains of layers that pad, stride, dilate, crop, pool and resample, as a hypothesis strategy."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from stream_layers import CHANNELS
from stream_networks import Net

Part = Callable[[Net, str], str]
MOST_HOP, LONGEST = 12, 6  # samples of the least hop; parts of a chain
MODES = ("constant", "constant", "edge", "reflect")


@st.composite
def chains(draw: Any, modes: tuple[str, ...] = MODES) -> Part:
    """A chain of two to six parts, at rates of 1/12 to 12 frames for a sample."""
    parts, rate = [], Fraction(1)
    for _ in range(draw(st.integers(2, LONGEST))):
        part, ratio = draw(st.sampled_from(KINDS))(draw, modes)
        least = (rate * ratio).limit_denominator(10**6)
        if max(least.numerator, least.denominator) <= MOST_HOP:
            parts.append(part)
            rate = least

    def build(net: Net, x: str) -> str:
        for part in parts:
            x = part(net, x)
        return x

    return build


Drawn = tuple[Part, Fraction]


def _padded(draw: Any, modes: tuple[str, ...]) -> Drawn:
    left, right = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    mode, fill = draw(st.sampled_from(modes)), draw(st.sampled_from([0.0, 0.0, 0.7]))
    pads = [0, 0, left, 0, 0, right]

    def build(net: Net, x: str) -> str:
        if mode == "constant":
            return net.pad(x, left, right, fill)
        return net.add("Pad", x, net.const(pads, np.int64), mode=mode)

    return build, Fraction(1)


def _convolved(draw: Any, _: tuple[str, ...]) -> Drawn:
    kernel, stride, dilation = draw(
        st.tuples(st.integers(1, 7), st.sampled_from([1, 1, 2, 3]), st.sampled_from([1, 1, 2, 3]))
    )
    reach = (kernel - 1) * dilation
    left, right = draw(st.tuples(st.integers(0, reach), st.integers(0, reach)))
    if draw(st.booleans()):
        left = right = 0
    shape: dict[str, int] = {"left": left, "right": right, "dilation": dilation, "stride": stride}
    return (
        lambda net, x: net.add("Tanh", net.conv(x, CHANNELS, CHANNELS, kernel, **shape)),
        Fraction(1, stride),
    )


def _raised(draw: Any, _: tuple[str, ...]) -> Drawn:
    """A transposed convolution, cropped by itself or by a slice after it."""
    kernel, stride = draw(st.tuples(st.integers(1, 9), st.integers(1, 3)))
    left, right = draw(st.tuples(st.integers(0, kernel + 4), st.integers(0, kernel + 4)))
    own = draw(st.booleans())

    def build(net: Net, x: str) -> str:
        if own:
            return net.transposed(x, CHANNELS, CHANNELS, kernel, stride, left, right)
        y = net.transposed(x, CHANNELS, CHANNELS, kernel, stride)
        return net.cut(y, left, -right or 2**60)

    return build, Fraction(stride)


def _cut(draw: Any, _: tuple[str, ...]) -> Drawn:
    start, end = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    return lambda net, x: net.cut(x, start, -end or 2**60), Fraction(1)


def _pooled(draw: Any, _: tuple[str, ...]) -> Drawn:
    kind = draw(st.sampled_from(["MaxPool", "AveragePool", "LpPool"]))
    kernel, stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    return lambda net, x: net.add(kind, x, kernel_shape=[kernel], strides=[stride]), Fraction(
        1, stride
    )


def _resized(draw: Any, _: tuple[str, ...]) -> Drawn:
    factor, lines = draw(st.tuples(st.integers(2, 3), st.booleans()))
    more: dict[str, Any] = {"mode": "linear"}
    if not lines:
        more = {"mode": "nearest", "nearest_mode": "floor"}
        more["coordinate_transformation_mode"] = "asymmetric"
    return (
        lambda net, x: net.add("Resize", x, "", net.const([1, 1, factor]), **more),
        Fraction(factor),
    )


KINDS = (_padded, _padded, _convolved, _convolved, _raised, _cut, _pooled, _resized)
