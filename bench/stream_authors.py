"""Offline networks in the manner of their authors, written anew from their descriptions, small.

Nothing in them is made for a stream: zero states are split and handed in, neighbours are unfolded, spectra
are computed by framed convolutions and overlap-added under an envelope.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Erb(nn.Module):
    """Low bins as they are, high ones in bands; and back."""

    def __init__(self, low: int, bands: int, high: int) -> None:
        super().__init__()
        self.low = low
        self.to_bands = nn.Linear(high, bands, bias=False)
        self.to_bins = nn.Linear(bands, high, bias=False)

    def bands(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., : self.low], self.to_bands(x[..., self.low :])], dim=-1)

    def bins(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., : self.low], self.to_bins(x[..., self.low :])], dim=-1)


class Neighbours(nn.Module):
    """Each bin with the two beside it, as channels, by an unfold over frequency."""

    def __init__(self, kernel: int = 3) -> None:
        super().__init__()
        self.kernel = kernel
        self.unfold = nn.Unfold((1, kernel), stride=(1, 1), padding=(0, (kernel - 1) // 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.unfold(x).reshape(x.shape[0], x.shape[1] * self.kernel, x.shape[2], x.shape[3])


class TemporalAttention(nn.Module):
    """A gain for each channel and frame, from a GRU over the channels' powers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, 2 * channels, 1, batch_first=True)
        self.fc = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        power = torch.mean(x.pow(2), dim=-1)
        gain = self.fc(self.gru(power.transpose(1, 2))[0])
        return x * torch.sigmoid(gain).transpose(1, 2)[..., None]


