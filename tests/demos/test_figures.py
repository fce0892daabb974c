"""Figures of demos: spectrograms on a scale of 80 dB."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.demos.figures import draw_spectrogram, new_figure, spectrogram_db

RATE = 16_000


def test_a_tone_is_loudest_in_its_bin() -> None:
    tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(RATE)).astype(np.float32)
    level = spectrogram_db(tone)
    assert level.shape[1] == 257 and (level[:100].argmax(1) == 1000 * 512 // RATE).all()
    assert spectrogram_db(tone / 10)[50].max() == pytest.approx(level[50].max() - 20, abs=0.01)


def test_a_picture_is_written_on_the_scale_that_is_asked_for(tmp_path: Path) -> None:
    figure = new_figure(2, 1)
    noise = np.random.default_rng(0).uniform(-1, 1, RATE).astype(np.float32)
    image = draw_spectrogram(figure.subplots(), noise, RATE, 5.0)
    assert image.get_clim() == (-75.0, 5.0) and [*image.get_extent()] == [0.0, 1.0, 0.0, 8.0]
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
