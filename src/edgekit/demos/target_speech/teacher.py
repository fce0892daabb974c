"""The teacher of speaker embeddings: the d-vectors of PyPI's resemblyzer 0.1.4 (Apache-2.0), read from its wheel.

    pip download --no-deps resemblyzer==0.1.4

The wheel holds ``resemblyzer/pretrained.pt`` (GE2E: Wan et al., ICASSP 2018). It has 40 mel powers every 10 ms, three
LSTM of 256, a linear layer, ReLU, and a length of 1. Nothing of it is part of EdgeKit.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.arrays import Float32
from edgekit.demos.denoise_data import rms
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import SPEAKER
from edgekit.frontend import Frontend

FRONTEND = "mel:400:160:hann:40:slaney"
FRAMES, STEP = 160, 80  # of a part; parts overlap by half
LEVEL_DBFS = -30.0
WEIGHTS = "resemblyzer/pretrained.pt"


class Teacher(nn.Module):
    """Speech to the embedding of its speaker."""

    def __init__(self, wheel: Path) -> None:
        """Read the weights from the wheel."""
        super().__init__()
        self.mel = Frontend(FRONTEND, RATE)
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, SPEAKER)
        with zipfile.ZipFile(wheel) as files:
            stored = io.BytesIO(files.read(WEIGHTS))
        kept = torch.load(stored, map_location="cpu", weights_only=True)["model_state"]
        self.load_state_dict({k: v for k, v in kept.items() if k.startswith("l")}, strict=False)

    @torch.no_grad()
    def embedding(self, speech: Float32) -> Float32:
        """PCM (samples,) of 16 kHz to (256,) of length 1: the mean over parts of 1.6 s."""
        scaled = speech * np.float32(10 ** (LEVEL_DBFS / 20) / rms(speech))
        mel: Tensor = self.mel(torch.from_numpy(scaled)[None])[0].T
        if len(mel) < FRAMES:
            mel = nn.functional.pad(mel, (0, 0, 0, FRAMES - len(mel)))
        parts = mel.unfold(0, FRAMES, STEP).transpose(1, 2)
        _, (hidden, _) = self.lstm(parts)
        each = nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)
        return np.asarray(nn.functional.normalize(each.mean(0), dim=0).numpy(), np.float32)
