"""A detector in the manner of CoDeNet: ShuffleNetV2, two or three deformable up-sampling stages, CenterNet heads.

Sizes of CoDeNet (FPGA 2021, arXiv 2006.08357, table 1 and section 4). The heat map is given as logits: who reads
the outputs applies the sigmoid.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.base.npz import read_npz
from edgekit.demos.data_wheel import require_data
from edgekit.demos.shapes import HELD_OUT, draw
from edgekit.fpga.spec import DMAX, Variant
from edgekit.fpga.torch_module import SquareDeformConv2d

WEIGHTS = Path(__file__).with_name("deform.npz")


@dataclass(frozen=True)
class Size:
    """The shape of a detector.

    Attributes:
        image: height and width of the picture in pixels; outputs have a `stride`-th of it.
        stems: channels and stride of the first convolutions.
        stages: channels of the backbone's stages, each at half the resolution of the one before.
        repeats: units of each stage.
        last: channels of the backbone's last 1x1 convolution.
        decoder: channels of the up-sampling stages, one for each halving of the backbone.
        head: channels of each head's hidden layer.
        classes: channels of the heat map.
        pool: whether a max-pooling of stride 2 follows on them.
    """

    image: int
    stems: tuple[tuple[int, int], ...]
    stages: tuple[int, ...]
    repeats: tuple[int, ...]
    last: int
    decoder: tuple[int, ...]
    head: int
    classes: int
    pool: bool = False

    @property
    def stride(self) -> int:
        """Pixels of the picture per output pixel."""
        stem = math.prod(stride for _, stride in self.stems) * (2 if self.pool else 1)
        return (stem << len(self.stages)) >> len(self.decoder)


_1X = ((116, 232, 464), (4, 8, 4), 1024, (256, 128, 64), 64, 20)
_2X = ((244, 488, 976), (4, 8, 4), 2153, (256, 128, 64), 64, 20)
_BY_4, _BY_2 = ((24, 4),), ((24, 2),)
SIZES = {
    "a": Size(256, _BY_4, *_1X),
    "b": Size(256, _BY_2, *_1X, pool=True),
    "c": Size(512, _BY_4, *_1X),
    "d": Size(512, _BY_4, *_2X),
    "e": Size(512, _BY_2, *_2X, pool=True),
    "small": Size(96, ((12, 2),), (24, 64, 96), (1, 2, 2), 96, (64, 48, 32), 16, 3),
    "wide": Size(256, ((12, 4),), (32, 64), (1, 2), 64, (32, 16), 8, 3),
}
HEAT_BIAS = -2.19  # a heat map starts at a probability of 0.1 (CenterNet)


class Unit(nn.Module):
    """ShuffleNetV2's unit; with stride 2 both branches see all channels (arXiv 1807.11164, figure 3c, d)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Make the branches."""
        super().__init__()
        half, self.stride = outputs // 2, stride
        own = inputs if stride == 2 else half
        self.right = nn.Sequential(
            *convolution(own, half, 1, act=True),
            *convolution(half, half, 3, stride, groups=half),
            *convolution(half, half, 1, act=True),
        )
        if stride == 2:
            self.left = nn.Sequential(
                *convolution(inputs, inputs, 3, 2, groups=inputs),
                *convolution(inputs, half, 1, act=True),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the shuffled channels of both branches."""
        if self.stride == 2:
            left, right = self.left(x), self.right(x)
        else:
            left, right = x.chunk(2, 1)
            right = self.right(right)
        y = torch.cat([left, right], 1)
        b, c, h, w = y.shape
        return y.reshape(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


class Up(nn.Module):
    """1x1, deformable depthwise 3x3, BN, ReLU, nearest 2x."""

    def __init__(self, inputs: int, outputs: int, dmax: int, variant: Variant) -> None:
        """Make the layers."""
        super().__init__()
        self.point = nn.Sequential(*convolution(inputs, outputs, 1))
        self.deform = SquareDeformConv2d(outputs, dmax, variant)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return twice the height and width."""
        y = torch.relu(self.norm(self.deform(self.point(x))))
        return nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")


class Detector(nn.Module):
    """Map pictures ``(batch, 3, image, image)``, about -1..1, to heat map, size and offset of CenterNet.

    Outputs at a `Size.stride`-th of the resolution: ``heat`` (classes) as logits, ``size`` (width, height) in output
    pixels, ``offset`` (x, y) of the centre within its output pixel.
    """

    output_names = ("heat", "size", "offset")

    def __init__(self, size: Size, dmax: int = DMAX, variant: Variant = "rounded") -> None:
        """Make a detector of this size."""
        super().__init__()
        self.size, self.variant = size, variant
        channels = 3
        stem: list[nn.Module] = []
        for outputs, stride in size.stems:
            stem += convolution(channels, outputs, 3, stride, act=True)
            channels = outputs
        self.stem = nn.Sequential(*stem, *([nn.MaxPool2d(3, 2, 1)] if size.pool else []))
        units = []
        for outputs, repeats in zip(size.stages, size.repeats, strict=True):
            units += [
                Unit(channels, outputs, 2),
                *(Unit(outputs, outputs, 1) for _ in range(1, repeats)),
            ]
            channels = outputs
        self.backbone = nn.Sequential(*units, *convolution(channels, size.last, 1, act=True))
        widths = (size.last, *size.decoder)
        self.decoder = nn.Sequential(*(Up(a, b, dmax, variant) for a, b in pairwise(widths)))
        heads = [head(widths[-1], size.head, n) for n in (size.classes, 2, 2)]
        nn.init.constant_(heads[0][-1].bias, HEAT_BIAS)  # type: ignore[arg-type]
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return heat map, size and offset."""
        y = self.decoder(self.backbone(self.stem(x)))
        return tuple(branch(y) for branch in self.heads)


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = False
) -> Sequence[nn.Module]:
    """Convolution without bias and BN, with `act` also ReLU."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.ReLU()] if act else layers


def head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """1x1, depthwise 3x3, 1x1."""
    return nn.Sequential(
        *convolution(inputs, hidden, 1, act=True),
        *convolution(hidden, hidden, 3, groups=hidden, act=True),
        nn.Conv2d(hidden, outputs, 1),
    )


def small() -> tuple[Detector, tuple[Tensor, ...]]:
    """The bundled detector, trained on `edgekit.demos.shapes`, and a picture."""
    net = Detector(SIZES["small"])
    require_data(WEIGHTS)
    arrays = {name: torch.from_numpy(array) for name, array in read_npz(WEIGHTS).items()}
    net.load_state_dict(arrays, strict=False)
    return net.eval(), (torch.from_numpy(draw(HELD_OUT).image)[None],)


def random_detector(config: str) -> tuple[Detector, tuple[Tensor, ...]]:
    """A detector of ``SIZES`` with random weights whose d differ from place to place, and two pictures."""
    size = SIZES[config]
    net = Detector(size)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, SquareDeformConv2d):
                module.offset.weight.normal_(0, 3 / module.offset.in_channels**0.5)
                module.offset.bias.fill_(3)  # type: ignore[union-attr]
            elif isinstance(module, nn.BatchNorm2d):
                module.momentum = (
                    1.0  # the statistics of one picture, so that no layer's results vanish
                )
        picture = torch.randn(1, 3, size.image, size.image)
        net.train()(picture)
    return net.eval(), (picture,)


def _config(name: str) -> Callable[[], Any]:
    return lambda: random_detector(name)


config_a, config_b, config_c, config_d, config_e = (_config(name) for name in "abcde")
