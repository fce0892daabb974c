"""Audio and sensor networks at the sizes that their papers give, with seeded weights.

Written from the papers' descriptions; "Look Once to Hear" has `gridnet`. Where a published network looks ahead or at a
whole recording, this is its causal form.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.instrument.player import Player, positive
from edgekit.demos.sensor.data import CHUNK
from edgekit.demos.sensor.network import Layer
from edgekit.demos.stream_diffusion.facts import mean, std
from edgekit.export.own_operators.partitioned_fir import PartitionedFIR

Built = tuple[nn.Module, tuple[Tensor, ...]]
SEED = 0

HARMONICS, MAGNITUDES = 60, 65
LEAST_HZ = 20.0
HALVED, SAME, DOUBLED = 0.5, 1.0, 2.0  # of pictures in a U-Net


def stack(entering: int, width: int) -> nn.Sequential:
    """Three times Dense, LayerNorm, LeakyReLU."""
    layers: list[nn.Module] = []
    for first in (entering, width, width):
        layers += [nn.Linear(first, width), nn.LayerNorm(width, eps=1e-3), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


class Decoder(nn.Module):
    """DDSP's decoder: pitch and loudness (batch, frames, 2) in [0, 1] to what is played (batch, frames, 126).

    Engel et al., ICLR 2020. With a ``width`` of stacks in front of the GRU and behind it, or without stacks.
    """

    def __init__(self, width: int | None, memory: int) -> None:
        """With ``memory`` units of a GRU."""
        super().__init__()
        self.enter = nn.ModuleList([] if width is None else [stack(1, width), stack(1, width)])
        given = 2 if width is None else 2 * width
        self.remember = nn.GRU(given, memory, batch_first=True)
        self.leave = nn.Identity() if width is None else stack(given + memory, width)
        told = given + memory if width is None else width
        self.choose = nn.Linear(told, 1 + HARMONICS + MAGNITUDES)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if self.enter:
            x = torch.cat([layers(x[..., n : n + 1]) for n, layers in enumerate(self.enter)], -1)
        hidden, _ = self.remember(x)
        return torch.as_tensor(self.choose(self.leave(torch.cat([x, hidden], -1))))


class Ddsp(Player):
    """Pitch in Hz and loudness in dB, (batch, 1, frames), and noise to sound: the demo's player with DDSP's decoder."""

    def __init__(self, decoder: Decoder, room: int) -> None:
        """In a room of so many taps."""
        super().__init__()
        del self.remember, self.choose
        self.decoder = decoder
        self.room = PartitionedFIR(room)
        fading = torch.exp(-torch.arange(room) / (room / 5))
        self.room.response.data = 0.02 * torch.randn(1, room) * fading
        self.room.response.data[:, 0] = 1

    def chosen(self, f0: Tensor, loudness: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitudes (batch, 60, frames) and magnitudes of noise (batch, 65, frames)."""
        pitch = (12 * torch.log2(f0.clamp(min=LEAST_HZ) / 440) + 69) / 127
        told = self.decoder(torch.cat([pitch, loudness / 80 + 1], 1).transpose(1, 2)).transpose(
            1, 2
        )
        level, parts, magnitudes = told.split([1, HARMONICS, MAGNITUDES], 1)
        harmonic = torch.arange(1, HARMONICS + 1)[None, :, None].to(f0.dtype)
        shares = positive(parts) * (harmonic * f0 < 8000).to(f0.dtype)
        amplitudes = positive(level) * shares / (shares.sum(1, keepdim=True) + 1e-7)
        return amplitudes, positive(magnitudes - 5)


def ddsp(width: int | None, memory: int, room: int) -> Built:
    """A decoder and what plays it, and 64 frames."""
    torch.manual_seed(SEED)
    network = Ddsp(Decoder(width, memory), room)
    f0 = 150 + 50 * torch.rand(1, 1, 64)
    return network.eval(), (f0, -40 + 10 * torch.rand(1, 1, 64), 2 * torch.rand(1, 1, 64 * 64) - 1)


def ddsp_solo() -> Built:
    """The decoder "solo" of the paper, and its reverb of 3 s."""
    return ddsp(512, 512, 48_000)


def ddsp_tiny() -> Built:
    """The tiny decoder, and the reverb of the plug-in, 1.5 s."""
    return ddsp(None, 256, 24_000)


