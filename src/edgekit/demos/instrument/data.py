"""Training data of the player: pitch and loudness of dry lines, by the listener, and the sound in the room."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgekit.base.wav import read_wav
from edgekit.demos.instrument.listener import HOP, Listener
from edgekit.demos.instrument.show import LATE


@dataclass(frozen=True)
class Line:
    """A line, all of whose parts have one length.

    Attributes:
        f0: pitch from the listener, (frames,) in Hz.
        loudness: (frames,) in dB.
        sound: the target, (frames * `HOP`,): the room, `LATE` samples late.
    """

    f0: Tensor
    loudness: Tensor
    sound: Tensor


@torch.no_grad()
def line(stem: Path) -> Line:
    """A line of `prepare.line`."""
    dry, wet = (
        torch.from_numpy(read_wav(stem.with_name(f"{stem.name}.{kind}.wav")).samples)
        for kind in ("dry", "wet")
    )
    size = min(len(dry), len(wet)) // HOP * HOP
    f0, loudness = Listener()(dry[None, None, :size])
    sound = torch.cat([torch.zeros(LATE), wet[: size - LATE]])
    return Line(f0[0, 0], loudness[0, 0], sound)


def lines(folder: Path) -> list[Line]:
    """All lines of a folder."""
    return [line(file.with_suffix("")) for file in sorted(folder.glob("*.npz"))]


class Draw:
    """Draws clips of some lines."""

    def __init__(self, heard: list[Line], seed: int) -> None:
        """Draws of these."""
        self.heard, self.random = heard, np.random.default_rng(seed)

    def clips(self, count: int, frames: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pitch and loudness (count, 1, frames), noise and sound (count, 1, samples)."""
        drawn: list[list[Tensor]] = [[], [], []]
        for _ in range(count):
            one = self.heard[self.random.integers(len(self.heard))]
            first = int(self.random.integers(len(one.f0) - frames + 1))
            cut = slice(first, first + frames)
            sound = one.sound[first * HOP : (first + frames) * HOP]
            for kept, part in zip(drawn, (one.f0[cut], one.loudness[cut], sound), strict=True):
                kept.append(part)
        f0, loudness, sound = (torch.stack(parts)[:, None] for parts in drawn)
        noise = self.random.uniform(-1, 1, sound.shape).astype(np.float32)
        return f0, loudness, torch.from_numpy(noise), sound
