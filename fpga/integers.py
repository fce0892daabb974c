"""Convert a layer's float sums to integers: types, weights, biases, multipliers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.fpga.network import Layer, StoredTensor, View
from edgekit.fpga.spec import MULTIPLIER_BITS
from edgekit.operators.scheme import QuantType, activation_type, fixed_point
from edgekit.quantize.calibrate.observers import OBSERVERS, Observer

Path = Literal["dense", "depthwise", "pool"]
DILATION = QuantType("int8", 1.0, 0)  # d is stored as it is
BIAS_BITS = (
    22  # a bias that needs more gets a larger weight scale, so that accumulators stay narrow
)
MINIMUM_SCALE = 2.0**-16  # of a channel's weights, relative to the layer's largest
SHRINK = np.linspace(0.4, 1.0, 31)  # weight ranges that are tried at 4 bits


@dataclass
class Sums:
    """A layer before it is integer: weights and bias in float64, BN and the like folded in."""

    name: str
    path: Path
    x_view: View
    y: str
    weights: Float64
    bias: Float64
    low: float
    high: float
    stride: int
    dilation: str | None = None
    is_dilation: bool = False
    keeps_type: bool = False  # y has the type of x
    one_scale: bool = False  # its input has one scale

    @property
    def kernel(self) -> int:
        """Width and height of the kernel."""
        return int(self.weights.shape[-1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of y."""
        height, width = (
            -(-side // self.stride) for side in (self.x_view.height, self.x_view.width)
        )
        return len(self.weights), height, width


class Ranges:
    """The type of each stored tensor; tensors that are read together through padding share one."""

    def __init__(self, observers: dict[str, Observer]) -> None:
        """Take calibration's observations of every float tensor."""
        self.observers, self.parent = observers, dict[str, str]()

    def share(self, view: View) -> None:
        """Let the tensors of a view have one type."""
        names = sorted(set(view.tensors))
        for name in names[1:]:
            self.parent[self._root(name)] = self._root(names[0])

    def same(self, view: View, name: str) -> None:
        """Let a tensor have the type of a view's tensors."""
        self.share(view)
        self.parent[self._root(name)] = self._root(view.tensors[0])

    def kind(self, name: str) -> QuantType:
        """The int8 type of a stored tensor; d has its own."""
        root = self._root(name)
        if root not in self.observers:
            return DILATION
        members = [n for n in self.observers if self._root(n) == root]
        ends = [OBSERVERS["mse"](self.observers[n]) for n in members]
        return activation_type("int8", min(e[0] for e in ends), max(e[1] for e in ends))

    def _root(self, name: str) -> str:
        while (parent := self.parent.get(name, name)) != name:
            name = parent
        return name


def integer_layer(sums: Sums, tensors: dict[str, StoredTensor], weight_bits: int) -> Layer:
    """Return the layer in integers.

    Inputs of a 1x1 layer may differ in their scales: they are taken into the weights.
    """
    if sums.path == "pool":
        return _pool_layer(sums)
    read = [tensors[name].kind for name in sums.x_view.tensors]
    y = DILATION if sums.is_dilation else tensors[sums.y].kind
    scales = np.array([kind.scale for kind in read])
    zeros = np.array([kind.zero_point for kind in read], np.int64)
    scale = float(scales.max())
    depthwise = sums.path == "depthwise"
    weights = sums.weights if depthwise else sums.weights * (scales / scale)[None, :, None, None]
    limit = 2 ** (weight_bits - 1) - 1
    w_scale = _weight_scales(weights, sums.bias / scale, limit)
    wide = w_scale.reshape(-1, *[1] * (weights.ndim - 1))
    q = np.clip(np.rint(weights / wide), -limit, limit).astype(np.int8)
    bias = np.rint(sums.bias / (scale * w_scale)).astype(np.int64)
    per_input = q.astype(np.int64).sum(axis=(-1, -2))
    bias -= per_input * zeros if depthwise else per_input @ zeros
    mult, shift = fixed_point(scale * w_scale / y.scale, MULTIPLIER_BITS)
    low, high = (
        int(np.clip(np.rint(end / y.scale) + y.zero_point, -128, 127)) if np.isfinite(end) else side
        for end, side in ((sums.low, -128), (sums.high, 127))
    )
    return Layer(
        sums.name, sums.path, sums.x_view, sums.y, q, bias.astype(np.int32), mult, shift,
        int(zeros[0]), y.zero_point, low, high, sums.stride, sums.dilation,
    )  # fmt: skip


def _pool_layer(sums: Sums) -> Layer:
    none = np.zeros(len(sums.weights), np.int64)
    return Layer(
        sums.name,
        "pool",
        sums.x_view,
        sums.y,
        sums.weights.astype(np.int8),
        none.astype(np.int32),
        none,
        none + 1,
        -128,
        0,
        -128,
        127,
        sums.stride,
    )


def _weight_scales(weights: Float64, bias: Float64, limit: int) -> Float64:
    """Return one scale per output channel: of the largest weight, at 4 bits that of least squared error."""
    rows = weights.reshape(len(weights), -1)
    scales = np.abs(rows).max(axis=1) / limit
    if limit < 127:
        tried = scales[:, None] * SHRINK
        wide = np.maximum(tried, np.finfo(np.float64).tiny)[:, :, None]
        rounded = np.clip(np.rint(rows[:, None] / wide), -limit, limit) * wide
        errors = ((rounded - rows[:, None]) ** 2).sum(axis=2)
        scales = tried[np.arange(len(rows)), errors.argmin(axis=1)]
    scales = np.maximum(scales, scales.max(initial=0.0) * MINIMUM_SCALE)
    scales = np.maximum(scales, np.abs(bias) * 2.0**-BIAS_BITS)
    return np.where(scales > 0, scales, 1.0)
