"""Rotations of a scene, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.base.wav import write_wav
from edgekit.demos.scene import train
from edgekit.demos.scene.alarms import alarm
from edgekit.demos.scene.ambisonics import encode_source
from edgekit.demos.scene.facts import CLASSES, FRONTEND, RATE
from edgekit.demos.scene.scene_staging import places
from edgekit.frontend import Frontend


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise (samples,)."""
    sound = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return 0.1 * sound.astype(np.float32)


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


@pytest.mark.slow
def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    heard, sounds, random = tmp_path / "heard", tmp_path / "sounds", np.random.default_rng(0)
    for place in ("near/a", "speech/asterisk-a"):
        for number in range(2):
            (heard / place).mkdir(parents=True, exist_ok=True)
            write_wav(heard / place / f"{number}.wav", noise(1.0, number), RATE, "PCM_16")
    (heard / "noise").mkdir()
    write_wav(heard / "noise" / "wind.wav", noise(8.0), RATE, "PCM_16")
    for part in ("train", "held"):
        for name in (*CLASSES[1:], "other"):
            (sounds / part / name).mkdir(parents=True)
            write_wav(sounds / part / name / "0.wav", alarm(random), RATE, "PCM_16")
    out = tmp_path / "made.npz"
    train.train(heard, sounds, 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(heard, sounds, 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 200_000
    assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])
