"""Offline networks on sound and spectra in the manner of their authors, written anew from their descriptions, small."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import weight_norm

Made = tuple[nn.Module, tuple[Tensor, ...]]


class ResidualBranch(nn.Module):
    """Three dilated convolutions with residuals (HiFi-GAN's first kind of residual block)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...] = (1, 3, 5)) -> None:
        super().__init__()

        def same(dilation: int) -> nn.Module:
            pad = (kernel * dilation - dilation) // 2
            return weight_norm(
                nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=pad)
            )

        self.first = nn.ModuleList(same(d) for d in dilations)
        self.second = nn.ModuleList(same(1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for first, second in zip(self.first, self.second, strict=True):
            y = first(F.leaky_relu(x, 0.1))
            x = x + second(F.leaky_relu(y, 0.1))
        return x


class HifiGan(nn.Module):
    """(1, 20, T) mel bands -> (1, 1, 32 T) samples (Kong et al., NeurIPS 2020)."""

    def __init__(self, rates: tuple[int, ...] = (8, 4), kernels: tuple[int, ...] = (3, 7)) -> None:
        super().__init__()
        self.kernels = len(kernels)
        width = 32
        self.enter = weight_norm(nn.Conv1d(20, width, 7, padding=3))
        self.ups, self.branches = nn.ModuleList(), nn.ModuleList()
        for rate in rates:
            up = nn.ConvTranspose1d(width, width // 2, 2 * rate, rate, padding=rate // 2)
            self.ups.append(weight_norm(up))
            width //= 2
            self.branches.extend(ResidualBranch(width, kernel) for kernel in kernels)
        self.leave = weight_norm(nn.Conv1d(width, 1, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for number, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, 0.1))
            total: Any = None
            for kernel in range(self.kernels):
                y = self.branches[number * self.kernels + kernel](x)
                total = y if total is None else total + y
            x = total / self.kernels
        return torch.tanh(self.leave(F.leaky_relu(x)))


class Film(nn.Module):
    """A batch norm without weights, then a gain and a shift that knobs decide."""

    def __init__(self, channels: int, knobs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels, affine=False)
        self.adapt = nn.Linear(knobs, 2 * channels)

    def forward(self, x: Tensor, knobs: Tensor) -> Tensor:
        gain, shift = torch.chunk(self.adapt(knobs), 2, dim=-1)
        return self.norm(x) * gain.permute(0, 2, 1) + shift.permute(0, 2, 1)


class MicroTcnBlock(nn.Module):
    """A dilated convolution without padding, knobs, and the cropped input beside it."""

    def __init__(self, into: int, out: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(into, out, kernel, dilation=dilation, bias=False)
        self.film, self.act = Film(out, 8), nn.PReLU()
        self.beside = nn.Conv1d(into, out, 1, groups=into, bias=False)

    def forward(self, x: Tensor, knobs: Tensor) -> Tensor:
        y = self.act(self.film(self.conv(x), knobs))
        skip = self.beside(x)
        return y + skip[..., skip.shape[-1] - y.shape[-1] :]


class MicroTcn(nn.Module):
    """(1, 1, T) -> (1, 1, T'): an effect with two knobs (Steinmetz and Reiss, AES 2022), causal crops."""

    def __init__(self) -> None:
        super().__init__()
        self.generate = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU())
        rows = ((1, 8, 5, 1), (8, 8, 5, 10), (8, 8, 5, 100))
        self.blocks = nn.ModuleList(MicroTcnBlock(*row) for row in rows)
        self.output = nn.Conv1d(8, 1, 1)
        self.register_buffer("knobs", torch.tensor([[[0.3, 0.7]]]))

    def forward(self, x: Tensor) -> Tensor:
        knobs = self.generate(self.knobs)
        for block in self.blocks:
            x = block(x, knobs)
        return torch.tanh(self.output(x))


class Crn(nn.Module):
    """(1, 1, T, 33) magnitudes -> the same (Tan and Wang, Interspeech 2018): causal in time, LSTM in between."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 8, 16, 16)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(i, o, (2, 3), (1, 2), (1, 0)) for i, o in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o in pairs)
        self.lstm = nn.LSTM(16 * 3, 16 * 3, 2, batch_first=True)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * o, i, (2, 3), (1, 2), output_padding=(0, int(i == 8)))
            for i, o in reversed(pairs)
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(i) for i, _ in reversed(pairs))

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for conv, norm in zip(self.down, self.norms, strict=True):
            x = F.elu(norm(conv(x)[:, :, :-1, :].contiguous()))
            skips.append(x)
        batch, channels, frames, bins = x.shape
        rows = x.permute(0, 2, 1, 3).reshape(batch, frames, channels * bins)
        rows = self.lstm(rows)[0].reshape(batch, frames, channels, bins)
        x = rows.permute(0, 2, 1, 3).contiguous()
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            skip = skips.pop()
            x = conv(torch.cat([x, skip], 1))[:, :, :-1, :].contiguous()
            x = F.elu(norm(x))
        return F.softplus(x)


class Nsnet2(nn.Module):
    """(1, T, 33) log power -> gains (Braun and Tashev, 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.rnn1 = nn.Linear(33, 40), nn.GRU(40, 40, batch_first=True)
        self.rnn2 = nn.GRU(40, 40, batch_first=True)
        self.fc2, self.fc3, self.fc4 = nn.Linear(40, 60), nn.Linear(60, 60), nn.Linear(60, 33)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.rnn1(F.relu(self.fc1(x)))
        x, _ = self.rnn2(x)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(F.relu(self.fc2(x))))))


class Rnnoise(nn.Module):
    """(1, T, 42) features -> 22 gains and a voice activity (Valin, MMSP 2018): three GRUs that see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(42, 24)
        self.vad_gru = nn.GRU(24, 24, batch_first=True)
        self.noise_gru = nn.GRU(24 + 24 + 42, 48, batch_first=True)
        self.denoise_gru = nn.GRU(24 + 48 + 42, 96, batch_first=True)
        self.vad, self.gains = nn.Linear(24, 1), nn.Linear(96, 22)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        dense = torch.tanh(self.dense(x))
        vad, _ = self.vad_gru(dense)
        noise, _ = self.noise_gru(torch.cat([dense, vad, x], -1))
        rest, _ = self.denoise_gru(torch.cat([vad, noise, x], -1))
        return torch.sigmoid(self.gains(rest)), torch.sigmoid(self.vad(vad))


class PercepNet(nn.Module):
    """(1, T, 70) features -> 34 gains and 34 strengths of a comb (Valin et al., Interspeech 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(70, 32)
        self.conv1, self.conv2 = nn.Conv1d(32, 48, 5), nn.Conv1d(48, 48, 3)
        self.grus = nn.ModuleList(nn.GRU(48, 48, batch_first=True) for _ in range(3))
        self.band, self.pitch = nn.GRU(96, 48, batch_first=True), nn.GRU(96, 24, batch_first=True)
        self.gains, self.strengths = nn.Linear(48 * 5, 34), nn.Linear(24, 34)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = F.relu(self.fc(x)).permute(0, 2, 1)
        y = torch.tanh(self.conv1(F.pad(y, (4, 0))))
        conv = torch.tanh(self.conv2(F.pad(y, (2, 0)))).permute(0, 2, 1)
        seen = [conv]
        for gru in self.grus:
            seen.append(gru(seen[-1])[0])
        band = self.band(torch.cat([seen[-1], conv], -1))[0]
        pitch = self.pitch(torch.cat([seen[-1], conv], -1))[0]
        gains = torch.sigmoid(self.gains(torch.cat([*seen, band], -1)))
        return gains, torch.sigmoid(self.strengths(pitch))


class DeepFilter(nn.Module):
    """(1, T, 24, 2) spectrum -> the same (Schroeter et al., 2022): gains in bands, then filters over frames.

    The filters of the low bins take five frames, one of them ahead, as complex taps that a GRU gives.
    """

    def __init__(self, bins: int = 24, bands: int = 8, low: int = 12, order: int = 5) -> None:
        super().__init__()
        self.low, self.order = low, order
        bank = torch.rand(bins, bands)
        self.register_buffer("erb", bank / bank.sum(0))
        self.register_buffer("erb_inv", torch.rand(bands, bins))
        self.enter = nn.Sequential(
            nn.ConstantPad2d((0, 0, 2, 0), 0.0), nn.Conv2d(1, 8, (3, 3), padding=(0, 1)), nn.ReLU()
        )
        self.gru = nn.GRU(8 * bands, 32, batch_first=True)
        self.gains = nn.Sequential(nn.Linear(32, bands), nn.Sigmoid())
        self.filter_gru = nn.GRU(32, 32, 2, batch_first=True)
        self.taps = nn.Sequential(nn.Linear(32, low * order * 2), nn.Tanh())

    def forward(self, spec: Tensor) -> Tensor:
        power = (spec**2).sum(-1)
        bands = 10 * torch.log10(power @ self.erb + 1e-10)
        y = self.enter((bands / 40).unsqueeze(1))
        batch, channels, frames, width = y.shape
        emb, _ = self.gru(y.permute(0, 2, 1, 3).reshape(batch, frames, channels * width))
        masked = spec * (self.gains(emb) @ self.erb_inv).unsqueeze(-1)
        taps = self.taps(self.filter_gru(emb)[0])
        taps = taps.view(batch, frames, self.order, self.low, 2)
        padded = F.pad(spec[:, :, : self.low], (0, 0, 0, 0, self.order - 2, 1))
        seen = padded.unfold(1, self.order, 1).permute(0, 1, 4, 2, 3)
        real = seen[..., 0] * taps[..., 0] - seen[..., 1] * taps[..., 1]
        imag = seen[..., 0] * taps[..., 1] + seen[..., 1] * taps[..., 0]
        filtered = torch.stack([real.sum(2), imag.sum(2)], -1)
        return torch.cat([filtered, masked[:, :, self.low :]], 2)


class WaveNet(nn.Module):
    """(1, 1, T) -> (1, 16, T) classes of the next sample (van den Oord et al., 2016)."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.enter = nn.Conv1d(1, channels, 1)
        self.dilations = (1, 2, 4, 8, 1, 2, 4, 8)
        count = len(self.dilations)
        self.filters, self.gates = (
            nn.ModuleList(nn.Conv1d(channels, channels, 2, dilation=d) for d in self.dilations)
            for _ in range(2)
        )
        self.skips = nn.ModuleList(nn.Conv1d(channels, 16, 1) for _ in range(count))
        self.rest = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(count))
        self.leave = nn.Sequential(nn.ReLU(), nn.Conv1d(16, 16, 1), nn.ReLU(), nn.Conv1d(16, 16, 1))

    def forward(self, x: Tensor) -> Tensor:
        x, total = self.enter(F.pad(x, (1, 0))[..., :-1]), torch.zeros(())
        for n, dilation in enumerate(self.dilations):
            y = F.pad(x, (dilation, 0))
            y = torch.tanh(self.filters[n](y)) * torch.sigmoid(self.gates[n](y))
            total = total + self.skips[n](y)
            x = x + self.rest[n](y)
        return self.leave(total)


class CausalDemucs(nn.Module):
    """(1, 1, T) -> (1, 1, T): a strided U-Net of gated convolutions with an LSTM inside (Defossez et al., 2020)."""

    def __init__(self, hidden: int = 8, depth: int = 3) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        into, out, back = 1, hidden, 1
        for index in range(depth):
            self.down.append(
                nn.Sequential(
                    nn.Conv1d(into, out, 8, 4), nn.ReLU(), nn.Conv1d(out, 2 * out, 1), nn.GLU(1)
                )
            )
            layers = [
                nn.Conv1d(out, 2 * out, 1),
                nn.GLU(1),
                nn.ConvTranspose1d(out, back, 8, 4),
                *([nn.ReLU()] if index else []),
            ]
            self.up.insert(0, nn.Sequential(*layers))
            into, back, out = out, out, 2 * out
        self.lstm = nn.LSTM(into, into, 2)

    def forward(self, x: Tensor) -> Tensor:
        length, skips = x.shape[-1], []
        x = F.pad(x, (0, 84))  # so that every stride divides what is left
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        x = self.lstm(x.permute(2, 0, 1))[0].permute(1, 2, 0)
        for layer in self.up:
            skip = skips.pop()
            x = layer(x + skip[..., : x.shape[-1]])
        return x[..., :length]


class CausalConv(nn.Module):
    """A convolution that pads to the left what kernel and stride leave (SEANet, Tagliasacchi et al., 2020)."""

    def __init__(
        self, into: int, out: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv1d(into, out, kernel, stride, dilation=dilation))
        self.past = (kernel - 1) * dilation + 1 - stride

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (self.past, 0)))


class CausalUp(nn.Module):
    """A transposed convolution that crops its right end."""

    def __init__(self, into: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv, self.crop = (
            weight_norm(nn.ConvTranspose1d(into, out, kernel, stride)),
            kernel - stride,
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return y[..., : y.shape[-1] - self.crop]


class SeanetUnit(nn.Module):
    """Dilated, then pointwise, with the input beside them."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ELU(),
            CausalConv(width, width // 2, 3, dilation=dilation),
            nn.ELU(),
            CausalConv(width // 2, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Seanet(nn.Module):
    """(1, 1, T) -> (1, 1, T) through one frame in 8 samples, as an enhancer uses it."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [CausalConv(1, 8, 7)]
        for width, stride in ((8, 2), (16, 4)):
            layers += [
                SeanetUnit(width, 1),
                SeanetUnit(width, 3),
                nn.ELU(),
                CausalConv(width, 2 * width, 2 * stride, stride),
            ]
        for width, stride in ((32, 4), (16, 2)):
            layers += [
                nn.ELU(),
                CausalUp(width, width // 2, 2 * stride, stride),
                SeanetUnit(width // 2, 1),
            ]
        self.layers = nn.Sequential(*layers, nn.ELU(), CausalConv(8, 1, 7))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


class CumulativeNorm(nn.Module):
    """Mean and variance of all channels and all frames so far (Conv-TasNet's causal norm)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, channels, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, y: Tensor) -> Tensor:
        channels, frames = y.shape[1:]
        total = torch.cumsum(y.sum(1), dim=1)
        power = torch.cumsum(y.pow(2).sum(1), dim=1)
        count = torch.arange(channels, channels * (frames + 1), channels).type(y.type()).view(1, -1)
        mean = total / count
        var = (power - 2 * mean * total) / count + mean.pow(2)
        return (y - mean.unsqueeze(1)) / (var + 1e-4).sqrt().unsqueeze(1) * self.gain + self.bias


class ConvTasNet(nn.Module):
    """(1, 1, T) -> (1, 2, T) (Luo and Mesgarani, 2019), with its cumulative norm."""

    def __init__(self, basis: int = 16, width: int = 12, hidden: int = 24) -> None:
        super().__init__()
        self.basis = basis
        self.encoder = nn.Conv1d(1, basis, 8, 4, bias=False)
        self.enter = nn.Sequential(CumulativeNorm(basis), nn.Conv1d(basis, width, 1))
        self.blocks, self.pasts = nn.ModuleList(), []
        for dilation in (1, 2, 4):
            self.pasts.append(2 * dilation)
            depth = nn.Conv1d(
                hidden, hidden, 3, dilation=dilation, groups=hidden, padding=2 * dilation
            )
            one = nn.Sequential(
                nn.Conv1d(width, hidden, 1), nn.PReLU(), CumulativeNorm(hidden), depth
            )
            two = nn.Sequential(nn.PReLU(), CumulativeNorm(hidden))
            self.blocks.append(
                nn.ModuleList([one, two, nn.Conv1d(hidden, width, 1), nn.Conv1d(hidden, width, 1)])
            )
        self.mask = nn.Sequential(nn.PReLU(), nn.Conv1d(width, 2 * basis, 1), nn.Sigmoid())
        self.decoder = nn.ConvTranspose1d(basis, 1, 8, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mixture = F.relu(self.encoder(F.pad(x, (4, 4))))
        y, total = self.enter(mixture), torch.zeros(())
        for past, (one, two, rest, skip) in zip(self.pasts, self.blocks, strict=True):
            z = two(one(y)[..., :-past])
            y, total = y + rest(z), total + skip(z)
        masks = self.mask(total).view(1, 2, self.basis, -1)
        parts = (masks * mixture.unsqueeze(1)).view(2, self.basis, -1)
        return self.decoder(parts)[..., 4:-4].permute(1, 0, 2)


class DualPath(nn.Module):
    """(1, 1, T) -> (1, 1, T): both directions within a block of 10 frames, forward over blocks (causal DPRNN)."""

    def __init__(self, width: int = 16, chunk: int = 10) -> None:
        super().__init__()
        self.width, self.chunk = width, chunk
        self.encoder = nn.Conv1d(1, width, 4, 4, bias=False)
        self.intra = nn.LSTM(width, 12, batch_first=True, bidirectional=True)
        self.inter = nn.LSTM(width, 24, batch_first=True)
        self.intra_fc, self.inter_fc = nn.Linear(24, width), nn.Linear(24, width)
        self.intra_norm, self.inter_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.decoder = nn.ConvTranspose1d(width, 1, 4, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        code = self.encoder(x)
        batch, width, frames = code.shape
        blocks = code.transpose(1, 2).reshape(batch, -1, self.chunk, width)
        count = blocks.shape[1]
        intra = self.intra(blocks.reshape(-1, self.chunk, width))[0]
        blocks = blocks + self.intra_norm(self.intra_fc(intra)).reshape(blocks.shape)
        rows = blocks.transpose(1, 2).reshape(-1, count, width)
        inter = self.inter_norm(self.inter_fc(self.inter(rows)[0]))
        blocks = blocks + inter.reshape(batch, self.chunk, count, width).transpose(1, 2)
        y = blocks.reshape(batch, frames, width).transpose(1, 2)
        return self.decoder(code * torch.sigmoid(y))


class Pcen(nn.Module):
    """Energies normalized by their smoothed past (Wang et al., ICASSP 2017), the smoother unrolled as a long filter."""

    def __init__(self, bands: int, reach: int = 48, smooth: float = 0.1) -> None:
        super().__init__()
        taps = smooth * (1 - smooth) ** torch.arange(reach - 1, -1, -1.0)
        self.register_buffer("taps", taps.repeat(bands, 1, 1))
        self.gain = nn.Parameter(torch.full((1, bands, 1), 0.98))
        self.bias = nn.Parameter(torch.full((1, bands, 1), 2.0))
        self.root = nn.Parameter(torch.full((1, bands, 1), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        bands, _, reach = self.taps.shape
        smooth = F.conv1d(F.pad(x, (reach - 1, 0)), self.taps, groups=bands)
        level = torch.exp(-self.gain * torch.log(smooth + 1e-6))
        return (x * level + self.bias) ** self.root - self.bias**self.root


class PcenKeyword(nn.Module):
    """(1, 10, T) band energies -> (1, 6, T): PCEN, causal convolutions, a pooled GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Pcen(10)
        self.convs = nn.Sequential(CausalConv(10, 16, 5), nn.ReLU(), CausalConv(16, 16, 5, 2))
        self.gru, self.out = nn.GRU(16, 16, batch_first=True), nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convs(self.front(x.abs())).transpose(1, 2)
        return torch.log_softmax(self.out(self.gru(y)[0]), -1).transpose(1, 2)


class Spleeter(nn.Module):
    """(1, 1, T, 32) magnitudes -> the same: a U-Net over bins and frames (Hennequin et al., 2020), causal in time."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 8, 16)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(
            nn.Sequential(nn.ZeroPad2d((1, 2, 3, 0)), nn.Conv2d(i, o, 5 - 1, 2)) for i, o in pairs
        )
        self.down_norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o in pairs)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(o * (1 + (n > 0)), i, 5, 2)
            for n, (i, o) in enumerate(reversed(pairs))
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(i) for i, _ in reversed(pairs))

    def forward(self, x: Tensor) -> Tensor:
        y, skips = x, []
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            y = conv(y)
            skips.append(y)
            y = F.leaky_relu(norm(y), 0.2)
        y = skips.pop()
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            y = norm(F.relu(conv(y)[:, :, :-3, 1:-2]))
            y = torch.cat([y, skips.pop()], 1) if skips else y
        return torch.sigmoid(y) * x


class Crepe(nn.Module):
    """(1, 1, T) samples -> (1, 24, T / 16) pitch classes: strided convolutions, pooled (Kim et al., ICASSP 2018)."""

    def __init__(self) -> None:
        super().__init__()
        rows = ((1, 16, 32, 4), (16, 16, 16, 1), (16, 24, 8, 1))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.ZeroPad1d((k - s, 0)), nn.Conv1d(i, o, k, s), nn.BatchNorm1d(o))
            for i, o, k, s in rows
        )
        self.out = nn.Conv1d(24, 24, 4)

    def forward(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = F.relu(layer(x))
            x = F.max_pool1d(x, 2) if number < 2 else x
        return torch.sigmoid(self.out(F.pad(x, (3, 0))))


class Ddsp(nn.Module):
    """(1, 2, T) pitch and loudness -> (1, 17, 8 T): amplitudes of harmonics and noise bands on lines between frames."""

    def __init__(self) -> None:
        super().__init__()
        self.pitch, self.loudness = (
            nn.Sequential(nn.Linear(1, 16), nn.LayerNorm(16), nn.LeakyReLU()) for _ in range(2)
        )
        self.gru = nn.GRU(32, 32, batch_first=True)
        self.rest = nn.Sequential(nn.Linear(64, 24), nn.LayerNorm(24), nn.LeakyReLU())
        self.out = nn.Linear(24, 17)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.transpose(1, 2)
        both = torch.cat([self.pitch(rows[..., :1]), self.loudness(rows[..., 1:])], -1)
        y = self.out(self.rest(torch.cat([self.gru(both)[0], both], -1)))
        y = 2 * torch.sigmoid(y) ** math.log(10) + 1e-7
        total, parts = y[..., :1], y[..., 1:] / y[..., 1:].sum(-1, keepdim=True)
        joined = torch.cat([total, parts], -1).transpose(1, 2)
        return F.interpolate(joined, scale_factor=8, mode="linear")


class LogMel(nn.Module):
    """Log power in mel bands by torch.stft, without centring."""

    def __init__(self, size: int = 64, hop: int = 16, bands: int = 10) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size))
        self.register_buffer("bank", torch.rand(bands, size // 2 + 1))

    def forward(self, x: Tensor) -> Tensor:
        spec = torch.stft(
            x, self.size, self.hop, window=self.window, center=False, return_complex=True
        )
        return torch.log(self.bank @ spec.abs().pow(2) + 1e-6)


class SpeechPresence(nn.Module):
    """(1, T) samples -> (1, 1, T') by a log mel spectrum, separable convolutions and a GRU (MarbleNet's kind)."""

    def __init__(self) -> None:
        super().__init__()
        self.front = LogMel()
        rows = ((10, 16, 5), (16, 16, 7))
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(i, i, k, groups=i, padding=k // 2),
                nn.Conv1d(i, o, 1),
                nn.BatchNorm1d(o),
                nn.ReLU(),
            )
            for i, o, k in rows
        )
        self.gru, self.out = nn.GRU(16, 12, batch_first=True), nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.front(x)
        for conv in self.convs:
            y = conv(y)
        return torch.sigmoid(self.out(self.gru(y.transpose(1, 2))[0])).transpose(1, 2)


class Dtln(nn.Module):
    """(1, T) -> (1, T'): a mask on magnitudes, then one on learned features (Westhausen and Meyer, 2020)."""

    def __init__(self, frame: int = 32, hop: int = 8, code: int = 24) -> None:
        super().__init__()
        self.frame, self.hop = frame, hop
        bins = frame // 2 + 1
        self.lstm1 = nn.LSTM(bins, 20, 2, batch_first=True)
        self.mask1 = nn.Linear(20, bins)
        self.encode = nn.Conv1d(frame, code, 1, bias=False)
        self.norm = nn.LayerNorm(code)
        self.lstm2, self.mask2 = nn.LSTM(code, 20, 2, batch_first=True), nn.Linear(20, code)
        self.decode = nn.Conv1d(code, frame, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        spec = torch.stft(
            x,
            self.frame,
            self.hop,
            window=torch.ones(self.frame),
            center=False,
            return_complex=True,
        )
        mag, phase = spec.abs(), spec.angle()
        mask = torch.sigmoid(self.mask1(self.lstm1(mag.transpose(1, 2))[0])).transpose(1, 2)
        frames = torch.fft.irfft(torch.polar(mag * mask, phase), dim=1)
        code = self.encode(frames)
        rows = self.norm(code.transpose(1, 2))
        mask = torch.sigmoid(self.mask2(self.lstm2(rows)[0])).transpose(1, 2)
        out = self.decode(code * mask)
        length = (out.shape[-1] - 1) * self.hop + self.frame
        return F.fold(out, (1, length), (1, self.frame), stride=(1, self.hop)).view(1, -1)


def hifi_gan() -> Made:
    return HifiGan(), (torch.randn(1, 20, 40),)


def micro_tcn() -> Made:
    return MicroTcn(), (torch.randn(1, 1, 1200),)


def crn() -> Made:
    return Crn(), (torch.rand(1, 1, 40, 33),)


def nsnet2() -> Made:
    return Nsnet2(), (torch.randn(1, 40, 33),)


def rnnoise() -> Made:
    return Rnnoise(), (torch.randn(1, 40, 42),)


def percepnet() -> Made:
    return PercepNet(), (torch.randn(1, 40, 70),)


def deep_filter() -> Made:
    return DeepFilter(), (torch.randn(1, 40, 24, 2),)


def wavenet() -> Made:
    return WaveNet(), (torch.randn(1, 1, 80),)


def demucs() -> Made:
    return CausalDemucs(), (torch.randn(1, 1, 640),)


def seanet() -> Made:
    return Seanet(), (torch.randn(1, 1, 160),)


def conv_tasnet() -> Made:
    return ConvTasNet(), (torch.randn(1, 1, 160),)


def dprnn() -> Made:
    return DualPath(), (torch.randn(1, 1, 400),)


def pcen_keyword() -> Made:
    return PcenKeyword(), (torch.randn(1, 10, 80),)


def spleeter() -> Made:
    return Spleeter(), (torch.rand(1, 1, 40, 32),)


def crepe() -> Made:
    return Crepe(), (torch.randn(1, 1, 640),)


def ddsp() -> Made:
    return Ddsp(), (torch.randn(1, 2, 40),)


def speech_presence() -> Made:
    return SpeechPresence(), (torch.randn(1, 640),)


def dtln() -> Made:
    return Dtln(), (torch.randn(1, 400),)
