"""Small torch networks of the kinds that users bring, in streaming form: forward(x, *states)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Network = tuple[nn.Module, tuple[Tensor, ...]]


class GruMask(nn.Module):
    """257 bins -> Linear, GRU, GRU, Linear: a spectral mask estimator."""

    def __init__(self, bins: int = 65, units: int = 32) -> None:
        super().__init__()
        self.inp, self.out = nn.Linear(bins, units), nn.Linear(units, bins)
        self.gru1, self.gru2 = nn.GRU(units, units), nn.GRU(units, units)

    def forward(self, x: Tensor, h1: Tensor, h2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = torch.relu(self.inp(x)).unsqueeze(0)
        y, h1 = self.gru1(y, h1)
        y, h2 = self.gru2(y, h2)
        return torch.sigmoid(self.out(y.squeeze(0))), h1, h2


class TcnBlock(nn.Module):
    """Pointwise, PReLU, dilated depthwise with a cache, PReLU, pointwise, residual."""

    def __init__(self, channels: int, hidden: int, dilation: int) -> None:
        super().__init__()
        self.up, self.down = nn.Conv1d(channels, hidden, 1), nn.Conv1d(hidden, channels, 1)
        self.act1, self.act2 = nn.PReLU(hidden), nn.PReLU()
        self.depthwise = nn.Conv1d(hidden, hidden, 3, dilation=dilation, groups=hidden)
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        window = torch.cat([cache, self.act1(self.up(x))], 2)
        y = self.act2(self.norm(self.depthwise(window)))
        return x + self.down(y), window[:, :, x.shape[2] :]


class Tcn(nn.Module):
    """A Conv-TasNet-like network: hops of 16 samples in and out, overlap-add at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = (
            nn.Conv1d(1, 24, 32, stride=16),
            nn.ConvTranspose1d(24, 1, 32, stride=16),
        )
        self.blocks = nn.ModuleList([TcnBlock(24, 32, 2**i) for i in range(3)])
        self.mask = nn.Conv1d(24, 24, 1)

    def forward(
        self, x: Tensor, past: Tensor, tail: Tensor, c0: Tensor, c1: Tensor, c2: Tensor
    ) -> tuple[Tensor, ...]:
        code = torch.relu(self.encoder(torch.cat([past, x], 2)))
        y, caches = code, []
        for block, cache in zip(self.blocks, (c0, c1, c2), strict=True):
            y, cache = block(y, cache)
            caches.append(cache)
        frame = self.decoder(code * torch.sigmoid(self.mask(y)))
        return frame[:, :, :16] + tail, x, frame[:, :, 16:], *caches


class LstmVad(nn.Module):
    """Features (1, T, 40) -> LSTM -> one probability per frame; two frames per call."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(40, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(x, (h, c))
        return torch.sigmoid(self.out(y)), h, c


class ConvRecurrent(nn.Module):
    """2-D convolutions over (time, frequency) with a time cache, BatchNorm, skip, GRU, transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Conv2d(1, 8, (2, 5), stride=(1, 2), padding=(0, 2))
        self.enc2 = nn.Conv2d(8, 12, (1, 3), stride=(1, 2), padding=(0, 1))
        self.norm1, self.norm2 = nn.BatchNorm2d(8), nn.BatchNorm2d(12)
        self.gru = nn.GRU(12 * 9, 20, batch_first=True)
        self.back = nn.Linear(20, 12 * 9)
        self.dec = nn.ConvTranspose2d(12, 8, (1, 3), stride=(1, 2), padding=(0, 1))
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor, frame: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        window = torch.cat([frame, x], 2)
        e1 = F.elu(self.norm1(self.enc1(window)))
        e2 = torch.relu(self.norm2(self.enc2(e1)))
        flat, h = self.gru(e2.permute(0, 2, 1, 3).flatten(2), h)
        y = e2 + self.back(flat).view(1, 1, 12, 9).permute(0, 2, 1, 3)
        return torch.tanh(self.out(self.dec(y) + e1)), x, h


class Attention(nn.Module):
    """LayerNorm, single-head attention over a ring of past frames, GELU feed-forward."""

    def __init__(self, width: int = 24, past: int = 7) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n = self.norm1(x)
        keys, values = torch.cat([keys, self.k(n)], 1), torch.cat([values, self.v(n)], 1)
        weights = torch.softmax(self.q(n) @ keys.transpose(1, 2) / 24**0.5, -1)
        x = x + weights @ values
        return x + self.down(F.gelu(self.up(self.norm2(x)))), keys[:, 1:], values[:, 1:]


