"""`Network`: the integer network of an engine: layers between stored int8 tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgekit.base.arrays import Int8, Int32, Int64
from edgekit.fpga.spec import MULTIPLIER_BITS
from edgekit.graph.model import Model
from edgekit.operators.scheme import QuantType


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that a layer writes or the engine is given, ``(channels, height, width)`` int8."""

    name: str
    channels: int
    height: int
    width: int
    kind: QuantType

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class View:
    """Channels of stored tensors as a layer reads them: shuffle, split, concat and upsampling are here.

    Channel i is channel ``channels[i]`` of ``tensors[i]``. With the factor f = ``factors[i]``, its pixel (y, x) is
    pixel ``(y // f, x // f)`` of the stored one.
    """

    tensors: tuple[str, ...]
    channels: tuple[int, ...]
    height: int
    width: int
    upsample: tuple[int, ...] = ()  # of each channel; none: all 1

    @property
    def factors(self) -> tuple[int, ...]:
        """The number of repeats of every channel's pixels in each direction."""
        return self.upsample or (1,) * len(self.channels)

    @property
    def sources(self) -> list[tuple[str, int, int]]:
        """The tensor, the channel there and the factor of each channel."""
        return list(zip(self.tensors, self.channels, self.factors, strict=True))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width as read."""
        return len(self.channels), self.height, self.width


@dataclass(frozen=True)
class Layer:
    """One pass through a data path: sums, then ``clamp(y_zero + requantize(sum))``.

    ``sum = bias + sum of weights * x``; the zero points of x are in the bias. A tap outside of the image reads
    `x_zero`.

    Attributes:
        name: of the original node.
        path: ``dense`` (every channel of x, any odd square kernel), ``depthwise`` (3x3, a channel each), or ``pool``. A
            pool takes the largest of 2x2 or 3x3; its weights are zeros of that size.
        x: the input.
        y: name of the stored tensor that it writes.
        weights: int8, dense ``(out, in, k, k)``, depthwise ``(channels, 3, 3)``.
        bias: int32 per output channel.
        mult: of the requantization, in [2^15, 2^16).
        shift: of the requantization.
        x_zero: the value of padding.
        y_zero: zero point of y.
        y_min: the least stored value, from an activation.
        y_max: the largest.
        stride: of the output's pixels; padding is ``(k - 1) // 2`` above and left, and enough for the last pixel.
        dilation: name of the stored d ``(1, height, width)`` of a deformable layer; None is 1 everywhere.
    """

    name: str
    path: Literal["dense", "depthwise", "pool"]
    x: View
    y: str
    weights: Int8
    bias: Int32
    mult: Int64
    shift: Int64
    x_zero: int
    y_zero: int
    y_min: int
    y_max: int
    stride: int = 1
    dilation: str | None = None

    @property
    def kernel(self) -> int:
        """Width and height of the kernel."""
        return int(self.weights.shape[-1])

    @property
    def out_channels(self) -> int:
        """Channels of y."""
        return len(self.weights)

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included; a pool has none."""
        if self.path == "pool":
            return 0
        _, height, width = self.x.shape
        pixels = -(-height // self.stride) * -(-width // self.stride)
        return pixels * int(self.weights.size)

    @property
    def accumulator_bits(self) -> int:
        """Bits of a signed accumulator that no input can overflow, in whatever order the taps are added."""
        rows = np.abs(self.weights.reshape(len(self.weights), -1).astype(np.int64)).sum(axis=1)
        largest = int((rows * 128 + np.abs(self.bias.astype(np.int64))).max(initial=1))
        return largest.bit_length() + 1


@dataclass(frozen=True)
class CpuPart:
    """A part of the network that the CPU computes in float, between layers of the engine.

    Attributes:
        at: the number of layers that run before it.
        nodes: names of its operators, as in the source network.
        model: the part as a network; its inputs and outputs keep their names.
        reads: those of its inputs that the engine made.
        writes: outputs that the engine reads -> stored tensor.
    """

    at: int
    nodes: tuple[str, ...]
    model: Model
    reads: Mapping[str, View]
    writes: Mapping[str, str]


@dataclass(frozen=True)
class Network:
    """Layers in the order in which they run.

    Attributes:
        tensors: every stored tensor by name.
        layers: in order.
        inputs: graph input -> stored tensor.
        outputs: graph output -> view of the stored tensors; the CPU's outputs are not among them.
        weight_bits: 8 or 4.
        notes: for the user, on the lowering.
        cpu: the parts of the CPU, in order.
    """

    tensors: Mapping[str, StoredTensor]
    layers: tuple[Layer, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, View]
    weight_bits: int
    notes: tuple[str, ...] = ()
    cpu: tuple[CpuPart, ...] = ()

    @property
    def from_cpu(self) -> tuple[str, ...]:
        """The stored tensors that the CPU writes."""
        return tuple(name for part in self.cpu for name in part.writes.values())

    @property
    def leaving(self) -> tuple[View, ...]:
        """The views that are read in DRAM: outputs, and inputs of the CPU's parts."""
        return (
            *self.outputs.values(),
            *(view for part in self.cpu for view in part.reads.values()),
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one picture on the engine."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weights_bytes(self) -> int:
        """Weights at their width, and bias, multiplier and shift of every channel."""
        weighted = [layer for layer in self.layers if layer.path != "pool"]
        bits = sum(layer.weights.size for layer in weighted) * self.weight_bits
        scaling = 4 + MULTIPLIER_BITS // 8 + 1
        return -(-bits // 8) + scaling * sum(layer.out_channels for layer in weighted)