class GroupedBlock(nn.Module):
    """Half of the channels through point, dilated depth and point convolutions, then shuffled."""

    def __init__(self, channels: int, hidden: int, dilation: int, *, up: bool = False) -> None:
        super().__init__()
        kind: Any = nn.ConvTranspose2d if up else nn.Conv2d
        half = channels // 2
        self.pad = 2 * dilation
        self.neighbours = Neighbours()
        self.point1, self.norm1, self.act1 = (
            kind(3 * half, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.PReLU(),
        )
        self.depth = kind(
            hidden,
            hidden,
            (3, 3),
            dilation=(dilation, 1),
            groups=hidden,
            padding=(self.pad, 1) if up else (0, 1),
        )
        self.norm2, self.act2 = nn.BatchNorm2d(hidden), nn.PReLU()
        self.point2, self.norm3 = kind(hidden, half, 1), nn.BatchNorm2d(half)
        self.attend = TemporalAttention(half)

    def forward(self, x: Tensor) -> Tensor:
        one, other = torch.chunk(x, chunks=2, dim=1)
        h = self.act1(self.norm1(self.point1(self.neighbours(one))))
        h = self.act2(self.norm2(self.depth(F.pad(h, [0, 0, self.pad, 0]))))
        h = self.attend(self.norm3(self.point2(h)))
        both = torch.stack([h, other], dim=1).transpose(1, 2).contiguous()
        return both.flatten(1, 2)


class GroupedGru(nn.Module):
    """Two GRUs of half the width; zero states are made for all and split."""

    def __init__(self, size: int, hidden: int, *, both: bool = False) -> None:
        super().__init__()
        self.hidden, self.directions = hidden, 2 if both else 1
        self.one = nn.GRU(size // 2, hidden // 2, batch_first=True, bidirectional=both)
        self.two = nn.GRU(size // 2, hidden // 2, batch_first=True, bidirectional=both)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if h is None:
            h = torch.zeros(self.directions, x.shape[0], self.hidden, device=x.device)
        x1, x2 = torch.chunk(x, chunks=2, dim=-1)
        h1, h2 = torch.chunk(h, chunks=2, dim=-1)
        h1, h2 = h1.contiguous(), h2.contiguous()
        y1, h1 = self.one(x1, h1)
        y2, h2 = self.two(x2, h2)
        return torch.cat([y1, y2], dim=-1), torch.cat([h1, h2], dim=-1)


class DualPathGru(nn.Module):
    """Both directions over frequency within a frame, then forward over the frames of a bin."""

    def __init__(self, channels: int, bins: int) -> None:
        super().__init__()
        self.intra = GroupedGru(channels, channels // 2, both=True)
        self.intra_fc, self.intra_norm = (
            nn.Linear(channels, channels),
            nn.LayerNorm((bins, channels)),
        )
        self.inter = GroupedGru(channels, channels)
        self.inter_fc, self.inter_norm = (
            nn.Linear(channels, channels),
            nn.LayerNorm((bins, channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)  # (B, T, F, C)
        batch, frames, bins, channels = x.shape
        intra = self.intra(x.reshape(batch * frames, bins, channels))[0]
        intra = self.intra_fc(intra).reshape(batch, -1, bins, channels)
        out = torch.add(x, self.intra_norm(intra))
        inter = out.permute(0, 2, 1, 3).reshape(batch * bins, frames, channels)
        inter = self.inter_fc(self.inter(inter)[0]).reshape(batch, bins, -1, channels)
        out = torch.add(out, self.inter_norm(inter.permute(0, 2, 1, 3)))
        return out.permute(0, 3, 1, 2)


class ConvBlock(nn.Module):
    """A convolution over frequency with its norm and activation."""

    def __init__(self, into: int, out: int, *, up: bool = False, last: bool = False) -> None:
        super().__init__()
        kind: Any = nn.ConvTranspose2d if up else nn.Conv2d
        self.conv = kind(into, out, (1, 5), stride=(1, 2), padding=(0, 2))
        self.norm, self.act = nn.BatchNorm2d(out), nn.Tanh() if last else nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class Gtcrn(nn.Module):
    """(1, F, T, 2) -> (1, F, T, 2): grouped temporal convolutions and recurrences, a complex mask.

    The layers and sizes of GTCRN (Rong et al., ICASSP 2024) where `channels` is 16 and 257 bins are 65 and 64 bands.
    """

    def __init__(self, channels: int = 16, low: int = 65, bands: int = 64, bins: int = 257) -> None:
        super().__init__()
        self.erb, self.neighbours = Erb(low, bands, bins - low), Neighbours()
        width = ((low + bands) // 2 + 1) // 2 + 1
        self.down = nn.ModuleList([ConvBlock(9, channels), ConvBlock(channels, channels)])
        self.enc = nn.ModuleList(GroupedBlock(channels, channels, d) for d in (1, 2, 5))
        self.dual = nn.Sequential(DualPathGru(channels, width), DualPathGru(channels, width))
        self.dec = nn.ModuleList(GroupedBlock(channels, channels, d, up=True) for d in (5, 2, 1))
        self.up = nn.ModuleList(
            [ConvBlock(channels, channels, up=True), ConvBlock(channels, 2, up=True, last=True)]
        )

    def forward(self, spec: Tensor) -> Tensor:
        real, imag = spec[..., 0].permute(0, 2, 1), spec[..., 1].permute(0, 2, 1)
        mag = torch.sqrt(real**2 + imag**2 + 1e-12)
        x = self.neighbours(self.erb.bands(torch.stack([mag, real, imag], dim=1)))
        skips = []
        for layer in [*self.down, *self.enc]:
            x = layer(x)
            skips.append(x)
        x = self.dual(x)
        for layer in [*self.dec, *self.up]:
            x = layer(x + skips.pop())
        mask = self.erb.bins(x)
        out_real = real * mask[:, 0] - imag * mask[:, 1]
        out_imag = imag * mask[:, 0] + real * mask[:, 1]
        return torch.stack([out_real, out_imag], dim=1).permute(0, 3, 2, 1)


class Framed(nn.Module):
    """STFT and back by convolutions with a Fourier basis, the way back divided by the windows' envelope.

    DCCRN's ConvSTFT and ConviSTFT (Hu et al., Interspeech 2020): zeros of window - hop on both sides.
    """

    def __init__(self, window: int = 40, hop: int = 10, size: int = 64) -> None:
        super().__init__()
        self.hop, self.edge, self.bins = hop, window - hop, size // 2 + 1
        taper = torch.hann_window(window)
        basis = torch.fft.rfft(torch.eye(size), dim=-1)[:window]
        both = torch.cat([basis.real, basis.imag], dim=1).T
        self.register_buffer("analysis", both[:, None] * taper)
        self.register_buffer("synthesis", torch.linalg.pinv(both).T[:, None] * taper)
        self.register_buffer("taper", taper[None, :, None])
        self.register_buffer("frames", torch.eye(window)[:, None])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = F.conv1d(F.pad(x, [self.edge, self.edge]), self.analysis, stride=self.hop)
        return y[:, : self.bins], y[:, self.bins :]

    def back(self, real: Tensor, imag: Tensor) -> Tensor:
        both = torch.cat([real, imag], 1)
        sound = F.conv_transpose1d(both, self.synthesis, stride=self.hop)
        tapers = self.taper.repeat(1, 1, both.size(-1)) ** 2
        envelope = F.conv_transpose1d(tapers, self.frames, stride=self.hop)
        return (sound / (envelope + 1e-8))[..., self.edge : -self.edge]


class ComplexConv(nn.Module):
    """A convolution of complex numbers, its real and imaginary parts in halves of the channels."""

    def __init__(self, into: int, out: int, *, up: bool = False) -> None:
        super().__init__()
        kind: Any = nn.ConvTranspose2d if up else nn.Conv2d
        self.up = up
        options: Any = {"kernel_size": (5, 2), "stride": (2, 1), "padding": (2, 0)}
        self.real, self.imag = (
            kind(into // 2, out // 2, **options),
            kind(into // 2, out // 2, **options),
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.up:
            x = F.pad(x, [1, 0, 0, 0])
        real, imag = torch.chunk(x, 2, dim=1)
        both = torch.cat(
            [self.real(real) - self.imag(imag), self.real(imag) + self.imag(real)], dim=1
        )
        return both[..., 1:] if self.up else both


class Dccrn(nn.Module):
    """(1, T) -> (1, T): a U-Net of complex convolutions around complex recurrent layers."""

    def __init__(self) -> None:
        super().__init__()
        self.framed = Framed()
        self.down = nn.ModuleList([ComplexConv(2, 8), ComplexConv(8, 8)])
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(2))
        self.real, self.imag = nn.LSTM(4 * 9, 16), nn.LSTM(4 * 9, 16)
        self.out = nn.Linear(16, 4 * 9)
        self.up = nn.ModuleList([ComplexConv(16, 8, up=True), ComplexConv(16, 2, up=True)])

    def forward(self, x: Tensor) -> Tensor:
        real, imag = self.framed(x.unsqueeze(1))
        y, skips = torch.stack([real, imag], 1), []
        for conv, norm in zip(self.down, self.norms, strict=True):
            y = F.prelu(norm(conv(y)), torch.tensor(0.2))
            skips.append(y)
        batch, channels, bins, frames = y.shape
        rows = y.permute(3, 0, 1, 2)
        r = rows[:, :, : channels // 2].reshape(frames, batch, channels // 2 * bins)
        i = rows[:, :, channels // 2 :].reshape(frames, batch, channels // 2 * bins)
        r, i = (
            self.out(self.real(r)[0] - self.imag(i)[0]).reshape(frames, batch, channels // 2, bins),
            self.out(self.real(i)[0] + self.imag(r)[0]).reshape(frames, batch, channels // 2, bins),
        )
        y = torch.cat([r, i], 2).permute(1, 2, 3, 0)
        for conv in self.up:
            skip = skips.pop()
            (a, b), (c, d) = torch.chunk(y, 2, 1), torch.chunk(skip, 2, 1)
            y = conv(torch.cat([a, c, b, d], 1))
        mask_real, mask_imag = torch.tanh(y[:, 0]), torch.tanh(y[:, 1])
        out = self.framed.back(
            real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real
        )
        return out.squeeze(1)


class Tdnn(nn.Module):
    """(1, T, 8) -> (1, T', 5): each layer unfolds its context of frames and is linear on it."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes = ((8, 16, 5, 1), (16, 16, 3, 2), (16, 5, 3, 3))
        self.layers = nn.ModuleList(nn.Linear(i * context, o) for i, o, context, _ in self.shapes)

    def forward(self, x: Tensor) -> Tensor:
        for layer, (width, _, context, dilation) in zip(self.layers, self.shapes, strict=True):
            x = F.unfold(
                x.unsqueeze(1), (context, width), stride=(1, width), dilation=(dilation, 1)
            )
            x = F.relu(layer(x.transpose(1, 2)))
        return x


class FullSubNet(nn.Module):
    """(1, 1, F, T) magnitudes -> (1, 2, F, T): all bins at once, then each with its neighbours.

    Hao et al., ICASSP 2021, with the cumulative norm of its real-time form: all that is heard so far.
    """

    def __init__(self, bins: int = 17, around: int = 2) -> None:
        super().__init__()
        self.around = around
        self.full, self.full_out = nn.LSTM(bins, 24, 2, batch_first=True), nn.Linear(24, bins)
        width = 2 * around + 2
        self.sub, self.sub_out = nn.LSTM(width, 12, 2, batch_first=True), nn.Linear(12, 2)

    @staticmethod
    def norm(x: Tensor) -> Tensor:
        batch, channels, bins, frames = x.shape
        flat = x.reshape(batch * channels, bins, frames)
        total = torch.cumsum(torch.sum(flat, dim=1), dim=-1)
        count = torch.arange(bins, bins * frames + 1, bins, dtype=x.dtype)
        mean = total / count.reshape(1, frames)
        return (flat / (mean.unsqueeze(1) + 1e-10)).reshape(x.shape)

    def neighbours(self, x: Tensor) -> Tensor:
        batch, channels, bins, frames = x.shape
        size = 2 * self.around + 1
        y = x.reshape(batch * channels, 1, bins, frames)
        y = F.pad(y, [0, 0, self.around, self.around], mode="reflect")
        y = F.unfold(y, (size, frames))
        y = y.reshape(batch, channels, size, frames, bins)
        return y.permute(0, 4, 1, 2, 3).contiguous()

    def forward(self, mag: Tensor) -> Tensor:
        batch, channels, bins, frames = mag.shape
        x = self.norm(mag).reshape(batch, channels * bins, frames)
        full = F.relu(self.full_out(self.full(x.permute(0, 2, 1))[0])).permute(0, 2, 1)
        around = self.neighbours(mag).reshape(batch, bins, 2 * self.around + 1, frames)
        joined = torch.cat([around, full.reshape(batch, bins, 1, frames)], dim=2)
        joined = self.norm(joined.reshape(batch, bins, -1, frames)[:, :, :, :].permute(0, 2, 1, 3))
        rows = joined.permute(0, 2, 3, 1).reshape(batch * bins, frames, -1)
        mask = self.sub_out(self.sub(rows)[0])
        return mask.reshape(batch, bins, frames, 2).permute(0, 3, 1, 2)


class SubSpectralNorm(nn.Module):
    """A batch norm for each band of the bins."""

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.bands, self.norm = bands, nn.BatchNorm2d(channels * bands)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, bins, frames = x.shape
        y = self.norm(x.reshape(batch, channels * self.bands, bins // self.bands, frames))
        return y.reshape(batch, channels, bins, frames)


class BroadcastBlock(nn.Module):
    """Over frequency, averaged, over time, and broadcast back (BC-ResNet, Kim et al., Interspeech 2021)."""

    def __init__(self, into: int, out: int, dilation: int, stride: int) -> None:
        super().__init__()
        self.past = 2 * dilation
        self.enter = nn.Sequential(nn.Conv2d(into, out, 1), nn.BatchNorm2d(out), nn.ReLU())
        self.over = nn.Conv2d(out, out, (3, 1), (stride, 1), (1, 0), groups=out)
        self.norm = SubSpectralNorm(out, 2)
        self.time = nn.Conv2d(out, out, (1, 3), dilation=(1, dilation), groups=out)
        self.mix = nn.Sequential(nn.BatchNorm2d(out), nn.SiLU(), nn.Conv2d(out, out, 1))
        self.same = into == out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        wide = self.norm(self.over(x if self.same else self.enter(x)))
        narrow = wide.mean(-2, keepdim=True)
        narrow = self.mix(self.time(F.pad(narrow, [self.past, 0])))
        return F.relu(wide + narrow + x) if self.same else F.relu(wide + narrow)


class BcResNet(nn.Module):
    """(1, 1, 16, T) -> (1, 5, 1, T): words for each frame of 16 bands."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 8, (5, 3), (2, 1), (2, 0))
        rows = ((8, 8, 1, 1), (8, 8, 1, 1), (8, 12, 2, 2), (12, 12, 2, 1))
        self.blocks = nn.Sequential(*(BroadcastBlock(*row) for row in rows))
        self.leave = nn.Conv2d(12, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(F.relu(self.enter(F.pad(x, [2, 0]))))
        return self.leave(y.mean(2, keepdim=True))


class Positions(nn.Module):
    """(1, T, 16) -> (1, T, 16): sinusoidal positions, then windowed attention with rotary ones."""

    def __init__(self, window: int = 8) -> None:
        super().__init__()
        self.window = window
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        frames, width = x.shape[1:]
        place = torch.arange(frames)
        rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(1e4)) / width))
        angles = place[:, None] * rates
        table = torch.stack([torch.sin(angles), torch.cos(angles)], -1).flatten(-2)
        q, k, v = self.qkv(x + 0.3 * table).chunk(3, -1)
        turned = torch.cat([angles, angles], -1)
        cosine, sine = turned.cos(), turned.sin()

        def rotated(y: Tensor) -> Tensor:
            one, other = y.chunk(2, -1)
            return y * cosine + torch.cat([-other, one], -1) * sine

        back = place[:, None] - place
        scores = rotated(q) @ rotated(k).transpose(-1, -2) / width**0.5
        scores = scores.masked_fill((back < 0) | (back >= self.window), -1e9)
        return x + self.out(torch.softmax(scores, -1) @ v)


class Counted(nn.Module):
    """(1, 4, T) -> (1, 4, T): gains that are functions of the number of a frame, behind a lookahead."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
        even = (torch.arange(x.shape[-1]) % 3 == 0).to(x.dtype)
        return self.ahead(x) / torch.sqrt(place) + even - torch.log(place) * x


def gtcrn() -> tuple[nn.Module, tuple[Tensor]]:
    """At its published size."""
    return Gtcrn(), (torch.randn(1, 257, 63, 2),)


def small_gtcrn() -> tuple[nn.Module, tuple[Tensor]]:
    return Gtcrn(8, 17, 16, 65), (torch.randn(1, 65, 20, 2),)


def dccrn() -> tuple[nn.Module, tuple[Tensor]]:
    return Dccrn(), (torch.randn(1, 400),)


def tdnn() -> tuple[nn.Module, tuple[Tensor]]:
    return Tdnn(), (torch.randn(1, 40, 8),)


def fullsubnet() -> tuple[nn.Module, tuple[Tensor]]:
    return FullSubNet(), (torch.rand(1, 1, 17, 40),)


def bc_resnet() -> tuple[nn.Module, tuple[Tensor]]:
    return BcResNet(), (torch.randn(1, 1, 16, 40),)


def positions() -> tuple[nn.Module, tuple[Tensor]]:
    return Positions(), (torch.randn(1, 40, 16),)


def counted() -> tuple[nn.Module, tuple[Tensor]]:
    return Counted(), (torch.randn(1, 4, 40),)
