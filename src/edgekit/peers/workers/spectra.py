"""Transforms of one hop of a stream as matrix products in torch."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.base.arrays import Float64


def _turns(size: int) -> Float64:
    """The real transform of `size` samples, (size // 2 + 1, 2, size): real and imaginary parts."""
    angles = 2 * np.pi / size * (np.outer(np.arange(size // 2 + 1), np.arange(size)) % size)
    return np.stack([np.cos(angles), -np.sin(angles)], 1)


def _inverse(bins: int) -> Tensor:
    """The samples of a spectrum (bins, 2), as a matrix (2 * (bins - 1), 2 * bins)."""
    size = 2 * (bins - 1)
    often = np.full(bins, 2.0)
    often[[0, -1]] = 1.0
    rows = _turns(size) * (often / size)[:, None, None]
    return torch.from_numpy(rows.reshape(2 * bins, size).T.astype(np.float32).copy())


def stft(pcm: Tensor, history: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Process a hop after the kept samples: return its spectrum (1, size // 2 + 1, 2), and the samples to keep."""
    pcm, history, window = (part.flatten() for part in (pcm, history, window))
    frame = torch.cat([history, pcm])
    turns = _turns(window.numel()).reshape(-1, window.numel()).astype(np.float32)
    made = F.linear((frame * window)[None], torch.from_numpy(turns))
    return made.reshape(1, -1, 2), frame[None, pcm.numel() :]


def istft(spectrum: Tensor, overlap: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hop that a spectrum completes, and the rest of it."""
    overlap, window = overlap.flatten(), window.flatten()
    matrix = _inverse(window.numel() // 2 + 1)
    frame = F.linear(spectrum.reshape(1, -1), matrix)[0] * window
    added = frame + F.pad(overlap, [0, frame.numel() - overlap.numel()])
    hop = frame.numel() - overlap.numel()
    return added[None, :hop], added[None, hop:]


def irfft(spectrum: Tensor) -> Tensor:
    """The samples of one spectrum."""
    return F.linear(spectrum.reshape(1, -1), _inverse(spectrum.numel() // 2))
