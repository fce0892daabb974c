"""Networks that others designed for small devices, with random weights and normalization of one batch."""

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn

Made = tuple[nn.Module, tuple[Tensor, ...]]


def block(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, BN, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """ResNet-8's stage (MLPerf Tiny, image classification)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Make the layers."""
        super().__init__()
        self.first = block(inputs, outputs, 3, stride)
        second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.second = nn.Sequential(second, nn.BatchNorm2d(outputs))
        self.short = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        return torch.relu(self.second(self.first(x)) + self.short(x))


def resnet8() -> Made:
    """MLPerf Tiny's image classification: 32 x 32, 10 classes."""
    stages = (Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2))
    net = nn.Sequential(
        block(3, 16, 3), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )
    return ready(net, (1, 3, 32, 32))


def ds_cnn() -> Made:
    """MLPerf Tiny's keyword spotting: 49 x 10 features, a first kernel of 10 x 4, 12 classes."""
    first = nn.Sequential(nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, 64, (10, 4), 2, bias=False))
    pairs = [nn.Sequential(block(64, 64, 3, groups=64), block(64, 64, 1)) for _ in range(4)]
    head = (nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(64, 12))
    return ready(nn.Sequential(first, nn.BatchNorm2d(64), nn.ReLU(), *pairs, *head), (1, 1, 49, 10))


def mobilenet_v2() -> Made:
    """MobileNetV2 0.35 at 96 x 96, 1,000 classes."""
    return ready(torchvision.models.mobilenet_v2(width_mult=0.35), (1, 3, 96, 96))


class UNet(nn.Module):
    """Three resolutions, skips, nearest upsampling."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.first, self.second, self.deep = block(3, 16, 3), block(16, 32, 3), block(32, 64, 3)
        self.up_half, self.up_full = block(96, 32, 3), block(48, 16, 3)
        self.last = nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class of each pixel."""
        full = self.first(x)
        half = self.second(nn.functional.max_pool2d(full, 2))
        deep = self.deep(nn.functional.max_pool2d(half, 2))
        up = nn.functional.interpolate(deep, scale_factor=2.0, mode="nearest")
        y = self.up_half(torch.cat([half, up], 1))
        up = nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")
        result: Tensor = self.last(self.up_full(torch.cat([full, up], 1)))
        return result


def unet() -> Made:
    """A small U-Net, 64 x 64, 4 classes."""
    return ready(UNet(), (1, 3, 64, 64))


def ready(net: nn.Module, shape: tuple[int, ...]) -> Made:
    """A network whose normalization has the statistics of a batch, and a picture."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.randn(8, *shape[1:]))
    return net.eval(), (torch.randn(shape),)


NETWORKS: dict[str, Callable[[], Made]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet8": resnet8,
    "ds_cnn": ds_cnn,
    "unet": unet,
}
