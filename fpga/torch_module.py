"""`SquareDeformConv2d`: deformable convolution as the engine computes it, for training and export."""

from typing import Any, get_args

import torch
from torch import Tensor, nn

from edgekit.base.errors import Problem, UsageError
from edgekit.base.installation import install
from edgekit.fpga.spec import DMAX, Variant

TAPS = 9
VARIANTS: tuple[str, ...] = get_args(Variant)


class SquareDeformConv2d(nn.Module):
    """Depthwise 3x3 convolution whose dilation d is computed for each pixel.

    ``d = clamp(floor(s + 0.5), 0, dmax)`` with s a 1x1 convolution of the input. Tap (ky, kx) of pixel (y, x) reads
    ``(y + (ky - 1) * d, x + (kx - 1) * d)``, 0 outside of the image. ``d = 1`` is the ordinary convolution, where
    training starts. The gradient passes the rounding straight through and reaches s by the slope of the interpolation.

    Each variant takes one restriction away that the engine needs (Algorithm-hardware Co-design for Deformable
    Convolution, arXiv 2002.08357, section 3). ``rounded`` is the engine's; ``square`` leaves d fractional; ``bounded``
    has 18 offsets per pixel within ``[-dmax, dmax]``. ``depthwise`` leaves them without bound; ``full`` is dense over
    the channels. ``plain`` is the convolution without offsets.

    Args:
        channels: of input ``(batch, channels, height, width)`` and output, which have equal sizes.
        dmax: the largest dilation, 1..7.
        variant: as above; the engine runs ``rounded`` and ``plain``.
        bias: whether to add one per channel.

    Raises:
        UsageError: an unknown variant, a dmax out of range, or torchvision is missing.
    """

    def __init__(
        self, channels: int, dmax: int = DMAX, variant: Variant = "rounded", bias: bool = False
    ) -> None:
        """Make the layer; it starts as an ordinary 3x3 convolution."""
        super().__init__()
        if problems := _problems(dmax, variant):
            raise UsageError(problems)
        self.dmax, self.variant = dmax, variant
        groups = 1 if variant == "full" else channels
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=bias)
        if variant == "plain":
            return
        self.scalar = variant in ("square", "rounded")
        self.offset = nn.Conv2d(channels, 1 if self.scalar else 2 * TAPS, 1)
        nn.init.zeros_(self.offset.weight)
        nn.init.constant_(self.offset.bias, 1.0 if self.scalar else 0.0)  # type: ignore[arg-type]
        self.register_buffer("square", square_taps(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, channels, height, width)`` of x of the same shape."""
        if self.variant == "plain":
            return self.conv(x)  # type: ignore[no-any-return]
        if torch.is_grad_enabled():
            return self._sampled(x)
        from torchvision.ops import deform_conv2d

        offsets = self.offsets(x)
        y: Tensor = deform_conv2d(x, offsets, self.conv.weight, self.conv.bias, padding=(1, 1))
        return y

    def _sampled(self, x: Tensor) -> Tensor:
        """The same sums for training: one interpolation serves all channels, which takes a seventh of the time."""
        batch, channels, height, width = x.shape
        places = self.offsets(x) + self.square  # type: ignore[operator]
        offsets = places.reshape(batch, TAPS, 2, height, width)
        rows = offsets[:, :, 0] + torch.arange(height, device=x.device)[:, None]
        columns = offsets[:, :, 1] + torch.arange(width, device=x.device)
        grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], -1)
        taps = nn.functional.grid_sample(
            x, grid.flatten(1, 2), "bilinear", "zeros", align_corners=False
        ).reshape(batch, channels, TAPS, height * width)
        weight = self.conv.weight.flatten(2)
        dense = self.variant == "full"
        y = torch.einsum("bcks,dck->bds", taps, weight) if dense else weight @ taps
        y = y.reshape(batch, channels, height, width)
        return y if self.conv.bias is None else y + self.conv.bias[:, None, None]

    def dilation(self, x: Tensor) -> Tensor:
        """Return d ``(batch, 1, height, width)`` of a ``square`` or ``rounded`` layer."""
        s: Tensor = self.offset(x)
        if self.variant == "rounded":
            s = _round_half_up(s)
        return s.clamp(0, self.dmax)

    def offsets(self, x: Tensor) -> Tensor:
        """Return the offsets from the ordinary taps, ``(batch, 18, height, width)``."""
        if self.scalar:
            return (self.dilation(x) - 1) * self.square  # type: ignore[operator]
        s: Tensor = self.offset(x)
        return s.clamp(-self.dmax, self.dmax) if self.variant == "bounded" else s


def square_taps() -> Tensor:
    """The ordinary taps' places around their pixel, row and column of each: ``(1, 18, 1, 1)``."""
    places = [(ky - 1, kx - 1) for ky in range(3) for kx in range(3)]
    return torch.tensor(places, dtype=torch.float32).reshape(1, 2 * TAPS, 1, 1)


class _Round(torch.autograd.Function):
    """floor(s + 0.5), whose gradient is that of s."""

    @staticmethod
    def forward(ctx: Any, s: Tensor) -> Tensor:
        return torch.floor(s + 0.5)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def _round_half_up(s: Tensor) -> Tensor:
    """Straight through in training; plain operators where no gradient is wanted, so that it exports."""
    if torch.is_grad_enabled():
        return _Round.apply(s)  # type: ignore[no-any-return, no-untyped-call]
    return torch.floor(s + 0.5)


def _problems(dmax: int, variant: str) -> list[Problem]:
    from importlib.util import find_spec

    problems = []
    if variant not in VARIANTS:
        problems.append(
            Problem("SquareDeformConv2d", f"variant {variant!r}", ", ".join(VARIANTS), "choose one")
        )
    if not 1 <= dmax <= DMAX:
        problems.append(
            Problem("SquareDeformConv2d", f"dmax {dmax}", f"1..{DMAX}", "choose one of these")
        )
    if variant != "plain" and find_spec("torchvision") is None:
        step = f"{install('torchvision')}, of the release that fits torch"
        problems.append(Problem("SquareDeformConv2d", "no torchvision", "torchvision", step))
    return problems
