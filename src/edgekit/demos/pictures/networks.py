"""The networks of the picture systems. The tests of docs/results/seeds.md run the same modules on 8 x 8 values."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

FREQUENCIES = 8  # of a time
MASKED_TAP = (1, 1)  # of a 3 x 3 convolution


class Unet(nn.Module):
    """(batch, inputs, height, width) -> (batch, outputs, height, width): two scales, no normalization.

    Without biases it is homogeneous: f(k y) = k f(y) for k above 0, as BF-UNet (Mohan et al., 2020).
    """

    def __init__(
        self, inputs: int, outputs: int, width: int = 12, timed: bool = False, bias: bool = True
    ) -> None:
        """Use `width` channels at full size and twice as many at half the size."""
        super().__init__()
        w = width
        self.first = nn.Conv2d(inputs, w, 3, 1, 1, bias=bias)
        self.down = nn.Conv2d(w, 2 * w, 3, 2, 1, bias=bias)
        self.middle = nn.ModuleList([nn.Conv2d(2 * w, 2 * w, 3, 1, 1, bias=bias) for _ in range(4)])
        self.times = nn.ModuleList(
            [nn.Linear(2 * FREQUENCIES, 2 * w) for _ in range(2)] if timed else []
        )
        self.up = nn.ConvTranspose2d(2 * w, w, 2, 2, bias=bias)
        self.mix = nn.Conv2d(w, w, 3, 1, 1, bias=bias)
        self.last = nn.Conv2d(w, outputs, 3, 1, 1, bias=bias)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Return the output for pictures, and times (batch,) where the network has them."""
        skip = self.first(x)
        h = self.down(torch.relu(skip))
        shifts = [] if t is None else [layer(waves_of(t))[:, :, None, None] for layer in self.times]
        for block in range(2):
            inner = self.middle[2 * block](torch.relu(h))
            inner = inner + shifts[block] if shifts else inner
            h = h + self.middle[2 * block + 1](torch.relu(inner))
        h = self.mix(torch.relu(skip + self.up(torch.relu(h))))
        y: Tensor = self.last(torch.relu(h))
        return y


def waves_of(t: Tensor) -> Tensor:
    """Return sines and cosines (batch, 16) of times (batch,)."""
    place = torch.exp(-math.log(1e4) * torch.arange(FREQUENCIES) / FREQUENCIES)
    angles = t[:, None] * place
    return torch.cat([angles.sin(), angles.cos()], 1)


class ResidualAndNoise(nn.Module):
    """RDDM: x, t and the degraded picture y -> its residual y - x0, within [-1, 1] of half its range, and the noise."""

    def __init__(self, width: int = 12) -> None:
        """Use one network with two outputs."""
        super().__init__()
        self.network = Unet(2, 2, width, timed=True)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return residual and noise, each as x."""
        both = self.network(torch.cat([x, y], 1), t)
        return both[:, :1], both[:, 1:]


class Idm(nn.Module):
    """Invertible diffusion for compressed sensing (Chen et al., 2025): three unrolled steps of one network.

    Blocks of `block` x `block` pixels are measured by `count` orthonormal rows, a convolution whose stride is the
    block. Measurements (batch, count, side / block, side / block) -> picture (batch, 1, side, side).
    """

    RATES = (0.2, 0.5, 0.8, 1.0)  # cumulative alpha product before each step, and after the last

    def __init__(self, block: int = 14, count: int = 49, width: int = 24, depth: int = 3) -> None:
        """Draw the measurement by a fixed seed."""
        super().__init__()
        sizes = [4, *[width] * depth, 4]
        layers = [m for a, b in pairwise(sizes) for m in (nn.Conv2d(a, b, 3, 1, 1), nn.SiLU())]
        self.network = nn.Sequential(nn.PixelUnshuffle(2), *layers[:-1])
        self.block = block
        random = torch.Generator().manual_seed(7)
        rows, _ = torch.linalg.qr(torch.randn(block * block, count, generator=random))
        self.rows = nn.Buffer(rows.T.reshape(count, 1, block, block).contiguous())

    def measure(self, x: Tensor) -> Tensor:
        """Return the measurements of pictures."""
        return F.conv2d(x, self.rows, stride=self.block)

    def lift(self, y: Tensor) -> Tensor:
        """Return the picture of least norm with these measurements."""
        return F.conv_transpose2d(y, self.rows, stride=self.block)

    def forward(self, y: Tensor) -> Tensor:
        """Return the picture of measurements."""
        x = math.sqrt(self.RATES[0]) * self.lift(y)
        for rate, later in pairwise(self.RATES):
            eps = F.pixel_shuffle(self.network(x), 2)
            x0 = (x - math.sqrt(1 - rate) * eps) / math.sqrt(rate)
            x0 = x0 + self.lift(y - self.measure(x0))
            x = math.sqrt(later) * x0 + math.sqrt(1 - later) * eps
        return x


class Noise2Score(nn.Module):
    """A score of noisy pictures, and Tweedie's formula with it: Kim and Ye (2021), for Gauss, Poisson and Gamma."""

    ZETA, BETA = 0.05, 20.0

    def __init__(self, score: nn.Module, sigma: float, noises: Sequence[str]) -> None:
        """Use a network (batch, 1, height, width) -> the same, whose output is `sigma` times the score."""
        super().__init__()
        self.network, self.sigma, self.noises = score, sigma, tuple(noises)

    def score(self, y: Tensor) -> Tensor:
        """Return the gradient of the noisy pictures' log density."""
        scaled: Tensor = self.network(y) / self.sigma
        return scaled

    def forward(self, y: Tensor) -> dict[str, Tensor]:
        """Return the score, and the estimate for each of the chosen noises."""
        s = self.score(y)
        estimates = {
            "gauss": y + self.sigma**2 * s,
            "poisson": (y + self.ZETA / 2) * torch.exp(self.ZETA * s),
            "gamma": self.BETA * y / ((self.BETA - 1) - y * s),
        }
        return {"score": s, **{name: estimates[name] for name in self.noises}}


