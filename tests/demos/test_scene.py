"""`edgekit demo scene`: directions in four channels, what is counted right, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.base.wav import write_wav
from edgekit.cli.demo import show_hearable
from edgekit.demos.scene import train
from edgekit.demos.scene.alarms import alarm
from edgekit.demos.scene.ambisonics import ambience, encode_source, in_a_room
from edgekit.demos.scene.facts import BANDS, CLASSES, FRONTEND, HOP, RATE
from edgekit.demos.scene.network import build
from edgekit.demos.scene.scene_scores import Scores, angles_deg
from edgekit.demos.scene.scene_staging import places
from edgekit.demos.scene.show import KEPT, found, hear, show, stage
from edgekit.frontend import Frontend
from edgekit.runtime.stream import Stream

DIRECTIONS = [(0.0, 0.0), (90.0, 0.0), (-135.0, 30.0), (20.0, -50.0)]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise (samples,)."""
    sound = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return 0.1 * sound.astype(np.float32)


def intensity(pcm: np.ndarray) -> np.ndarray:
    """The mean of the front end's intensity vector, as X, Y, Z."""
    features = Frontend(FRONTEND, RATE)(torch.from_numpy(pcm[None]))[0, 4:]
    y, z, x = features[:, :, 4:].mean((1, 2)).numpy()
    return np.array([x, y, z])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_source_is_heard_where_it_is(direction: tuple[float, float]) -> None:
    (vector,) = places([direction], 1)
    assert angles_deg(intensity(encode_source(noise(0.5), [direction])), vector) < 1
    heard = in_a_room(noise(2.0), [direction], np.random.default_rng(3))
    assert angles_deg(intensity(heard), vector) < 30


def test_a_source_moves_the_shorter_way_and_ambience_comes_from_nowhere() -> None:
    path = [(170.0, 0.0), (-170.0, 0.0)]
    began, ended = encode_source(noise(2.0), path).reshape(4, 4, -1)[:, [0, -1]].swapaxes(0, 1)
    vectors = places(path, 8)
    assert vectors[:, 0].max() < -0.98
    assert angles_deg(intensity(began), vectors[0]) < 3
    assert angles_deg(intensity(ended), vectors[-1]) < 3
    around = ambience(noise(4.0), 2 * RATE, np.random.default_rng(1))
    assert np.linalg.norm(intensity(around)) < 0.3
    assert abs(np.std(around[0]) / 0.1 - 1) < 0.1


def test_what_is_near_is_right_and_the_rest_is_counted_by_what_it_is() -> None:
    known, said = np.zeros((2, 200, len(CLASSES), 3), np.float32)
    known[:100, 0] = said[:100, 0] = places([(10.0, 0.0)], 1)
    said[:100, 0] = places([(25.0, 0.0)], 1)  # near, for two seconds
    known[:50, 1] = places([(90.0, 0.0)], 1)
    said[:50, 1] = places([(130.0, 0.0)], 1)  # far
    known[50:100, 2] = places([(0.0, 0.0)], 1)  # missed
    said[150:, 3] = places([(0.0, 0.0)], 1)  # false
    scores = Scores()
    scores.add(said, known)
    assert (scores.right, scores.far, scores.missed, scores.false) == (2, 1, 1, 1)
    assert scores.f20 == pytest.approx(100 * 4 / 8)
    assert scores.error_deg == pytest.approx((100 * 15 + 50 * 40) / 150, abs=0.1)
    assert scores.recall == pytest.approx(75)


def test_sounds_are_listed_with_their_directions() -> None:
    said = np.zeros((100, len(CLASSES), 3), np.float32)
    said[20:60, 1] = 0.9 * places([(-100.0, 20.0)], 1)
    said[70:73, 0] = 1  # too short
    (one,) = found(said)
    assert (one.name, one.start_s, one.stop_s) == ("alarm", 20 * HOP / RATE, 60 * HOP / RATE)
    assert one.azimuth_deg == pytest.approx(-100, abs=0.01)
    assert one.elevation_deg == pytest.approx(20, abs=0.01)


def test_a_turned_scene_has_the_features_of_turned_sound() -> None:
    path, front = [(35.0, 25.0)], Frontend(FRONTEND, RATE)
    pcm, vector = encode_source(noise(0.5), path), places(path, 1)[0]
    labels = torch.from_numpy(np.tile(vector, (25, len(CLASSES)))[None])
    for seed in range(6):
        features = front(torch.from_numpy(pcm[None]))
        turned, known = train.rotate_scene((features, labels), np.random.default_rng(seed))
        x, y, z = known[0, 0, :3].tolist()
        place = (float(np.rad2deg(np.arctan2(y, x))), float(np.rad2deg(np.arcsin(z))))
        whole = front(torch.from_numpy(encode_source(noise(0.5), [place])[None]))
        torch.testing.assert_close(turned, whole, atol=2e-3, rtol=0)


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, (example,) = build()
    ears = example + 0.5 * torch.randn(1, 7, BANDS, 50)
    torch.testing.assert_close(network(ears)[:, :30], network(ears[..., :30]), atol=1e-4, rtol=0)


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    heard, sounds, random = tmp_path / "heard", tmp_path / "sounds", np.random.default_rng(0)
    for place in ("near/a", "speech/asterisk-a"):
        for number in range(2):
            (heard / place).mkdir(parents=True, exist_ok=True)
            write_wav(heard / place / f"{number}.wav", noise(1.0, number), RATE, "PCM_16")
    (heard / "noise").mkdir()
    write_wav(heard / "noise" / "wind.wav", noise(8.0), RATE, "PCM_16")
    for part in ("train", "held"):
        for name in CLASSES[1:]:
            (sounds / part / name).mkdir(parents=True)
            write_wav(sounds / part / name / "0.wav", alarm(random), RATE, "PCM_16")
    out = tmp_path / "made.npz"
    train.train(heard, sounds, 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(heard, sounds, 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 200_000
    assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])


@needs_cc
@pytest.mark.slow
def test_the_demo_finds_what_sounds_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    f20, error_deg, recall = row.quality.values()
    assert f20 is not None and f20 > 50
    assert error_deg is not None and error_deg < 20
    assert recall is not None and recall > 50
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    scene = stage(seed=9)
    said, _ = hear(Stream.open(demo.directory / KEPT), scene.pcm)
    scores = Scores()
    scores.add(said, scene.vectors)
    assert scores.error_deg < 30
    show_hearable(demo, as_json=False)
    assert f"{f20:.3g}" in capsys.readouterr().out
