"""Views and weights of one layer: each channel once, a number for each channel."""

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.fpga.integers import Sums
from edgekit.fpga.network import View
from edgekit.fpga.tail import Tail


def merge_channels(view: View, weights: Float64) -> tuple[View, Float64]:
    """A dense layer's view with each channel once, and its weights ``(out, in, k, k)``: those of one channel added."""
    sources = list(dict.fromkeys(view.sources))
    if len(sources) == len(view.sources):
        return view, weights
    merged = np.zeros((len(weights), len(sources), *weights.shape[2:]))
    for i, source in enumerate(view.sources):
        merged[:, sources.index(source)] += weights[:, i]
    tensors, channels, factors = zip(*sources, strict=True)
    return View(tensors, channels, view.height, view.width, factors), merged


def pointwise_sums(name: str, view: View, y: str, tail: Tail) -> Sums:
    """A function per channel as a depthwise layer, of which only the centre has weights."""
    weights = np.zeros((len(tail.factor), 3, 3))
    weights[:, 1, 1] = tail.factor
    return Sums(name, "depthwise", view, y, weights, tail.addend, tail.low, tail.high, 1)
