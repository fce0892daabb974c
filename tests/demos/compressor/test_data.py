"""Clips that the compressor is trained on: knobs within their ranges, sounds at their peaks."""

from pathlib import Path

import numpy as np

from edgekit.base.wav import write_wav
from edgekit.demos.compressor.data import Draw, bursts, read_sounds, settings
from edgekit.demos.compressor.formula import HIGHEST, HOP, LOWEST, RATE, gain_db

QUIET, LOUD = 10 ** (-18 / 20), 1.0


def test_knobs_are_within_their_ranges_and_turned_once() -> None:
    knobs = settings(np.random.default_rng(0), 200, 12, turned=0.5)
    assert knobs.shape == (200, 4, 12)
    assert (knobs >= np.array(LOWEST)[:, None] - 1e-4).all()
    assert (knobs <= np.array(HIGHEST)[:, None] + 1e-4).all()
    turns = (np.diff(knobs[:, 0], axis=1) != 0).sum(1)
    assert turns.max() == 1 and 0.3 < turns.mean() < 0.7


def test_bursts_step_in_level() -> None:
    sound = bursts(np.random.default_rng(3), RATE)
    peaks = np.abs(sound[: RATE // 100 * 100].reshape(100, -1)).max(1)
    assert sound.dtype == np.float32 and peaks.max() > 2 * peaks.min()


def test_clips_have_the_gain_of_the_formula(tmp_path: Path) -> None:
    for kind in ("noise", "held"):
        (tmp_path / kind).mkdir()
        sound = np.random.default_rng(1).uniform(-0.5, 0.5, RATE).astype(np.float32)
        write_wav(tmp_path / kind / "a.wav", sound, RATE, "PCM_16")
    sounds = read_sounds(tmp_path)
    assert sounds.keys() == {"noise"}
    pcm, knobs, gains = Draw(sounds, 0).clips(3, hops=4)
    peaks = np.abs(pcm).max(1)
    assert pcm.shape == gains.shape == (3, 4 * HOP)
    assert (peaks <= LOUD + 1e-6).all() and (peaks > 0.9 * QUIET).all()
    assert np.array_equal(gains, gain_db(pcm, knobs).astype(np.float32))
