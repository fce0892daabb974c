"""`edgekit demo instrument`: the listener's pitch and loudness, what the player does, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.cli.demo import show_hearable
from edgekit.demos.instrument import train
from edgekit.demos.instrument.listener import HOP, RATE, Listener, a_weights
from edgekit.demos.instrument.player import build
from edgekit.demos.instrument.prepare import performance
from edgekit.demos.instrument.show import KEPT, cents, show


def tone(f0: float, seconds: float, harmonics: int = 8) -> np.ndarray:
    turns = f0 * np.arange(int(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * k * turns) / k for k in range(1, harmonics + 1)]
    return (0.1 * np.sum(parts, 0)).astype(np.float32)


@torch.no_grad()
@pytest.mark.parametrize("f0", [83.0, 147.3, 220.0, 415.5, 880.0])
def test_the_pitch_of_a_tone_is_found(f0: float) -> None:
    pitch, _ = Listener()(torch.from_numpy(tone(f0, 0.4))[None, None])
    off = cents(pitch[0, 0, 20:].numpy(), np.full(pitch.shape[2] - 20, f0, np.float32))
    assert np.abs(off).max() < 10


@torch.no_grad()
def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * torch.randn(1, 1, RATE // 2, generator=torch.Generator().manual_seed(0))
    assert float((Listener()(noise)[0] > 0).float().mean()) < 0.05
    assert not Listener()(torch.zeros(1, 1, RATE // 4))[0].any()


def test_loudness_is_weighted_as_the_standard_says() -> None:
    bins = RATE // 2 // 50 + 1
    gains_db = 10 * np.log10(a_weights(bins).numpy()[[2, 20, 80]])
    np.testing.assert_allclose(gains_db, [-19.1, 0.0, 1.0], atol=0.2)  # of 100, 1000 and 4000 Hz


@torch.no_grad()
def test_the_player_plays_the_pitch_that_it_is_given() -> None:
    network, _ = build()
    frames, f0 = 200, 196.0
    given = torch.full((1, 1, frames), f0), torch.full((1, 1, frames), -25.0)
    noise = torch.rand(1, 1, frames * HOP, generator=torch.Generator().manual_seed(1)) * 2 - 1
    pitch, loudness = Listener()(network(*given, noise))
    late = pitch[0, 0, 60:].numpy()
    assert np.median(np.abs(cents(late, np.full(late.size, f0, np.float32)))) < 10
    assert abs(float(loudness[0, 0, 60:].mean()) + 25) < 4


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    for part in ("train", "held"):
        (tmp_path / part).mkdir()
        _, pitch = performance(np.random.default_rng(3), 1.0)
        write_npz(tmp_path / part / "0.npz", {"f0": pitch})
        for kind in ("dry", "wet"):
            write_wav(tmp_path / part / f"0.{kind}.wav", tone(150, 1.0), RATE, "PCM_16")
    out = tmp_path / "made.npz"
    train.train(tmp_path, 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(tmp_path, 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == first["step"] + 1 and out.stat().st_size < 150_000
    assert not torch.equal(first["network"]["choose.weight"], second["network"]["choose.weight"])


@needs_cc
@pytest.mark.slow
def test_the_demo_plays_in_tune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    _, share, loudness, error, within = row.quality.values()
    assert share is not None and 30 < share < 60
    assert error is not None and error < 10
    assert within is not None and within > 75
    assert loudness is not None and loudness < 2
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{error:.3g}" in capsys.readouterr().out
