"""Offline networks written anew and small: writes to parts of tensors, positions, and loops and scans along time."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Made = tuple[nn.Module, tuple[Tensor, ...]]


class DeepFilter(nn.Module):
    """DeepFilterNet3's last stage: a mask for all bins, and a filter over frames that replaces the low ones."""

    def __init__(self, bins: int = 24, low: int = 10, order: int = 3) -> None:
        super().__init__()
        self.low, self.order = low, order
        self.cell = nn.GRU(bins * 2, 24, batch_first=True)
        self.mask, self.taps = nn.Linear(24, bins), nn.Linear(24, low * order * 2)

    def forward(self, spec: Tensor) -> Tensor:
        batch, frames = spec.shape[:2]
        hidden, _ = self.cell(spec.flatten(2))
        masked = spec * torch.sigmoid(self.mask(hidden)).unsqueeze(-1)
        taps = torch.tanh(self.taps(hidden)).view(batch, frames, self.order, self.low, 2)
        past = F.pad(spec[:, :, : self.low], (0, 0, 0, 0, self.order - 1, 0))
        out = torch.zeros(batch, frames, self.low, 2)
        for n in range(self.order):
            x, c = past[:, n : n + frames], taps[:, :, n]
            out[..., 0] += x[..., 0] * c[..., 0] - x[..., 1] * c[..., 1]
            out[..., 1] += x[..., 0] * c[..., 1] + x[..., 1] * c[..., 0]
        result = spec.clone()
        result[:, :, : self.low] = out
        result[:, :, self.low :] = masked[:, :, self.low :]
        return result