class TcnBlock(nn.Module):
    """A causal dilated convolution, BatchNorm, gains and offsets by the knobs, PReLU, a residual of each channel."""

    WIDTH, KERNEL, KNOBS = 32, 13, 32

    def __init__(self, entering: int, dilation: int) -> None:
        """Of ``entering`` channels."""
        super().__init__()
        width, self.reach = self.WIDTH, (self.KERNEL - 1) * dilation
        self.taps = nn.Conv1d(entering, width, self.KERNEL, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.film = nn.Linear(self.KNOBS, 2 * width)
        self.bend = nn.PReLU(width)
        self.beside = nn.Conv1d(entering, width, 1, groups=entering, bias=False)

    def forward(self, x: Tensor, knobs: Tensor) -> Tensor:
        """Samples (1, channels, time) and what is known of the knobs (1, 32)."""
        gain, offset = self.film(knobs)[..., None].chunk(2, 1)
        y = self.norm(self.taps(F.pad(x, (self.reach, 0)))) * gain + offset
        return torch.as_tensor(self.bend(y) + self.beside(x))


class MicroTcn(nn.Module):
    """Sound (1, 1, samples) and two knobs (1, 2) to sound: uTCN-300, Steinmetz and Reiss, AES 152, 2022."""

    output_names = ("out",)

    def __init__(self) -> None:
        """Four blocks, each ten times as wide as the last."""
        super().__init__()
        sizes = (2, 16, 32, TcnBlock.KNOBS)
        layers = (nn.Sequential(nn.Linear(*pair), nn.ReLU()) for pair in pairwise(sizes))
        self.knobs = nn.Sequential(*layers)
        channels = (1, *3 * (TcnBlock.WIDTH,))
        self.blocks = nn.ModuleList(TcnBlock(c, 10**n) for n, c in enumerate(channels))
        self.leave = nn.Conv1d(TcnBlock.WIDTH, 1, 1)

    def forward(self, sound: Tensor, knobs: Tensor) -> Tensor:
        """See the class."""
        inner, x = self.knobs(knobs), sound
        for block in self.blocks:
            x = block(x, inner)
        return torch.tanh(self.leave(x))


def micro_tcn() -> Built:
    """Network and 64 hops of 64 samples."""
    torch.manual_seed(SEED)
    return MicroTcn().eval(), (0.1 * torch.randn(1, 1, 64 * 64), torch.tensor([[0.3, 0.7]]))


class Seldnet(nn.Module):
    """Features of four channels (1, 7, frames, 64) to ACCDOA vectors of 12 classes for every fifth frame.

    The baseline of DCASE 2021 (Adavanne et al.), looking at past frames alone and with forward GRUs.
    """

    output_names = ("vectors",)
    WIDTH, MEMORY, CLASSES, POOLED = 64, 128, 12, ((5, 4), (1, 4), (1, 2))

    def __init__(self) -> None:
        """Three convolutions and two GRUs."""
        super().__init__()
        width, memory = self.WIDTH, self.MEMORY
        self.taps = nn.ModuleList(nn.Conv2d(c, width, 3) for c in (7, width, width))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in self.POOLED)
        self.memory = nn.GRU(2 * width, memory, 2, batch_first=True)
        self.leave = nn.Sequential(nn.Linear(memory, memory), nn.Linear(memory, 3 * self.CLASSES))

    def forward(self, ears: Tensor) -> Tensor:
        """See the class."""
        x = ears
        for taps, norm, pooled in zip(self.taps, self.norms, self.POOLED, strict=True):
            x = F.max_pool2d(torch.relu(norm(taps(F.pad(x, (1, 1, 2, 0))))), pooled)
        x, _ = self.memory(x.transpose(1, 2).flatten(2))
        return torch.tanh(self.leave(x))


def seldnet() -> Built:
    """Network and features of ten labels."""
    torch.manual_seed(SEED)
    return Seldnet().eval(), (torch.randn(1, 7, 50, 64),)


class Hiss(nn.Module):
    """An inertial sensor (1, time, 6) at 50 Hz to a velocity (1, time / 10, 2): HiSS, Bhirangi et al., ICML 2024.

    S4 layers are diagonal ones (S4D), and 64 real states of a channel are 32 complex ones.
    """

    output_names = ("velocity",)
    SENSED, STATES, LOW, HIGH, LAYERS = 6, 32, 256, 128, 6

    def __init__(self) -> None:
        """Six layers in each level."""
        super().__init__()
        low, high = (
            nn.Sequential(*(Layer(width, self.STATES) for _ in range(self.LAYERS)))
            for width in (self.LOW, self.HIGH)
        )
        self.enter, self.low = nn.Linear(2 * self.SENSED, self.LOW), low
        self.between, self.high = nn.Linear(self.LOW, self.HIGH), high
        self.leave = nn.Linear(self.HIGH, 2)

    def forward(self, sensor: Tensor) -> Tensor:
        """See the class."""
        before = F.pad(sensor, (0, 0, 1, 0))[:, : sensor.shape[1]]
        x = self.enter(torch.cat([sensor, sensor - before], 2))
        chunks = self.low(x.reshape(-1, CHUNK, self.LOW))[:, -1]
        x = self.between(chunks.reshape(sensor.shape[0], -1, self.LOW))
        return torch.as_tensor(self.leave(self.high(x)))


