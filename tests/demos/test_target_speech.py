"""Target speech: what a head does to sound, both networks, what is judged, and trainings from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.cli.demo import show_hearable
from edgekit.demos.target_speech import train, train_enrollment
from edgekit.demos.target_speech.ear_scores import level_difference_db, si_snr_db, time_difference_s
from edgekit.demos.target_speech.head import RATE, at_ears
from edgekit.demos.target_speech.network import HOP, OVERLAP, SPEAKER, Extractor
from edgekit.demos.target_speech.scenes import Scenes, Talker
from edgekit.demos.target_speech.show import KEPT, show


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(
        np.float32
    )


@pytest.mark.parametrize("azimuth", [-90.0, -40.0, 0.0, 25.0, 90.0, 155.0])
def test_a_head_delays_and_shades_as_the_formulas_say(azimuth: float) -> None:
    heard = at_ears(noise(0.5), [azimuth])
    side = np.deg2rad(abs((azimuth + 90) % 180 - 90) if abs(azimuth) > 90 else azimuth)
    side = np.sign(azimuth) * abs(side)
    woodworth = 0.0875 / 343 * (side + np.sin(side))
    assert abs(time_difference_s(heard) - woodworth) < 1.6 / RATE  # ears stand at 100 degrees
    assert np.sign(round(level_difference_db(heard), 1)) == -np.sign(azimuth)


def test_a_source_that_moves_passes_its_azimuths() -> None:
    heard = at_ears(noise(1.0), np.linspace(-60, 60, 25).tolist())
    began, ended = heard[:, :3000], heard[:, -3000:]
    assert level_difference_db(began) > 3 and level_difference_db(ended) < -3


def test_the_ratio_does_not_see_the_scale() -> None:
    target, other = (np.stack([noise(0.3, seed), noise(0.3, seed + 9)]) for seed in (1, 2))
    assert abs(si_snr_db(target + 0.1 * other, target) - 20) < 0.5
    assert abs(si_snr_db(3 * (target + 0.1 * other), target) - 20) < 0.5


@torch.no_grad()
def test_without_factors_the_sound_comes_back_and_nothing_looks_further_ahead() -> None:
    torch.manual_seed(0)
    network = Extractor().eval()
    tone = 0.1 * torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(20 * HOP))
    ears, speaker = torch.stack([tone, -0.5 * tone])[None], torch.rand(2, SPEAKER)
    heard = network(ears, speaker)
    each = torch.cat([network(ears, speaker[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(heard, each, atol=1e-5, rtol=0)
    changed, kept = ears.clone(), 10 * HOP - OVERLAP
    changed[..., 10 * HOP :] = 0
    same = network(changed, speaker)
    torch.testing.assert_close(heard[..., :kept], same[..., :kept], atol=1e-6, rtol=0)
    for leave in network.leave:
        torch.nn.init.zeros_(leave.weight)
        torch.nn.init.zeros_(leave.bias)
    back = network(ears, speaker[:1])[..., HOP:-OVERLAP]
    torch.testing.assert_close(back, ears[..., HOP:-OVERLAP], atol=1e-3, rtol=0)


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    folder, random = tmp_path / "voices", np.random.default_rng(0)
    known = {}
    for name in ("asterisk-en", "asterisk-es", "asterisk-fr", "c", "d"):
        (folder / "speech" / name).mkdir(parents=True)
        for number in range(3):
            sound = noise(1.5, number)
            write_wav(folder / "speech" / name / f"{number}.wav", sound, RATE, "PCM_16")
        for part in ("train", "held"):
            known[f"{part}/{name}/1.0"] = random.random((2, SPEAKER)).astype(np.float32)
    (folder / "noise").mkdir()
    write_wav(folder / "noise" / "wind.wav", noise(3.0), RATE, "PCM_16")
    write_npz(folder / "embeddings.npz", known)
    return folder


def test_two_recordings_of_one_person_are_no_two_talkers(voices: Path) -> None:
    scenes = Scenes(voices, "train", 0)
    first, second = Talker("asterisk-es", 1.0), Talker("asterisk-fr", 1.0)
    assert {scenes.talker([first]).name for _ in range(60)} == {"asterisk-fr", "c", "d"}
    assert {scenes.talker([first, second]).name for _ in range(60)} == {"c", "d"}
    assert {scenes.talker().name for _ in range(60)} == {*scenes.voices}


def test_quick_trainings_run_and_go_on(
    voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, watch = tmp_path / "made.npz", tmp_path / "watch.npz"
    monkeypatch.setattr(train, "BATCH", 1)
    for steps in (2, 3):
        monkeypatch.setattr(train, "QUICK_STEPS", steps)
        monkeypatch.setattr(train_enrollment, "QUICK_STEPS", steps)
        train.train(voices, 1, out, quick=True, start_from=None)
        train_enrollment.train(voices, 1, watch, quick=True, start_from=None)
        for file in (out, watch):
            kept = torch.load(file.with_suffix(".checkpoint"), weights_only=True)
            assert kept["step"] == steps
    assert out.stat().st_size < 1_500_000 and watch.stat().st_size < 3_000_000


@needs_cc
@pytest.mark.slow
def test_the_demo_hears_whom_it_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    gain, first, second, settled, *_ = row.quality.values()
    assert gain is not None and gain > 0
    assert first is not None and second is not None and settled is not None
    assert min(first, second) < settled  # what is left out is the harder part
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{gain:.3g}" in capsys.readouterr().out