class Vision(nn.Module):
    """A MobileNet-like classifier without state."""

    def __init__(self) -> None:
        super().__init__()

        def block(i: int, o: int, s: int) -> list[nn.Module]:
            return [
                nn.Conv2d(i, i, 3, s, 1, groups=i, bias=False),
                nn.BatchNorm2d(i),
                nn.ReLU6(),
                nn.Conv2d(i, o, 1, bias=False),
                nn.BatchNorm2d(o),
                nn.Hardswish(),
            ]

        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            *block(8, 16, 2),
            *block(16, 16, 1),
        )
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


class Raw(nn.Module):
    """Eats and gives PCM hops of 64 with a plain GRU: no front end, one state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(64, 32), nn.Linear(32, 64)

    def forward(self, pcm: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, h = self.gru(pcm.unsqueeze(0), h)
        return torch.tanh(self.out(y.squeeze(0))), h


class DualPath(nn.Module):
    """Channels by frequency: a bidirectional GRU over frequency, a GRU over time in each band, grouped
    dilated transposed convolution over a cache; both caches are slices of one packed state."""

    def __init__(self, bands: int = 9, width: int = 8) -> None:
        super().__init__()
        self.enc = nn.Conv2d(2, width, (1, 3), padding=(0, 1))
        self.act, self.norm = nn.PReLU(), nn.BatchNorm2d(width)
        self.depth = nn.Conv2d(width, width, (3, 3), padding=(0, 1), dilation=(2, 1), groups=width)
        self.across = nn.GRU(width, width // 2, bidirectional=True, batch_first=True)
        self.along = nn.GRU(width, width, batch_first=True)
        self.mix1, self.mix2 = nn.Linear(width, width), nn.Linear(width, width)
        self.layernorm = nn.LayerNorm((bands, width))
        self.back = nn.ConvTranspose2d(
            width, width, (3, 3), padding=(4, 1), dilation=(2, 1), groups=width
        )
        self.dec = nn.ConvTranspose2d(width, 2, (1, 3), padding=(0, 1), groups=2)

    def forward(self, x: Tensor, cache: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cache = cache.clone()
        window = torch.cat([cache[0], self.act(self.norm(self.enc(x)))], 2)
        cache[0] = window[:, :, 1:]
        y = torch.relu(self.depth(window))
        bands = y.permute(0, 2, 3, 1).flatten(0, 1)
        bands = bands + self.layernorm(self.mix1(self.across(bands)[0]))
        time, h = self.along(bands.transpose(0, 1), h)
        y = (bands + self.mix2(time.transpose(0, 1))).permute(0, 2, 1).unsqueeze(2)
        window = torch.cat([cache[1], y], 2)
        cache[1] = window[:, :, 1:]
        return torch.tanh(self.dec(torch.relu(self.back(window)))), cache, h


def _states(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(torch.zeros(shape) for shape in shapes)


def _norms(module: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics that matter."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, 0.0, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.5, 2.0)  # type: ignore[arg-type]
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0.0, 0.2)
    return module.eval()


def _make(
    make: Callable[[], nn.Module], x: tuple[int, ...], *states: tuple[int, ...]
) -> Callable[[], Network]:
    def build() -> Network:
        torch.manual_seed(0)
        return _norms(make()), (torch.randn(x), *_states(*states))

    return build


gru_mask = _make(GruMask, (1, 65), (1, 1, 32), (1, 1, 32))
tcn = _make(Tcn, (1, 1, 16), (1, 1, 16), (1, 1, 16), (1, 32, 2), (1, 32, 4), (1, 32, 8))
lstm_vad = _make(LstmVad, (1, 2, 40), (1, 1, 24), (1, 1, 24))
conv_recurrent = _make(ConvRecurrent, (1, 1, 1, 33), (1, 1, 1, 33), (1, 1, 20))
attention = _make(Attention, (1, 1, 24), (1, 7, 24), (1, 7, 24))
vision = _make(Vision, (1, 3, 24, 24))
raw = _make(Raw, (1, 64), (1, 1, 32))
dual_path = _make(DualPath, (1, 2, 1, 9), (2, 1, 8, 4, 9), (1, 9, 8))

ZOO: dict[str, Callable[[], Network]] = {
    "gru_mask": gru_mask,
    "tcn": tcn,
    "lstm_vad": lstm_vad,
    "conv_recurrent": conv_recurrent,
    "attention": attention,
    "vision": vision,
    "raw": raw,
    "dual_path": dual_path,
}
