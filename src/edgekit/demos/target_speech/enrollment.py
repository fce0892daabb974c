"""The enrollment network: some seconds of noisy sound of two ears to the embedding of the talker straight ahead.

16 kHz, a hop of 256 samples, nothing looks ahead. Its inputs are 40 mel bands of the sum of both ears, in which a voice
straight ahead is loudest, and of their difference, in which it is not. Two GRUs give each frame's estimate of the
talker and its weight; the embedding is the mean so far. It learnt from the teacher's embeddings of clean sentences
(`teacher`), as the enrollment network of "Look Once to Hear" did.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import SPEAKER
from edgekit.demos.weights import load
from edgekit.frontend import Frontend

HOP, BANDS, WIDTH = 256, 40, 128
FRONTEND = f"mel:512:{HOP}:hann:{BANDS}:log"
CENTRE, SPREAD = -4.0, 3.5  # of log-mel features, about
WEIGHTS = Path(__file__).with_name("enrollment.npz")


class Enroller(nn.Module):
    """Sound of two ears to the embedding so far."""

    output_names = ("speaker",)

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.mel = Frontend(FRONTEND, RATE)
        self.enter = nn.Linear(2 * BANDS, WIDTH)
        self.over_frames = nn.ModuleList(nn.GRU(WIDTH, WIDTH, batch_first=True) for _ in range(2))
        self.tell, self.weigh = nn.Linear(WIDTH, SPEAKER), nn.Linear(WIDTH, 1)

    def forward(self, ears: Tensor) -> Tensor:
        """PCM (clips, 2, samples) to embeddings (clips, `SPEAKER`, frames), of all frames so far, of length 1."""
        return self.embeddings(self.features(ears))

    def features(self, ears: Tensor) -> Tensor:
        """PCM (clips, 2, samples) to levels of the bands of sum and difference, (clips, 2, `BANDS`, frames)."""
        left, right = ears[:, :1], ears[:, 1:]
        both = torch.cat([left + right, left - right], 1) / 2
        return torch.as_tensor((self.mel(both) - CENTRE) / SPREAD)

    def embeddings(self, seen: Tensor) -> Tensor:
        """Features to embeddings, see `forward`."""
        x = seen.permute(0, 3, 1, 2).reshape(len(seen), -1, 2 * BANDS)
        y = torch.relu(self.enter(x))
        for over_frames in self.over_frames:
            y, _ = over_frames(y)
        told = torch.relu(self.tell(y)) * torch.sigmoid(self.weigh(y))
        return F.normalize(told.cumsum(1), dim=2).transpose(1, 2)


def build() -> tuple[Enroller, tuple[Tensor, ...]]:
    """The trained network in eval mode, and an example of 40 hops."""
    network = Enroller()
    load(network, WEIGHTS)
    random = torch.Generator().manual_seed(0)
    return network.eval(), (0.1 * torch.randn(1, 2, 40 * HOP, generator=random),)
