"""A network of the size of keyword spotting: DS-CNN of MLPerf Tiny, 49 frames of 10 MFCCs to 12 words."""

import torch
from torch import Tensor, nn


def ds_cnn() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return it with seeded weights and an example input."""
    torch.manual_seed(0)
    channels = 64

    def block() -> list[nn.Module]:
        return [
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(),
        ]

    layers = [nn.Conv2d(1, channels, (10, 4), 2, (5, 1)), nn.ReLU()]
    for _ in range(4):
        layers += block()
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 12)]
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 49, 10),)
