"""Offline networks over sequences in the manner of their authors, written anew from their descriptions, small."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Made = tuple[nn.Module, tuple[Tensor, ...]]


class LinearAttention(nn.Module):
    """(1, T, 16) -> (1, T, 16): causal linear attention by running sums (Katharopoulos et al., ICML 2020)."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        q, k, v = (
            y.view(batch, frames, self.heads, -1) for y in self.qkv(self.norm(x)).chunk(3, -1)
        )
        q, k = F.elu(q) + 1, F.elu(k) + 1
        total = torch.cumsum(k.unsqueeze(-1) * v.unsqueeze(-2), dim=1)
        weight = torch.cumsum(k, dim=1)
        y = (q.unsqueeze(-2) @ total).squeeze(-2)
        y = y / ((q * weight).sum(-1, keepdim=True) + 1e-6)
        return x + self.out(y.reshape(batch, frames, width))


class Retention(nn.Module):
    """(1, T, 16) -> (1, T, 16): retention in its parallel form (Sun et al., 2023), decay to nothing in 24 frames.

    The decay of a score is 0 for later frames and for those beyond the window that it is trained with.
    """

    def __init__(self, width: int = 16, heads: int = 2, window: int = 24) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.q, self.k, self.v, self.g = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.out, self.norm = nn.Linear(width, width, bias=False), nn.GroupNorm(heads, width)
        self.register_buffer("decay", 1 - 2 ** (-2.0 - torch.arange(heads)))

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        shape = (batch, frames, self.heads, -1)
        q, k, v = (f(x).view(shape).transpose(1, 2) for f in (self.q, self.k, self.v))
        place = torch.arange(frames)
        back = place[:, None] - place
        seen = (back >= 0) & (back < self.window)
        decay = self.decay.view(-1, 1, 1) ** back.clamp(min=0) * seen
        y = (q @ k.transpose(-1, -2) * decay) @ v
        rows = self.norm(y.transpose(1, 2).reshape(batch * frames, width))
        return self.out(F.silu(self.g(x)) * rows.view(batch, frames, width))


class StreamingTransformer(nn.Module):
    """(1, T, 16) -> (1, T, 16): two layers of torch's own encoder under a banded mask, sinusoidal positions."""

    def __init__(self, past: int = 12, ahead: int = 2) -> None:
        super().__init__()
        self.past, self.ahead = past, ahead
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        lag = place[:, None] - place[None, :]
        blocked = (lag > self.past) | (lag < -self.ahead)
        return self.encoder(x, mask=blocked)  # type: ignore[no-any-return]


class DiagonalRecurrence(nn.Module):
    """(1, 8, T) -> (1, 8, T): S4D as a convolution by FFT or, with a bounded memory, by its kernel of 40 taps.

    The kernel is computed from the poles in every call, as S4D's authors do (Gu et al., NeurIPS 2022).
    """

    def __init__(self, channels: int = 8, states: int = 8, reach: int = 40) -> None:
        super().__init__()
        self.reach = reach
        self.log_dt = nn.Parameter(torch.rand(channels) - 2)
        self.log_real = nn.Parameter(torch.log(0.5 * torch.ones(channels, states)))
        self.imag = nn.Parameter(torch.arange(states).repeat(channels, 1).float() * 3.14)
        self.c = nn.Parameter(torch.randn(channels, states, 2))
        self.skip = nn.Parameter(torch.randn(channels))
        self.out = nn.Sequential(nn.GELU(), nn.Conv1d(channels, 2 * channels, 1), nn.GLU(1))

    def forward(self, x: Tensor) -> Tensor:
        dt = torch.exp(self.log_dt)[:, None]
        rate, turn = -torch.exp(self.log_real) * dt, self.imag * dt
        place = torch.arange(self.reach)
        size = torch.exp(rate[..., None] * place)
        angle = turn[..., None] * place
        real = self.c[..., 0, None] * torch.cos(angle) - self.c[..., 1, None] * torch.sin(angle)
        kernel = 2 * (size * real).sum(1)
        y = F.conv1d(F.pad(x, (self.reach - 1, 0)), kernel.flip(-1)[:, None], groups=x.shape[1])
        return self.out(y + x * self.skip[:, None])


class LogRecurrence(nn.Module):
    """(1, T, 8) -> (1, T, 8): a gated linear recurrence by running sums of logarithms (minGRU, Feng et al., 2024)."""

    def __init__(self, width: int = 8, hidden: int = 12) -> None:
        super().__init__()
        self.both, self.out = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden, gate = self.both(x).chunk(2, -1)
        keep = -F.softplus(gate)
        value = -F.softplus(-gate) + torch.where(
            hidden >= 0, (F.relu(hidden) + 0.5).log(), -F.softplus(-hidden)
        )
        sums = keep.cumsum(1)
        return self.out((sums + (value - sums).logcumsumexp(1)).exp())


