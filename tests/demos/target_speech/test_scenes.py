"""Talkers of a scene."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import SPEAKER
from edgekit.demos.target_speech.scenes import Scenes, Talker


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(
        np.float32
    )


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
