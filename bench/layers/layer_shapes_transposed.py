"""Transposed convolutions for `transposed.py` and `layers.py`: decoders of sound and pictures, and odd ones."""

from collections.abc import Iterator
from math import prod

import numpy as np
from layers.layer_shapes import Layer


def transposed(
    source: str,
    x: tuple[int, ...],
    out: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...] | int,
    pads: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Layer:
    """A transposed convolution of x (channels, [height,] width).

    By default it is padded on both sides by half of what its kernel adds to a stride.
    """
    strides = (stride,) * len(kernel) if isinstance(stride, int) else stride
    before = [max(k - s, 0) // 2 for k, s in zip(kernel, strides, strict=True)]
    behind = [max(k - s, 0) - p for k, s, p in zip(kernel, strides, before, strict=True)]
    if pads is not None:
        before = behind = list(pads)
    attributes = {
        "kernel_shape": list(kernel),
        "strides": list(strides),
        "pads": [*before, *behind],
        "group": groups,
    }
    by, size = "x".join(map(str, kernel)), "x".join(map(str, x[1:]))
    steps = ",".join(map(str, strides if len(set(strides)) > 1 else strides[:1]))
    apart = "" if groups == 1 else f" g{groups}"
    name = f"{source}: {by}/{steps}{apart} up {x[0]}->{out} {size}"
    w = (x[0], out // groups, *kernel)
    axes = zip(x[1:], kernel, strides, before, behind, strict=True)
    macs = x[0] * w[1] * prod(products_of_axis(*axis) for axis in axes)
    return Layer("transposed", name, "ConvTranspose", (1, *x), (w, (out,)), attributes, macs)


def products_of_axis(size: int, kernel: int, stride: int, before: int, behind: int) -> int:
    """How many pairs of a position and a tap reach an output: padding cuts those at both ends."""
    places = stride * np.arange(size)[:, None] + np.arange(kernel) - before
    return int(np.sum((places >= 0) & (places <= places.max() - behind)))


def hop(source: str, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> Layer:
    """One hop of a streamed decoder: the frames that its kernel spans, of which one is new, give `stride` samples."""
    frames = -(-kernel // stride)
    pad = (frames - 1) * stride
    layer = transposed(source, (channels, frames), out, (kernel,), stride, (pad,), groups)
    return layer


TRANSPOSED = (
    hop("a hop", 48, 2, 384, 192),
    hop("a hop", 48, 1, 480, 240),
    hop("a hop", 32, 4, 128, 64),
    hop("a hop", 24, 3, 96, 32),
    hop("a hop", 64, 4, 16, 8),
    hop("a hop", 16, 1, 480, 240),
    hop("a hop", 1, 1, 480, 240),
    hop("a hop", 64, 1, 8, 4),
    hop("a hop", 64, 2, 3, 1),
    hop("a hop, each by itself", 4, 4, 256, 128, 4),
    transposed("clip", (48, 20), 2, (384,), 192),
    transposed("clip", (32, 20), 1, (480,), 240),
    transposed("clip", (32, 30), 4, (128,), 64),
    transposed("clip", (24, 40), 3, (32,), 16),
    transposed("clip", (32, 100), 1, (16,), 8),
    transposed("clip", (32, 100), 4, (8,), 4),
    transposed("clip", (32, 200), 2, (4,), 2),
    transposed("clip", (64, 200), 1, (3,), 1),
    transposed("clip", (1, 100), 1, (160,), 80),
    transposed("clip", (4, 100), 4, (16,), 8, None, 4),
    transposed("clip", (16, 50), 2, (10,), 5, None, 2),
    transposed("clip", (16, 60), 3, (5,), 3),
    transposed("picture", (16, 12, 12), 1, (2, 2), 2),
    transposed("picture", (16, 12, 12), 3, (4, 4), 2),
    transposed("picture", (16, 12, 12), 4, (3, 3), 2),
    transposed("picture", (32, 7, 9), 2, (3, 3), 1),
    transposed("picture", (16, 6, 6), 1, (16, 16), 8),
    transposed("picture", (8, 4, 4), 3, (32, 32), 16),
    transposed("picture", (24, 1, 33), 2, (1, 6), (1, 3)),
    transposed("picture", (24, 5, 17), 1, (3, 4), (1, 2)),
    transposed("picture", (16, 1, 2), 1, (16, 240), (1, 240)),
    transposed("picture", (4, 8, 8), 4, (4, 4), 4, None, 4),
)


def odd_transposed(seed: int) -> Iterator[Layer]:
    """Yield layers of sizes that no network has, from a seed: strides from 1 to 240, few outputs, hops and clips."""
    random = np.random.default_rng([seed, 2])
    source = f"seed {seed}"

    def one(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    for _ in range(3):
        stride = int(np.exp(random.uniform(0, np.log(241))))
        kernel, channels, out = stride * one(1, 3) + one(0, 1), one(1, 50), one(1, 4)
        yield hop(source, channels, out, kernel, stride)
        yield transposed(source, (channels, one(2, max(600 // stride, 3))), out, (kernel,), stride)
        strides = one(1, 5), one(1, 8)
        sizes = tuple(s * one(1, 2) + one(0, 1) for s in strides)
        yield transposed(source, (one(1, 24), one(1, 9), one(2, 12)), one(1, 4), sizes, strides)