class MatchboxBlock(nn.Module):
    """Separable convolutions along time, with a residual (MatchboxNet, Majumdar and Ginsburg, 2020)."""

    def __init__(self, into: int, out: int, kernel: int, repeat: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(repeat):
            width = into if index == 0 else out
            layers += [
                nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
                nn.Conv1d(width, out, 1, bias=False),
                nn.BatchNorm1d(out),
                *([nn.ReLU()] if index < repeat - 1 else []),
            ]
        self.body = nn.Sequential(*layers)
        self.beside = nn.Sequential(nn.Conv1d(into, out, 1, bias=False), nn.BatchNorm1d(out))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.beside(x))


class MatchboxNet(nn.Module):
    """(1, 16, T) -> (1, 6, T): a label for each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(16, 24, 11, 2, 5, bias=False),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            MatchboxBlock(24, 16, 13),
            MatchboxBlock(16, 16, 15),
            nn.Conv1d(16, 24, 9, padding=8, dilation=2),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Conv1d(24, 6, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


class TemporalBlock(nn.Module):
    """Two convolutions of 9 frames with a strided shortcut."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(into, out, (9, 1), (2, 1), (4, 0), bias=False)
        self.two = nn.Conv2d(out, out, (9, 1), 1, (4, 0), bias=False)
        self.beside = nn.Conv2d(into, out, 1, (2, 1), bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(out) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norms[0](self.one(x)))
        y = self.norms[1](self.two(y))
        return F.relu(y + F.relu(self.norms[2](self.beside(x))))


class TcResNet(nn.Module):
    """(1, T, 12) bands -> (1, 6, T / 4): bands as channels (Choi et al., Interspeech 2019), averaged over 8 frames."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(12, 12, (3, 1), 1, (1, 0), bias=False)
        self.blocks = nn.Sequential(TemporalBlock(12, 16), TemporalBlock(16, 20))
        self.out = nn.Conv2d(20, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.enter(x.unsqueeze(1).permute(0, 3, 2, 1)))
        y = F.avg_pool2d(F.pad(y, (0, 0, 7, 0)), (8, 1), 1)
        return self.out(y).squeeze(-1)


class DsCnn(nn.Module):
    """(1, 1, T, 10) -> (1, T / 2, 6): separable convolutions over frames and bands (Zhang et al., 2017)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(1, width, (10, 4), (2, 2), (5, 1)), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(width, width, 3, 1, 1, groups=width),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    nn.Conv2d(width, width, 1),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                )
                for _ in range(3)
            )
        )
        self.out = nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.enter(x))
        y = F.avg_pool2d(y, (12, y.shape[-1]), 1)
        return self.out(y.flatten(2).transpose(1, 2))


