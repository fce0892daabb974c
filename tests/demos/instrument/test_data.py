"""Clips of lines: pitch, loudness and sound of the same frames."""

from pathlib import Path

import numpy as np
import torch

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.demos.instrument.data import Draw, Line, lines
from edgekit.demos.instrument.listener import HOP, RATE
from edgekit.demos.instrument.show import LATE


def test_a_line_is_heard_dry_and_played_late(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 220 / RATE * np.arange(RATE)).astype(np.float32)
    for kind, sound in (("dry", tone), ("wet", tone / 2)):
        write_wav(tmp_path / f"0.{kind}.wav", sound, RATE, "PCM_16")
    write_npz(tmp_path / "0.npz", {"f0": np.zeros(4, np.float32)})
    (line,) = lines(tmp_path)
    assert len(line.f0) == len(line.loudness) == RATE // HOP
    assert len(line.sound) == len(line.f0) * HOP and not line.sound[:LATE].any()
    assert abs(float(line.f0[40:].median()) - 220) < 1
    np.testing.assert_allclose(line.sound[LATE : LATE + 100], tone[:100] / 2, atol=1e-4)


def test_parts_of_a_clip_belong_together() -> None:
    frames = torch.arange(50.0)
    heard = [Line(frames, -frames, frames.repeat_interleave(HOP))]
    f0, loudness, noise, sound = Draw(heard, 0).clips(6, 8)
    assert f0.shape == (6, 1, 8) and sound.shape == noise.shape == (6, 1, 8 * HOP)
    assert torch.equal(loudness, -f0) and torch.equal(sound[..., ::HOP], f0)
    assert noise.abs().max() <= 1 and noise.std() > 0.5
