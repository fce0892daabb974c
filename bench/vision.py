"""Two vision networks of the kinds that run on small devices, with seeded weights, for `published`."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]


class Inverted(nn.Module):
    """MobileNetV2's block: expand, depthwise, project; a residual where shapes allow.

    Source: Sandler et al., MobileNetV2, 2018, table 1.
    """

    def __init__(self, inside: int, outside: int, stride: int, factor: int) -> None:
        """Take channels in and out, stride of the depthwise layer, factor of expansion."""
        super().__init__()
        wide = inside * factor
        self.residual = stride == 1 and inside == outside
        self.layers = nn.Sequential(
            nn.Conv2d(inside, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(1, inside, h, w) -> (1, outside, h / stride, w / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """MobileNetV2 at width 0.35 for 96 x 96 pictures: table 2 of the paper, channels in eights."""

    ROWS = (
        (16, 1, 1, 1),
        (24, 2, 2, 6),
        (32, 3, 2, 6),
        (64, 4, 2, 6),
        (96, 3, 1, 6),
        (160, 3, 2, 6),
        (320, 1, 1, 6),
    )  # channels, blocks, stride, expansion

    def __init__(self, classes: int = 10) -> None:
        """Take the number of classes."""
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU6(),
        ]
        channels = 16
        for width, blocks, stride, factor in self.ROWS:
            outside = max(8, int(width * 0.35 + 4) // 8 * 8)
            for block in range(blocks):
                layers.append(Inverted(channels, outside, stride if block == 0 else 1, factor))
                channels = outside
        layers += [nn.Conv2d(channels, 320, 1, bias=False), nn.BatchNorm2d(320), nn.ReLU6()]
        self.features, self.classes = nn.Sequential(*layers), nn.Linear(320, classes)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(1, 3, 96, 96) -> logits (1, classes)."""
        return {"logits": self.classes(self.features(image).mean((2, 3)))}


class BlazeBlock(nn.Module):
    """BlazeFace's block: 5 x 5 depthwise, pointwise, and a shortcut that is pooled and padded.

    Source: Bazarevsky et al., BlazeFace, 2019, figure 1.
    """

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        """Take channels in and out, and the stride."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inside, inside, 5, stride, 2, groups=inside), nn.Conv2d(inside, outside, 1)
        )
        self.pool = nn.MaxPool2d(2) if stride == 2 else nn.Identity()
        self.more = outside - inside

    def forward(self, x: Tensor) -> Tensor:
        """(1, inside, h, w) -> (1, outside, h / stride, w / stride)."""
        shortcut = nn.functional.pad(self.pool(x), (0, 0, 0, 0, 0, self.more))
        return torch.relu(self.layers(x) + shortcut)


class BlazeFace(nn.Module):
    """BlazeFace's shape: 128 x 128 pictures, anchors of two grids, 16 numbers and a score for each."""

    def __init__(self) -> None:
        """Build the two stages and their heads."""
        super().__init__()
        widths = (24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88)
        strides = (1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1)
        blocks = [
            BlazeBlock(a, b, s) for a, b, s in zip(widths[:-1], widths[1:], strides, strict=True)
        ]
        self.first = nn.Sequential(nn.Conv2d(3, 24, 5, 2, 2), nn.ReLU(), *blocks)
        self.second = nn.Sequential(
            BlazeBlock(88, 96, 2), *(BlazeBlock(96, 96, 1) for _ in range(4))
        )
        self.boxes = nn.ModuleList([nn.Conv2d(88, 2 * 16, 1), nn.Conv2d(96, 6 * 16, 1)])
        self.scores = nn.ModuleList([nn.Conv2d(88, 2, 1), nn.Conv2d(96, 6, 1)])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(1, 3, 128, 128) -> boxes (1, 896, 16) and scores (1, 896, 1)."""
        fine = self.first(image)
        maps = (fine, self.second(fine))
        return {
            "boxes": self._anchors(self.boxes, maps, 16),
            "scores": torch.sigmoid(self._anchors(self.scores, maps, 1)),
        }

    def _anchors(self, heads: nn.ModuleList, maps: Sequence[Tensor], size: int) -> Tensor:
        rows = [
            head(x).permute(0, 2, 3, 1).reshape(1, -1, size)
            for head, x in zip(heads, maps, strict=True)
        ]
        return torch.cat(rows, 1)


def mobilenet_v2() -> Example:
    """Return the classifier and a picture."""
    return _seeded(MobileNetV2, 1.0), (torch.zeros(1, 3, 96, 96),)


def blazeface() -> Example:
    """Return the detector and a picture."""
    return _seeded(BlazeFace, 0.4), (torch.zeros(1, 3, 128, 128),)


def torch_network(
    factory: Callable[[], Example],
) -> Callable[[dict[str, NDArray[np.float32]]], dict[str, NDArray[np.float32]]]:
    """Return a factory's module as a function of ``image``, (count, 1, 3, h, w)."""
    module, _ = factory()

    def network(inputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        with torch.no_grad():
            results = [module(torch.from_numpy(picture)) for picture in inputs["image"]]
        return {name: np.stack([result[name].numpy() for result in results]) for name in results[0]}

    return network


def _seeded(make: type[nn.Module], gain: float) -> nn.Module:
    """Build with seeded weights, He's times `gain`, and norms whose statistics matter."""
    torch.manual_seed(0)
    module = make()
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
            part.weight.data *= gain  # residuals without a norm add up
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, 0.0, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.5, 2.0)  # type: ignore[arg-type]
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0.0, 0.2)
    return module.eval()
