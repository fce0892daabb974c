"""The extraction network: sound of two ears and a speaker's embedding to this speaker's sound at both ears.

16 kHz; windows of 192 samples every 128, of which 64 lie ahead. The form is the causal TF-GridNet of "Look Once to
Hear" (Veluri et al., CHI 2024) in miniature: layers over bins, a recurrent one over frames, attention to the last
frames, and one multiplication by the embedding. Four things are cheaper here. 96 bins are 24 bands. Two linear layers
mix bands (as in SpatialNet: Quan and Li, 2024) where the paper has an LSTM over bins. Only the last block has
attention. The network gets levels and the phase between the ears, and computes factors by which the spectra of both
ears are multiplied and added, so that it learns from little. Some delays, the same in each bin, also represent phases:
as features, and in the factors. Below 2 kHz it also gets a longer window, which separates the harmonics of a voice;
that window lies in the past. `train.py` made the weights.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.target_speech.head import RATE
from edgekit.demos.weights import load

WINDOW, HOP = 192, 128
OVERLAP = WINDOW - HOP
BINS, USED = WINDOW // 2 + 1, 96  # the bin of 8 kHz is left out
ZONES = ((0, 24, 2), (24, 48, 4), (48, 96, 8))  # first bin, last, bins of a band
BANDS = sum((last - first) // wide for first, last, wide in ZONES)
WIDTH, MIXED, BLOCKS = 32, 8, 3  # channels of a band, of these mixed between bands
FINE_WINDOW, FINE = (
    576,
    3,
)  # samples of a longer window that ends with the frame, and its bins in one of the first zone
SEEN_BEFORE = 2  # frames that the first layer sees besides its own
HEADS, QUERY, VALUE, FRAMES_SEEN = 2, 4, 8, 20  # of attention
SPEAKER, RANK = 256, 48  # numbers of an embedding, and the size after its first layer
FLOOR, CENTRE, SPREAD = 1e-8, -9.0, 3.5  # of log powers
DELAYS_S = tuple(0.00016 * step for step in range(-4, 5))  # by which the right ear is later
SEEN = 4 + len(DELAYS_S)  # features of a bin
SAID = 8 + 2 * len(DELAYS_S)  # numbers that make the factors of a bin
WEIGHTS = Path(__file__).with_name("target_speech.npz")


def waves() -> Tensor:
    """Cosines and sines under a window whose squares add up to one, (2 * BINS, 1, WINDOW)."""
    time, bins = torch.arange(WINDOW) + 0.5, torch.arange(BINS)
    rise = torch.sin(math.pi / 2 * (torch.arange(OVERLAP) + 0.5) / OVERLAP)
    window = torch.cat([rise, torch.ones(WINDOW - 2 * OVERLAP), rise.flip(0)])
    angle = 2 * math.pi * bins[:, None] * time / WINDOW
    scale = torch.full((BINS, 1), math.sqrt(2 / WINDOW))
    scale[[0, -1]] = math.sqrt(1 / WINDOW)
    return (torch.cat([torch.cos(angle) * scale, -torch.sin(angle) * scale]) * window)[:, None]


def fine_waves() -> Tensor:
    """Return the longer window's waves, for the first zone, (2 * bins, 1, FINE_WINDOW)."""
    time, bins = (
        torch.arange(FINE_WINDOW),
        torch.arange(-(FINE // 2), ZONES[0][1] * FINE - FINE // 2),
    )
    window = torch.sin(math.pi * (time + 0.5) / FINE_WINDOW).square()
    angle = 2 * math.pi * bins[:, None] * time / FINE_WINDOW
    window = window / window.square().sum().sqrt()
    return (torch.cat([torch.cos(angle), -torch.sin(angle)]) * window)[:, None]


def turns() -> Tensor:
    """Cosines and sines of the phase of each bin between the ears at each of `DELAYS_S`, (2, delays, 1, `USED`)."""
    hz = torch.arange(USED) * RATE / WINDOW
    angle = 2 * math.pi * torch.tensor(DELAYS_S)[:, None, None] * hz
    return torch.stack([torch.cos(angle), torch.sin(angle)])


class Mix(nn.Module):
    """A few channels of all bands, mixed: (frames, BANDS, WIDTH) to the same."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.enter, self.leave = nn.Linear(WIDTH, MIXED), nn.Linear(MIXED, WIDTH)
        self.over_bands = nn.Linear(BANDS * MIXED, BANDS * MIXED)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = torch.relu(self.enter(self.norm(x))).reshape(-1, BANDS * MIXED)
        y = torch.relu(self.over_bands(y)).reshape(-1, BANDS, MIXED)
        return torch.as_tensor(x + self.leave(y))


class Remember(nn.Module):
    """A GRU over frames, the same for each band: (frames, clips * BANDS, WIDTH) to the same."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.over_frames = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.leave = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y, _ = self.over_frames(self.norm(x).transpose(0, 1))
        return torch.as_tensor(x + self.leave(y.transpose(0, 1)))


class Keys(nn.Module):
    """Channels of each head, normalized over bands and channels: (frames * clips, BANDS, WIDTH)."""

    def __init__(self, each: int) -> None:
        """Take the channels of one head."""
        super().__init__()
        self.each, self.norm = each, nn.LayerNorm([BANDS, each])
        self.first = nn.Sequential(nn.Linear(WIDTH, HEADS * each), nn.PReLU())

    def forward(self, x: Tensor, clips: int) -> Tensor:
        """Map to (clips, HEADS, frames, BANDS * each)."""
        heads = self.first(x).reshape(-1, BANDS, HEADS, self.each)
        y = torch.as_tensor(self.norm(heads.transpose(1, 2)))
        return y.reshape(-1, clips, HEADS, BANDS * self.each).permute(1, 2, 0, 3)


class Attend(nn.Module):
    """Attention of each frame to itself and the frames before: (frames, clips * BANDS, WIDTH) to the same."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.query, self.key, self.value = Keys(QUERY), Keys(QUERY), Keys(VALUE)
        self.leave = nn.Linear(HEADS * VALUE, WIDTH)

    def forward(self, x: Tensor, clips: int) -> Tensor:
        """See the class."""
        each = x.reshape(-1, BANDS, WIDTH)
        place = torch.arange(x.shape[0])
        back = place[:, None] - place[None, :]
        y = F.scaled_dot_product_attention(
            self.query(each, clips),
            self.key(each, clips),
            self.value(each, clips),
            attn_mask=(back < FRAMES_SEEN) & (back >= 0),
        )
        y = y.reshape(clips, HEADS, -1, BANDS, VALUE).permute(2, 0, 3, 1, 4)
        return torch.as_tensor(x + self.leave(y.reshape(-1, clips * BANDS, HEADS * VALUE)))


class Extractor(nn.Module):
    """Sound of two ears and the embedding of a speaker to the sound of this speaker at both ears."""

    output_names = ("heard",)
    waves: Tensor
    fine_waves: Tensor
    centre: Tensor
    turns: Tensor

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.register_buffer("waves", waves(), persistent=False)
        self.register_buffer(
            "centre", torch.zeros(SPEAKER)
        )  # the mean of the training's embeddings
        self.register_buffer("fine_waves", fine_waves(), persistent=False)
        self.register_buffer("turns", turns(), persistent=False)
        self.enter = nn.ModuleList(
            nn.Conv2d(SEEN if first else SEEN + FINE, WIDTH, (SEEN_BEFORE + 1, wide), (1, wide))
            for first, _, wide in ZONES
        )
        self.mixes = nn.ModuleList(Mix() for _ in range(BLOCKS))
        self.memories = nn.ModuleList(Remember() for _ in range(BLOCKS))
        self.attend = Attend()
        norm = nn.LayerNorm(BANDS * WIDTH)
        nn.init.constant_(norm.weight, 0.5)  # factors begin as one and a little more or less
        nn.init.ones_(norm.bias)
        self.speaker = nn.Sequential(nn.Linear(SPEAKER, RANK), nn.Linear(RANK, BANDS * WIDTH), norm)
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.ModuleList(nn.Linear(WIDTH, SAID * wide) for *_, wide in ZONES)

    def forward(self, ears: Tensor, speaker: Tensor) -> Tensor:
        """Map (clips, 2, samples), a multiple of `HOP`, and (speakers, `SPEAKER`) to (speakers, 2, samples).

        Each clip has the same number of speakers, those of the first clip first. The part before the multiplication is
        computed once for all of a clip. The last `OVERLAP` samples are not complete.
        """
        clips, samples = ears.shape[0], ears.shape[-1]
        each = F.pad(ears, (OVERLAP, 0)).reshape(2 * clips, 1, -1)
        spectrum = F.conv1d(each, self.waves, stride=HOP).reshape(clips, 2, 2, BINS, -1)
        spectrum = spectrum[:, :, :, :USED].transpose(3, 4)  # clip, ear, part, frame, bin
        factors = self.factors(self.features(spectrum), self.fine_levels(ears), speaker)
        spectrum = repeat_parts(spectrum, len(speaker) // clips, 0)
        heard = F.pad(apply_factors(factors, spectrum).transpose(3, 4), (0, 0, 0, BINS - USED))
        heard = heard.reshape(2 * len(speaker), 2 * BINS, -1)
        whole = F.conv_transpose1d(heard, self.waves, stride=HOP).reshape(len(speaker), 2, -1)
        return whole[..., OVERLAP : OVERLAP + samples]

    def features(self, spectrum: Tensor) -> Tensor:
        """Return features of each bin (clips, `SEEN`, frames, bins) from spectra (clips, ears, parts, frames, bins).

        Levels of both ears, cosine and sine of the phase between them, and how well that agrees with each delay.
        """
        left, right = spectrum[:, 0], spectrum[:, 1]
        power = spectrum.square().sum(2)
        level = (torch.log(power + FLOOR) - CENTRE) / SPREAD
        both = torch.sqrt(power[:, :1] * power[:, 1:] + FLOOR * FLOOR)
        real = (left * right).sum(1, keepdim=True) / both
        imaginary = (left[:, 1:] * right[:, :1] - left[:, :1] * right[:, 1:]) / both
        agrees = real * self.turns[0] + imaginary * self.turns[1]
        return torch.cat([level, real, imaginary, agrees], 1)

    def fine_levels(self, ears: Tensor) -> Tensor:
        """Levels in the longer window, where harmonics stand apart: (clips, `FINE`, frames, bins of the first zone)."""
        clips = ears.shape[0]
        each = F.pad(ears, (FINE_WINDOW - HOP, 0)).reshape(2 * clips, 1, -1)
        waves = F.conv1d(each, self.fine_waves, stride=HOP)
        power = waves.square().reshape(clips, 4, FINE * ZONES[0][1], -1).sum(1)
        level = (torch.log(power + FLOOR) - CENTRE) / SPREAD
        return level.reshape(clips, ZONES[0][1], FINE, -1).permute(0, 2, 3, 1)

    def factors(self, seen: Tensor, fine: Tensor, speaker: Tensor) -> Tensor:
        """Map features, fine levels and embeddings to factors (speakers, 8, frames, `USED`).

        A part of the other ear's factor is a sum over delays, which removes sound from one direction.
        """
        clips = seen.shape[0]
        zones = [seen[..., first:last] for first, last, _ in ZONES]
        zones[0] = torch.cat([zones[0], fine], 1)
        parts = [
            enter(F.pad(zone, (0, 0, SEEN_BEFORE, 0)))
            for enter, zone in zip(self.enter, zones, strict=True)
        ]
        x = torch.cat(parts, 3).permute(2, 0, 3, 1).reshape(-1, clips * BANDS, WIDTH)
        speakers = len(speaker)
        factor = self.speaker((speaker - self.centre) * math.sqrt(SPEAKER))
        for number, (mix, remember) in enumerate(zip(self.mixes, self.memories, strict=True)):
            x = mix(x.reshape(-1, BANDS, WIDTH))
            x = remember(x.reshape(-1, (speakers if number else clips) * BANDS, WIDTH))
            if number == 0:
                x = repeat_parts(x.reshape(-1, clips, BANDS, WIDTH), speakers // clips, 1)
                x = x.reshape(-1, speakers * BANDS, WIDTH)
                x = x * factor.reshape(1, speakers * BANDS, WIDTH)
        y = self.norm(self.attend(x, speakers)).reshape(-1, speakers, BANDS, WIDTH)
        bins, at = [], 0
        for leave, (first, last, wide) in zip(self.leave, ZONES, strict=True):
            count = (last - first) // wide
            bins.append(leave(y[:, :, at : at + count]).reshape(-1, speakers, count * wide, SAID))
            at += count
        said = torch.cat(bins, 2).permute(1, 3, 0, 2)
        own, other, delayed = said[:, :4], said[:, 4:8], said[:, 8:]
        delayed = delayed.reshape(speakers, 2, len(DELAYS_S), -1, USED)
        real, imaginary = (delayed * self.turns[0]).sum(2), (delayed * self.turns[1]).sum(2)
        turned = torch.cat([real, imaginary[:, :1], -imaginary[:, 1:]], 1)
        return torch.cat([own, other + turned], 1)


def repeat_parts(x: Tensor, times: int, axis: int) -> Tensor:
    """Repeat each part along an axis, the copies one after another."""
    return x if times == 1 else x.repeat_interleave(times, axis)


def apply_factors(factors: Tensor, spectrum: Tensor) -> Tensor:
    """Each ear's spectrum as the sum of both ears' by complex factors; an ear's own is one more than its factor."""
    left, right = spectrum[:, :1], spectrum[:, 1:]
    own, other = factors[:, 0:4], factors[:, 4:8]
    real = torch.stack([own[:, 0] + 1, own[:, 1] + 1], 1)
    imaginary = own[:, 2:4]
    cross = torch.cat([right, left], 1)  # clip, ear, part, frame, bin
    return torch.stack(
        [
            real * spectrum[:, :, 0]
            - imaginary * spectrum[:, :, 1]
            + other[:, 0:2] * cross[:, :, 0]
            - other[:, 2:4] * cross[:, :, 1],
            real * spectrum[:, :, 1]
            + imaginary * spectrum[:, :, 0]
            + other[:, 0:2] * cross[:, :, 1]
            + other[:, 2:4] * cross[:, :, 0],
        ],
        2,
    )


def build() -> tuple[Extractor, tuple[Tensor, ...]]:
    """The trained network in eval mode, and examples: 64 hops of sound and an embedding."""
    network = Extractor()
    load(network, WEIGHTS)
    random = torch.Generator().manual_seed(0)
    speaker = F.normalize(torch.rand(1, SPEAKER, generator=random))
    return network.eval(), (0.1 * torch.randn(1, 2, 64 * HOP, generator=random), speaker)