class ContextBuffer(nn.Module):
    """Waveformer: dilated layers that keep their past in one buffer, and chunks that attend to the chunk before."""

    def __init__(self, channels: int = 16, chunk: int = 4, layers: int = 3) -> None:
        super().__init__()
        self.chunk, self.heads = chunk, 2
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, dilation=2**n) for n in range(layers)
        )
        self.query, self.both = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        sizes = [2 * 2**n for n in range(len(self.convs))]
        buffer = torch.zeros(x.shape[0], x.shape[1], sum(sizes))
        start = 0
        for conv, size in zip(self.convs, sizes, strict=True):
            whole = torch.cat([buffer[..., start : start + size], x], -1)
            buffer[..., start : start + size] = whole[..., -size:]
            x, start = x + torch.relu(conv(whole)), start + size
        return x + self._attention(x.transpose(1, 2)).transpose(1, 2)

    def _attention(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        past = F.pad(x, (0, 0, self.chunk, 0))
        context = past.unfold(1, 2 * self.chunk, self.chunk).transpose(2, 3)
        own = x.view(batch, -1, self.chunk, width)
        shape = batch, own.shape[1], -1, self.heads, width // self.heads
        query = self.query(own).view(shape).transpose(2, 3)
        key, value = (one.view(shape).transpose(2, 3) for one in self.both(context).chunk(2, -1))
        rows = torch.zeros(batch, own.shape[1], self.heads, self.chunk, width // self.heads)
        rows[:, :] = F.scaled_dot_product_attention(query, key, value)
        return rows.transpose(2, 3).reshape(batch, frames, width)


class ValidWaveNet(nn.Module):
    """Neural Amp Modeler's WaveNet: valid dilated layers, and skips cut to the frames that are left."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        self.start, self.head = nn.Conv1d(1, channels, 1), nn.Conv1d(channels, 1, 1)
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, dilation=2**n) for n in range(5)
        )
        self.mixes = nn.ModuleList(nn.Conv1d(1, channels, 1, bias=False) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        y, skips = self.start(x), None
        for conv, mix in zip(self.convs, self.mixes, strict=True):
            z = conv(y)
            z = torch.tanh(z + mix(x)[:, :, -z.shape[2] :])
            y = y[:, :, -z.shape[2] :] + z
            skips = z if skips is None else skips[:, :, -z.shape[2] :] + z
        out: Tensor = self.head(skips)
        return out


class ChunkedConformer(nn.Module):
    """WeNet's Conformer: keys of a table of positions, chunks with a fixed number of chunks before them."""

    def __init__(self, width: int = 16, chunk: int = 4, left: int = 2, rows: int = 400) -> None:
        super().__init__()
        self.chunk, self.left, self.heads = chunk, left, 2
        place = torch.arange(rows)[:, None] * torch.exp(
            torch.arange(0, width, 2) * -(math.log(1e4) / width)
        )
        self.register_buffer("table", torch.stack([place.sin(), place.cos()], 2).flatten(1))
        self.project, self.places = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.u, self.v = (nn.Parameter(torch.randn(2, width // 2)) for _ in range(2))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, width)
        self.conv = nn.Conv1d(width, width, 7, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        shape = batch, frames, self.heads, width // self.heads
        query, key, value = (one.view(shape) for one in self.project(self.norm(x)).chunk(3, -1))
        places = self.places(self.table[None, :frames]).view(1, *shape[1:]).transpose(1, 2)
        scores = (query + self.u).transpose(1, 2) @ key.permute(0, 2, 3, 1)
        scores = scores + (query + self.v).transpose(1, 2) @ places.transpose(2, 3)
        number = torch.arange(frames) // self.chunk
        apart = number[:, None] - number[None]
        seen = (apart >= 0) & (apart <= self.left)
        weights = (scores / 8**0.5).masked_fill(~seen, -math.inf).softmax(-1)
        x = x + self.out((weights @ value.transpose(1, 2)).transpose(1, 2).reshape(x.shape))
        return x + self.conv(F.pad(x.transpose(1, 2), (6, 0))).transpose(1, 2)


class WindowedCodec(nn.Module):
    """SNAC's encoder: strides, then heads that attend inside windows of frames, as five axes."""

    def __init__(self, width: int = 16, window: int = 4) -> None:
        super().__init__()
        self.window = window
        self.down = nn.Conv1d(1, width, 8, stride=4, padding=2)
        self.norm, self.project = nn.LayerNorm(width), nn.Linear(width, 3 * width, bias=False)
        self.close = nn.Conv1d(width, width, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        batch, width, frames = y.shape
        shape = batch, frames // self.window, self.window, 2, width // 2
        three = self.project(self.norm(y.transpose(1, 2))).chunk(3, -1)
        heads = F.scaled_dot_product_attention(
            *(one.reshape(shape).permute(0, 3, 1, 2, 4) for one in three)
        )
        flat = heads.permute(0, 2, 3, 1, 4).reshape(batch, frames, width)
        out: Tensor = self.close(y + flat.transpose(1, 2))
        return out


class PhaseSteps(nn.Module):
    """Steps on a complex spectrum in place, as a reconstruction of phases with momentum does."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(32))
        self.mask = nn.Linear(17, 17)

    def forward(self, x: Tensor) -> Tensor:
        spec = torch.stft(x, 32, 16, window=self.window, center=False, return_complex=True)
        before = spec * torch.sigmoid(self.mask(spec.abs().transpose(1, 2))).transpose(1, 2)
        spec = spec - before.mul_(0.5)
        spec.add_(before).mul_(2.0)
        return torch.view_as_real(spec)


class Difference(nn.Module):
    """A first difference whose first frame is kept, and frames that are muted until a filter has settled."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y[:, :, 1:] -= 0.97 * x[:, :, :-1]
        z = self.conv(F.pad(y, (4, 0)))
        z[:, :, :4] = 0
        z[:, ::2] = torch.relu(z[:, ::2])
        return z


class GatedDeltaRule(nn.Module):
    """(1, T, 16) -> (1, T, 16): a memory that each frame decays and corrects (Yang et al., 2024), as a loop."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.gates = nn.Linear(width, 2 * heads)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        shape = batch, frames, self.heads, width // self.heads
        q, k, v = (y.view(shape).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        k = F.normalize(k, dim=-1)
        decay, rate = self.gates(x).transpose(1, 2).sigmoid().chunk(2, 1)
        memory = x.new_zeros(batch, self.heads, shape[3], shape[3])
        made = torch.zeros_like(v)
        for t in range(frames):
            memory = memory * decay[:, :, t, None, None]
            known = (memory * k[:, :, t, :, None]).sum(-2)
            change = (v[:, :, t] - known) * rate[:, :, t, None]
            memory = memory + k[:, :, t].unsqueeze(-1) * change.unsqueeze(-2)
            made[:, :, t] = torch.einsum("bhd,bhdm->bhm", q[:, :, t], memory)
        return self.out(made.transpose(1, 2).reshape(batch, frames, width))


class ScalarLstm(nn.Module):
    """(1, T, 16) -> (1, T, 16): exponential gates with a stabiliser (Beck et al., 2024), as a loop."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.x, self.h = nn.Linear(width, 4 * width), nn.Linear(width, 4 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = c = n = m = x.new_zeros(x.shape[0], x.shape[2])
        made = []
        for frame in self.x(x).unbind(1):
            i, f, z, o = (frame + self.h(h)).chunk(4, -1)
            kept = F.logsigmoid(f) + m
            m = torch.maximum(kept, i)
            into, forget = torch.exp(i - m), torch.exp(kept - m)
            c, n = forget * c + into * torch.tanh(z), forget * n + into
            h = torch.sigmoid(o) * c / n
            made.append(h)
        return torch.stack(made, 1)


class SelectiveLoop(nn.Module):
    """(1, T, 16) -> (1, T, 16): a selective state space (Gu and Dao, 2023), frame by frame."""

    def __init__(self, width: int = 16, states: int = 4) -> None:
        super().__init__()
        self.states = states
        self.mix = nn.Conv1d(width, width, 4, padding=3, groups=width)
        self.choose, self.step = nn.Linear(width, 2 * states), nn.Linear(width, width)
        self.rate = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        u = F.silu(self.mix(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2))
        b, c = self.choose(u).chunk(2, -1)
        dt = F.softplus(self.step(u))
        decay = torch.exp(dt.unsqueeze(-1) * -self.rate.exp())
        drive = (dt * u).unsqueeze(-1) * b.unsqueeze(2)
        h, made = torch.zeros_like(drive[:, 0]), []
        for t in range(x.shape[1]):
            h = decay[:, t] * h + drive[:, t]
            made.append((h * c[:, t, None]).sum(-1))
        return torch.stack(made, 1) + u * self.skip


class DoublingScan(nn.Module):
    """(1, T, 8) -> (1, T, 8): gated linear recurrence, joined over distances that double (Kogge and Stone, 1973)."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.gate, self.into = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        decay = torch.sigmoid(self.gate(x))
        h, reach = (1 - decay) * self.into(x), 1
        while reach < x.shape[1]:
            h = h + decay * F.pad(h[:, :-reach], (0, 0, reach, 0))
            decay = decay * F.pad(decay[:, :-reach], (0, 0, reach, 0), value=1.0)
            reach *= 2
        return h


class ChunkedAttention(nn.Module):
    """(1, T, 16) -> (1, T, 16): linear attention in chunks of 8, a loop from chunk to chunk (Yang et al., 2023)."""

    def __init__(self, width: int = 16, chunk: int = 8) -> None:
        super().__init__()
        self.chunk, self.qkv = chunk, nn.Linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        q, k, v = (
            y.view(batch, frames // self.chunk, self.chunk, width) for y in self.qkv(x).chunk(3, -1)
        )
        below = torch.ones(self.chunk, self.chunk).tril()
        memory, made = x.new_zeros(batch, width, width), []
        for n in range(frames // self.chunk):
            inside = (q[:, n] @ k[:, n].transpose(-1, -2) * below) @ v[:, n]
            made.append(inside + q[:, n] @ memory)
            memory = memory + k[:, n].transpose(-1, -2) @ v[:, n]
        return torch.cat(made, 1)


class FilterLoop(nn.Module):
    """(1, 1, T) -> (1, 1, T): a level that starts with the first sample, and a biquad, sample by sample."""

    def forward(self, x: Tensor) -> Tensor:
        level, x1, x2, y1, y2 = x[..., 0].abs(), *[torch.zeros_like(x[..., 0])] * 4
        made = []
        for t in range(x.shape[-1]):
            level = 0.9 * level + 0.1 * x[..., t].abs()
            y = 0.2 * x[..., t] + 0.4 * x1 + 0.2 * x2 + 0.5 * y1 - 0.3 * y2
            x2, x1, y2, y1 = x1, x[..., t], y1, y
            made.append(y / (level + 0.1))
        return torch.stack(made, -1)


def deep_filter() -> Made:
    return DeepFilter(), (torch.randn(1, 40, 24, 2),)


def context_buffer() -> Made:
    return ContextBuffer(), (torch.randn(1, 16, 48),)


def valid_wavenet() -> Made:
    return ValidWaveNet(), (torch.randn(1, 1, 120),)


def chunked_conformer() -> Made:
    return ChunkedConformer(), (torch.randn(1, 60, 16),)


def windowed_codec() -> Made:
    return WindowedCodec(), (torch.randn(1, 1, 192),)


def phase_steps() -> Made:
    return PhaseSteps(), (torch.randn(1, 640),)


def difference() -> Made:
    return Difference(), (torch.randn(1, 8, 40),)


def gated_delta() -> Made:
    return GatedDeltaRule(), (torch.randn(1, 40, 16),)


def scalar_lstm() -> Made:
    return ScalarLstm(), (torch.randn(1, 40, 16),)


def selective_loop() -> Made:
    return SelectiveLoop(), (torch.randn(1, 40, 16),)


def doubling_scan() -> Made:
    return DoublingScan(), (torch.randn(1, 40, 8),)


def chunked_attention() -> Made:
    return ChunkedAttention(), (torch.randn(1, 64, 16),)


def filter_loop() -> Made:
    return FilterLoop(), (torch.randn(1, 1, 40),)