class Seld(nn.Module):
    """(1, 7, T, 32) -> (1, T / 5, 12): directions of classes (Shimada et al., ICASSP 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
            for i in (7, 12, 12)
        )
        self.pools = ((5, 4), (1, 4), (1, 2))
        self.gru = nn.GRU(12, 16, 2, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(16, 16), nn.Linear(16, 12)

    def forward(self, x: Tensor) -> Tensor:
        for conv, pool in zip(self.convs, self.pools, strict=True):
            x = F.max_pool2d(conv(x), pool)
        x = x.transpose(1, 2).contiguous()
        y = torch.tanh(self.gru(x.view(x.shape[0], x.shape[1], -1).contiguous())[0])
        return torch.tanh(self.fc2(self.fc1(y)))


class GridBlock(nn.Module):
    """Over the bins of a frame in both directions, over the frames of a bin forward, then attention over frames."""

    def __init__(self, width: int, bins: int, hidden: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window, code = heads, window, 4
        self.intra_norm, self.inter_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.intra = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.inter = nn.LSTM(width, hidden, batch_first=True)
        self.intra_fc, self.inter_fc = nn.Linear(2 * hidden, width), nn.Linear(hidden, width)
        self.q, self.k = (
            nn.Sequential(nn.Linear(width, heads * code), nn.PReLU()) for _ in range(2)
        )
        self.v = nn.Sequential(nn.Linear(width, width), nn.PReLU())
        self.code_norm = nn.LayerNorm((bins, code))
        self.out = nn.Sequential(nn.Linear(width, width), nn.PReLU())
        self.out_norm = nn.LayerNorm((bins, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, bins, width = x.shape
        y = self.intra(self.intra_norm(x).reshape(batch * frames, bins, width))[0]
        x = x + self.intra_fc(y).reshape(x.shape)
        rows = self.inter_norm(x).transpose(1, 2).reshape(batch * bins, frames, width)
        y = self.inter_fc(self.inter(rows)[0]).reshape(batch, bins, frames, width)
        x = x + y.transpose(1, 2)

        def heads(y: Tensor) -> Tensor:
            return y.reshape(batch, frames, bins, self.heads, -1).permute(0, 3, 1, 2, 4)

        q, k = (self.code_norm(heads(f(x))).flatten(3) for f in (self.q, self.k))
        v = heads(self.v(x))
        place = torch.arange(frames)
        back = place[:, None] - place
        hidden = (back < 0) | (back >= self.window)
        scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(hidden, -1e9)
        seen = (torch.softmax(scores, -1) @ v.flatten(3)).reshape(v.shape)
        seen = seen.permute(0, 2, 3, 1, 4).reshape(batch, frames, bins, width)
        return x + self.out_norm(self.out(seen))


class GridNet(nn.Module):
    """(1, 2, T, 9) real and imaginary part -> the same (TF-GridNet, Wang et al., 2022), causal."""

    def __init__(self, width: int = 8, bins: int = 9) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2, width, 3, padding=(0, 1))
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(GridBlock(width, bins, 12, 2, 10) for _ in range(2))
        self.leave = nn.ConvTranspose2d(width, 2, 3, padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(F.pad(x, (0, 0, 2, 0))).permute(0, 2, 3, 1)
        y = self.norm(y)
        for block in self.blocks:
            y = block(y)
        return self.leave(y.permute(0, 3, 1, 2))[:, :, :-2]


class EmformerLike(nn.Module):
    """(1, T, 16) -> (1, T, 16): segments of four frames see their own and the one before, by one mask."""

    def __init__(self, segment: int = 4) -> None:
        super().__init__()
        self.segment = segment
        self.qkv, self.out, self.norm = nn.Linear(16, 48), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, x: Tensor) -> Tensor:
        part = torch.arange(x.shape[1]) // self.segment
        apart = part[:, None] - part
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        scores = (q @ k.transpose(-1, -2)) / 4
        scores = scores.masked_fill((apart < 0) | (apart > 1), float("-inf"))
        return x + self.out(torch.softmax(scores, -1) @ v)


class TimeChannelNet(nn.Module):
    """(1, 20, T) -> (1, 8, T): ECAPA's blocks with a gain from the channels' means over the last 16 frames."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.enter = nn.Conv1d(20, width, 5, padding=2)
        self.parts = nn.ModuleList(
            nn.Conv1d(width // 4, width // 4, 3, dilation=2, padding=2) for _ in range(3)
        )
        self.norm = nn.BatchNorm1d(width)
        self.squeeze, self.excite = nn.Conv1d(width, 4, 1), nn.Conv1d(4, width, 1)
        self.leave = nn.Conv1d(width, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.enter(x))
        made: list[Tensor] = []
        for index, part in enumerate(torch.chunk(x, 4, 1)):
            if index == 0:
                made.append(part)
            else:
                before = made[-1] if index > 1 else torch.zeros_like(part)
                made.append(F.relu(self.parts[index - 1](part + before)))
        y = self.norm(torch.cat(made, 1))
        mean = F.avg_pool1d(F.pad(y, (15, 0)), 16, 1)
        gain = torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))
        return self.leave(y * gain + x)


def linear_attention() -> Made:
    return LinearAttention(), (torch.randn(1, 40, 16),)


def retention() -> Made:
    return Retention(), (torch.randn(1, 40, 16),)


def streaming_transformer() -> Made:
    return StreamingTransformer(), (torch.randn(1, 40, 16),)


def s4d() -> Made:
    return DiagonalRecurrence(), (torch.randn(1, 8, 60),)


def min_gru() -> Made:
    return LogRecurrence(), (torch.randn(1, 40, 8),)


def matchbox() -> Made:
    return MatchboxNet(), (torch.randn(1, 16, 60),)


def tc_resnet() -> Made:
    return TcResNet(), (torch.randn(1, 60, 12),)


def ds_cnn() -> Made:
    return DsCnn(), (torch.randn(1, 1, 60, 10),)


def seld() -> Made:
    return Seld(), (torch.randn(1, 7, 60, 32),)


def gridnet() -> Made:
    return GridNet(), (torch.randn(1, 2, 40, 9),)


def emformer_like() -> Made:
    return EmformerLike(), (torch.randn(1, 40, 16),)


def ecapa_like() -> Made:
    return TimeChannelNet(), (torch.randn(1, 20, 60),)
