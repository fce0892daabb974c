"""A causal TF-GridNet of the size of "Look Once to Hear", with seeded weights: 8 ms hops of two ears, one speaker.

Source: Veluri et al., Look Once to Hear, CHI 2024, section 4.2; Wang et al., TF-GridNet, 2023, section III.
Written from these descriptions: windows of 192 samples every 128 at 16 kHz, 64 of them ahead.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

WINDOW, HOP, BINS = 192, 128, 97
WIDTH, HEADS, QUERY, SEEN = 64, 4, 6, 50  # channels; of attention: heads, channels of a key, frames
SPEAKER = 256


def basis() -> Tensor:
    """Cosines and sines under a root of Hann's window, (2 * BINS, 1, WINDOW)."""
    time, bins = torch.arange(WINDOW) + 0.5, torch.arange(BINS)
    angle = 2 * math.pi * bins[:, None] * time / WINDOW
    window = torch.sin(math.pi * time / WINDOW)
    waves = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window / math.sqrt(WINDOW)
    return waves[:, None, :]


class Keys(nn.Module):
    """Channels of each head, normalized over bins and channels: (frames, BINS, WIDTH) -> (1, HEADS, frames, n)."""

    def __init__(self, each: int) -> None:
        """Take the channels of one head."""
        super().__init__()
        self.each, self.norm = each, nn.LayerNorm((BINS, each))
        self.first = nn.Sequential(nn.Linear(WIDTH, HEADS * each), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.first(x).reshape(-1, BINS, HEADS, self.each)
        return self.norm(y.permute(2, 0, 1, 3)).reshape(1, HEADS, -1, BINS * self.each)


class Block(nn.Module):
    """LSTM over bins both ways, LSTM over frames, attention to the last frames; a residual around each."""

    def __init__(self) -> None:
        """Build the three parts."""
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.over_bins = nn.LSTM(WIDTH, WIDTH, batch_first=True, bidirectional=True)
        self.over_frames = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.joins = nn.ModuleList([nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.query, self.key, self.value = Keys(QUERY), Keys(QUERY), Keys(WIDTH // HEADS)
        self.last = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.PReLU())
        self.norm = nn.LayerNorm((BINS, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(frames, BINS, WIDTH) -> the same."""
        y, _ = self.over_bins(self.norms[0](x))
        x = x + self.joins[0](y)
        y, _ = self.over_frames(self.norms[1](x).transpose(0, 1))
        x = x + self.joins[1](y).transpose(0, 1)
        place = torch.arange(x.shape[0])
        back = place[:, None] - place[None, :]
        y = F.scaled_dot_product_attention(
            self.query(x), self.key(x), self.value(x), attn_mask=(back < SEEN) & (back >= 0)
        )
        y = y.reshape(HEADS, -1, BINS, WIDTH // HEADS).permute(1, 2, 0, 3).reshape(x.shape)
        return x + self.norm(self.last(y))


class GridNet(nn.Module):
    """Sound of two ears and a speaker's embedding -> what both ears hear of this speaker."""

    output_names = ("heard",)

    def __init__(self) -> None:
        """Build three blocks."""
        super().__init__()
        self.register_buffer("waves", basis())
        self.encode = nn.Conv2d(4, WIDTH, (3, 3), padding=(0, 1))
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.speaker = nn.Sequential(nn.Linear(SPEAKER, BINS * WIDTH), nn.LayerNorm(BINS * WIDTH))
        self.decode = nn.Conv2d(WIDTH, 4, (3, 3), padding=(0, 1))

    def forward(self, sound: Tensor, speaker: Tensor) -> Tensor:
        """(1, 2, samples), a multiple of `HOP`, and (1, SPEAKER) -> (1, 2, samples)."""
        samples = sound.shape[-1]
        ears = F.pad(sound, (WINDOW - HOP, 0)).reshape(2, 1, -1)
        spectrum = F.conv1d(ears, self.waves, stride=HOP).reshape(1, 4, BINS, -1).transpose(2, 3)
        x = self.encode(F.pad(spectrum, (0, 0, 2, 0)))[0].permute(1, 2, 0)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number == 0:
                x = x * self.speaker(speaker).reshape(1, BINS, WIDTH)
        y = self.decode(F.pad(x.permute(2, 0, 1)[None], (0, 0, 2, 0)))
        heard = y.transpose(2, 3).reshape(2, 2 * BINS, -1)
        whole = F.conv_transpose1d(heard, self.waves, stride=HOP).reshape(1, 2, -1)
        return whole[..., WINDOW - HOP : WINDOW - HOP + samples]


def gridnet() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Return the network and an example."""
    torch.manual_seed(0)
    return GridNet().eval(), (torch.randn(1, 2, 64 * HOP), torch.randn(1, SPEAKER))
