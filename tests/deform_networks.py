"""Networks with a deformable layer whose d is an integer."""

import torch
from torch import Tensor, nn

from edgekit.fpga import SquareDeformConv2d


class Net(nn.Module):
    """A deformable layer of a variant between two others; d spreads over its range."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.deform = SquareDeformConv2d(6, 7, variant, bias=True)  # type: ignore[arg-type]
        self.last = nn.Conv2d(6, 4, 1)
        nn.init.normal_(self.deform.offset.weight, 0, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.deform(torch.relu(self.first(x)))))  # type: ignore[no-any-return]


def rounded() -> tuple[nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    return Net("rounded"), (torch.randn(1, 3, 16, 20),)


def square() -> tuple[nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    return Net("square"), (torch.randn(1, 3, 16, 20),)