def hiss() -> Built:
    """Network and six chunks."""
    torch.manual_seed(SEED)
    return Hiss().eval(), (torch.randn(1, 6 * CHUNK, Hiss.SENSED),)


class CumulativeNorm(nn.Module):
    """Group norm whose mean and variance are those of the frames so far: (1, channels, bins, frames).

    Bins become channels, channels groups, and frames the past by merging means and variances (Chan, Golub, LeVeque
    1983): a mean of squares less the square of the mean cancels where a group hardly varies, as in silence. What is
    summed is the distance to a number near by, since a float32 sum of many equal numbers is off by the same each time.
    """

    def __init__(self, channels: int) -> None:
        """Of 32 groups, or fewer of four channels."""
        super().__init__()
        self.groups = min(channels // 4, 32)
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        self.offset = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        near = x[:, :, :1, :1]
        mean = near + (x - near).mean(2, keepdim=True)
        power = (x - mean).square().mean(2)
        means = mean.reshape(1, self.groups, -1, x.shape[3])
        now = means.mean(2, keepdim=True)
        power = (power.reshape(means.shape) + (means - now).square()).mean(2, keepdim=True)
        middle = so_far(now)
        before = F.pad(middle[..., :-1], (1, 0))
        variance = so_far(power + (now - before) * (now - middle))
        scaled = (x.reshape(1, self.groups, -1, x.shape[3]) - middle) * torch.rsqrt(variance + 1e-6)
        return torch.as_tensor(scaled.reshape(x.shape) * self.gain + self.offset)


def so_far(x: Tensor) -> Tensor:
    """Means of the frames up to each, in the last axis."""
    first = x[..., :1]
    return torch.as_tensor(first + (x - first).cumsum(-1) / torch.arange(1, x.shape[-1] + 1))


class CausalConv(nn.Conv2d):
    """A 3 x 3 convolution over bins and the last frames."""

    def __init__(self, entering: int, leaving: int) -> None:
        """See the class."""
        super().__init__(entering, leaving, 3, padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        """(1, channels, bins, frames) -> the same size."""
        return super().forward(F.pad(x, (2, 0)))


def smaller(layer: nn.Module) -> None:
    """Let a layer begin with an eighth of its seeded weights."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter /= 8


class Residual(nn.Module):
    """Norm, SiLU, convolution, the time, norm, SiLU, convolution, and a shortcut; may halve or double the picture."""

    def __init__(self, entering: int, leaving: int, told: int, scale: float = SAME) -> None:
        """``scale``: of the picture; ``told``: numbers of the time of a frame."""
        super().__init__()
        self.norm1, self.norm2 = CumulativeNorm(entering), CumulativeNorm(leaving)
        self.conv1, self.conv2 = CausalConv(entering, leaving), CausalConv(leaving, leaving)
        self.beside = nn.Conv2d(entering, leaving, 1)
        self.time, self.scale = nn.Linear(told, leaving), scale
        smaller(self.conv2)

    def sized(self, x: Tensor) -> Tensor:
        """In the size of the output."""
        if self.scale == SAME:
            return x
        return (
            F.avg_pool2d(x, 2) if self.scale == HALVED else F.interpolate(x, scale_factor=DOUBLED)
        )

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """(1, channels, bins, frames) and what tells the time of each frame, (1, told, frames of the largest)."""
        h = self.conv1(self.sized(F.silu(self.norm1(x))))
        told = F.avg_pool1d(times, times.shape[2] // h.shape[3]).transpose(1, 2)
        h = h + self.time(told).transpose(1, 2)[:, :, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return torch.as_tensor((h + self.beside(self.sized(x))) * math.sqrt(0.5))


class Ncsnpp(nn.Module):
    """The U-Net of SGMSE+ in the size of the Diffusion Buffer: 96 channels, multipliers 1, 2, 2, 2, one residual block.

    Lay et al., arXiv 2506.02908 and 2510.18744; causal, with cumulative group norm. Pictures that are passed around
    the U-Net and attention are left out. The last layer, and the last of each block, begin small, as in SGMSE+, where
    they begin at nearly zero: a hop sees what the one before made of the same frames, and with other seeded weights the
    smallest difference, as of rounding, would double in each hop.
    """

    WIDTHS, TOLD = (96, 192, 192, 192), 384

    def __init__(self) -> None:
        """Four levels."""
        super().__init__()
        widths, told = self.WIDTHS, self.TOLD
        self.turns = nn.Parameter(16 * torch.randn(widths[0]), requires_grad=False)
        self.time = nn.Sequential(
            nn.Linear(2 * widths[0], told), nn.SiLU(), nn.Linear(told, told), nn.SiLU()
        )
        self.enter = CausalConv(4, widths[0])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        kept, width = [widths[0]], widths[0]
        for level, wide in enumerate(widths):
            for scale in (SAME, HALVED) if level < len(widths) - 1 else (SAME,):
                self.down.append(Residual(width, wide, told, scale))
                width = wide
                kept.append(width)
        self.middle = nn.ModuleList(Residual(width, width, told) for _ in range(2))
        for level, wide in reversed([*enumerate(widths)]):
            for _ in range(2):
                self.up.append(Residual(width + kept.pop(), wide, told))
                width = wide
            if level:
                self.up.append(Residual(width, width, told, DOUBLED))
        self.norm, self.leave = CumulativeNorm(width), CausalConv(width, 2)
        smaller(self.leave)

    def waves(self, times: Tensor) -> Tensor:
        """What `forward` is told of times (1, frames): sines of up to 300 rad, so in float64 and rounded once."""
        angles = 2 * math.pi * times.double()[..., None] * self.turns
        return torch.cat([angles.sin(), angles.cos()], 2).float()

    def forward(self, x: Tensor, y: Tensor, waves: Tensor) -> Tensor:
        """Spectra x and y (1, 2, bins, frames) and `waves` of their times -> an estimate of the clean spectrum."""
        told = self.time(waves).transpose(1, 2)
        kept = [self.enter(torch.cat([x, y], 1))]
        for block in self.down:
            kept.append(block(kept[-1], told))
        h = kept[-1]
        for block in self.middle:
            h = block(h, told)
        for block in self.up:
            grows = block.scale == DOUBLED
            h = block(h if grows else torch.cat([h, kept.pop()], 1), told)
        return torch.as_tensor(self.leave(F.silu(self.norm(h))))


class DiffusionBuffer(nn.Module):
    """A frame of a compressed spectrum in, one of the enhanced spectrum out, ``DELAY`` frames later.

    The window has `FRAMES` frames; all are seen anew in each hop, and the last `NOISED` still hold noise.
    """

    output_names = ("enhanced", "x_next", "y_next")
    waves: Tensor
    BINS, FRAMES, NOISED, DELAY = 256, 64, 30, 10

    def __init__(self) -> None:
        """With times that are the same in each hop."""
        super().__init__()
        self.network = Ncsnpp()
        old = self.FRAMES - self.NOISED
        now = torch.cat([torch.zeros(old), torch.linspace(0.03, 1, self.NOISED)])
        later = F.pad(now[:-1], (1, 0)).double().numpy()  # each frame's time in the next hop
        self.register_buffer("waves", self.network.waves(now[None]).detach(), persistent=False)
        parts = (mean(later) * (later > 0), std(later))
        self.left, self.noise = (torch.as_tensor(p, dtype=torch.float32) for p in parts)
        self.start = float(std(now[-1:].double().numpy())[0])

    def states(self) -> tuple[Tensor, Tensor]:
        """As a stream begins: the window, noised and as it was heard."""
        window = (1, 2, self.BINS, self.FRAMES)
        return torch.zeros(window), torch.zeros(window)

    def forward(self, noisy: Tensor, z: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """The frame (1, 2, 256, 1), normal noise (1, 2, 256, `NOISED`), and the window, noised and as it was heard."""
        y = torch.cat([y[..., 1:], noisy], 3)
        x = torch.cat([x[..., 1:], noisy + self.start * z[..., -1:]], 3)
        clean = self.network(x, y, self.waves)
        noise = F.pad(z, (self.FRAMES - self.NOISED, 0)) * self.noise
        x = clean + self.left * (y - clean) + noise
        late = self.FRAMES - 1 - self.DELAY
        return clean[..., late : late + 1], x, y


def diffusion_buffer() -> Built:
    """Network and a hop."""
    torch.manual_seed(SEED)
    network, bins = DiffusionBuffer(), DiffusionBuffer.BINS
    noisy, z = torch.randn(1, 2, bins, 1), torch.randn(1, 2, bins, DiffusionBuffer.NOISED)
    return network.eval(), (noisy, z, *network.states())


def parameters(network: nn.Module, but: Sequence[str] = ()) -> int:
    """How many a network has, without those of some of its parts."""
    named = network.named_parameters()
    return sum(p.numel() for name, p in named if not name.startswith(tuple(but)))
