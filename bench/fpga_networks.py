"""Small networks and random layers for the tests of the engine."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.fpga import SquareDeformConv2d
from edgekit.fpga.network import Layer, Network, StoredTensor, View
from edgekit.fpga.spec import DMAX
from edgekit.graph.model import Model
from edgekit.operators.scheme import QuantType
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export.importing import ImportOptions, load_model

KIND = QuantType("int8", 1.0, -3)


class Tiny(nn.Module):
    """Everything that the engine runs: stride, shuffle, split, concat, upsampling, d, limits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, 2, 1)
        self.branch = nn.Sequential(
            nn.Conv2d(6, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 1, 1, groups=6), nn.Conv2d(6, 7, 1)
        )
        self.down = nn.Conv2d(13, 13, 3, 2, 1, groups=13)
        self.point = nn.Conv2d(13, 10, 1)
        self.deform = SquareDeformConv2d(10, bias=True)
        self.norm = nn.BatchNorm2d(10)
        self.head = nn.Conv2d(10, 5, 1)
        with torch.no_grad():
            self.deform.offset.weight.normal_(0, 3)
            self.norm.weight.uniform_(0.5, 2)
            self.norm.bias.normal_()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.relu(self.stem(x))
        left, right = y.chunk(2, 1)
        y = torch.cat([left, torch.relu(self.branch(right))], 1)
        y = y[:, torch.tensor([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 12])]
        y = self.point(self.down(y))
        y = torch.relu(self.norm(self.deform(y)))
        return self.head(nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")), y


def tiny() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """`Tiny` and a picture whose sides differ."""
    return Tiny(), (torch.randn(1, 3, 20, 24),)


class Plain(nn.Module):
    """An ordinary convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, 1, 2),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 3, 1, 1, groups=8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(8, 20, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(20, 3, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


def plain() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """`Plain` and a picture."""
    return Plain(), (torch.randn(1, 1, 12, 12),)


@cache
def imported(factory: Callable[[], Any]) -> Model:
    """A factory of this module as `edgekit export` imports it."""
    return load_model(f"{__name__}:{factory.__name__}", ImportOptions()).model


def calibration(model: Model, pictures: int = 8) -> Calibration:
    """Seeded pictures."""
    (value,) = model.stream_inputs
    shape = tuple(int(str(d)) for d in value.shape or ())
    x = np.random.default_rng(1).standard_normal((pictures, *shape)).astype(np.float32)
    return Calibration(({str(value.name): x},), "seeded pictures")


def random_layer(
    random: np.random.Generator,
    path: str,
    shape: tuple[int, int, int],
    outputs: int,
    weight_bits: int = 8,
    kernel: int = 1,
    stride: int = 1,
    deform: bool = False,
) -> Layer:
    """A layer of any numbers whose results spread over int8; it reads ``x`` (and ``d``) and writes ``y``."""
    channels, height, width = shape
    limit = 2 ** (weight_bits - 1) - 1
    size = (channels, 3, 3) if path == "depthwise" else (outputs, channels, kernel, kernel)
    weights = random.integers(-limit, limit + 1, size).astype(np.int8)
    reach = float(np.abs(weights.reshape(len(weights), -1).astype(float)).sum(axis=1).max())
    shift = random.integers(24, 30, len(weights))
    mult = np.clip(np.rint(2.0**shift * 250 / (128 * reach)), 2**15, 2**16 - 1).astype(np.int64)
    low = int(random.integers(-128, 0))
    return Layer(
        "layer",
        path,
        View(("x",) * channels, tuple(range(channels)), height, width),
        "y",  # type: ignore[arg-type]
        weights,
        random.integers(-3000, 3000, len(weights)).astype(np.int32),
        mult,
        shift.astype(np.int64),
        KIND.zero_point,
        int(random.integers(-20, 20)),
        low,
        int(random.integers(low + 60, 128)),
        stride,
        "d" if deform else None,
    )


def one_layer(layer: Layer, weight_bits: int) -> Network:
    """The network of one layer; d is an input too."""
    channels, height, width = layer.x.shape
    out = -(-height // layer.stride), -(-width // layer.stride)
    tensors = {
        "x": StoredTensor("x", channels, height, width, KIND),
        "y": StoredTensor("y", layer.out_channels, *out, KIND),
    }
    inputs = {"x": "x"}
    if layer.dilation is not None:
        tensors["d"] = StoredTensor("d", 1, height, width, QuantType("int8", 1.0, 0))
        inputs["d"] = "d"
    view = View(("y",) * layer.out_channels, tuple(range(layer.out_channels)), *out)
    return Network(tensors, (layer,), inputs, {"y": view}, weight_bits)


def random_x(random: np.random.Generator, shape: tuple[int, int, int]) -> NDArray[np.int8]:
    """Any int8."""
    return random.integers(-128, 128, shape).astype(np.int8)


def picture_network(layer: Layer, weight_bits: int) -> Network:
    """A deformable layer behind one that takes d out of the picture, whose last channel it is."""
    channels, height, width = layer.x.shape
    network = one_layer(layer, weight_bits)
    read = View(("x",) * (channels + 1), tuple(range(channels + 1)), height, width)
    copy = replace(
        layer,
        name="copy",
        path="dense",
        x=read,
        y="d",
        dilation=None,
        bias=np.zeros(1, np.int32),
        weights=np.eye(1, channels + 1, channels, dtype=np.int8)[:, :, None, None],
        mult=np.array([2**15]),
        shift=np.array([15]),
        y_zero=0,
        y_min=0,
        y_max=DMAX,
    )
    picture = replace(network.tensors["x"], channels=channels + 1)
    return replace(
        network, tensors={**network.tensors, "x": picture}, layers=(copy, layer), inputs={"x": "x"}
    )