class BlindSpot(nn.Module):
    """C-BSN (Jang et al., 2023): a convolution, then dilated ones; (batch, 1, height, width) -> the same.

    While its centre is masked, which it is in training alone, no output depends on its own pixel: sums of offsets that
    are even in both directions never make up for one that is odd in at least one.
    """

    def __init__(self, width: int = 16, depth: int = 3) -> None:
        """Use `depth` dilated convolutions."""
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, 1, 1)
        self.dilated = nn.ModuleList(
            [nn.Conv2d(width, width, 3, padding=2, dilation=2) for _ in range(depth)]
        )
        self.out = nn.Conv2d(width, 1, 1)
        mask = torch.ones(3, 3)
        mask[MASKED_TAP] = 0
        self.mask = nn.Buffer(mask, persistent=False)

    def forward(self, y: Tensor, masked: bool = False) -> Tensor:
        """Return clean pictures; `masked` hides the centre."""
        weight = self.first.weight * self.mask if masked else self.first.weight
        h = torch.relu(F.conv2d(y, weight, self.first.bias, padding=1))
        for layer in self.dilated:
            h = torch.relu(layer(h))
        x: Tensor = self.out(h)
        return x


class Decoder(nn.Module):
    """The decoder of a variational autoencoder: code (batch, 16) -> picture (batch, 1, 28, 28)."""

    CODE, QUARTER = 16, 7

    def __init__(self, width: int = 12) -> None:
        """Use `width` channels at half the size."""
        super().__init__()
        self.wide = nn.Linear(self.CODE, width * self.QUARTER**2)
        self.up = nn.ConvTranspose2d(width, width, 4, 2, 1)
        self.last = nn.ConvTranspose2d(width, 1, 4, 2, 1)

    def forward(self, code: Tensor) -> Tensor:
        """Return pictures in [-1, 1]."""
        h = torch.relu(self.wide(code)).reshape(len(code), -1, self.QUARTER, self.QUARTER)
        x: Tensor = torch.tanh(self.last(torch.relu(self.up(h))))
        return x


class Encoder(nn.Module):
    """The encoder in its training: picture -> mean and log variance of the code."""

    def __init__(self, width: int = 16) -> None:
        """Use `width` channels at half the size, twice as many at a quarter."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * Decoder.QUARTER**2, 2 * Decoder.CODE),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return two of (batch, 16)."""
        mean, log_variance = self.layers(x).chunk(2, 1)
        return mean, log_variance


class Refiner(nn.Module):
    """DiffuseVAE, form 2 (Pandey et al., 2022): x, t and the decoder's picture y -> v of x - y."""

    def __init__(self, width: int = 12) -> None:
        """Use one network that reads both."""
        super().__init__()
        self.network = Unet(2, 1, width, timed=True)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Return v like x."""
        v: Tensor = self.network(torch.cat([x - y, y], 1), t)
        return v


class LowLight(nn.Module):
    """Packed Bayer pictures (batch, 4, height, width) in the dark -> the same without noise: a residual network."""

    def __init__(self, width: int = 12) -> None:
        """Subtract what the network finds."""
        super().__init__()
        self.network = Unet(4, 4, width)

    def forward(self, raw: Tensor) -> Tensor:
        """Return clean pictures."""
        clean: Tensor = raw + self.network(raw)
        return clean
