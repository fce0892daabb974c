"""Plans of events, and what is to be told late."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.wav import write_wav
from edgekit.demos.scene.facts import CLASSES, INTERFERER, LATE, RATE
from edgekit.demos.scene.scenes import OVERLAP, Scenes, late


@pytest.fixture
def scenes(tmp_path: Path) -> Scenes:
    """Two recordings of each kind."""
    random = np.random.default_rng(0)
    folders = ["heard/near/a", "heard/speech/asterisk-a", "heard/noise"]
    folders += [f"sounds/train/{name}" for name in (*CLASSES[1:], "other")]
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for number in range(2):
            sound = random.uniform(-0.3, 0.3, RATE).astype(np.float32)
            write_wav(tmp_path / folder / f"{number}.wav", sound, RATE, "PCM_16")
    return Scenes(tmp_path / "heard", tmp_path / "sounds", "train", 0)


def test_events_of_a_class_do_not_overlap_and_two_sound_at_most(scenes: Scenes) -> None:
    for _ in range(20):
        busy = np.zeros((INTERFERER + 1, scenes.frames), int)
        for event in scenes.plan():
            assert 0 <= event.start < event.stop <= scenes.frames
            busy[event.kind, event.start : event.stop] += 1
        assert busy.max(initial=0) <= 1 and busy[:INTERFERER].sum(0).max(initial=0) <= OVERLAP


def test_an_interferer_sounds_and_is_in_no_label(scenes: Scenes) -> None:
    scenes.events, scenes.interferers = (0, 1), (2, 3)
    events = scenes.plan()
    assert events and {event.kind for event in events} == {INTERFERER}
    quiet, scenes.interferers = scenes.scene(), (0, 1)
    assert not quiet.vectors.any() and quiet.vectors.shape[1] == len(CLASSES)
    assert not scenes.plan()


def test_a_batch_has_features_and_labels_of_each_frame(scenes: Scenes) -> None:
    features, labels = scenes.batch(1)
    assert features.shape[:2] == (1, 7) and features.shape[-1] == labels.shape[1] == scenes.frames
    assert features.isfinite().all() and not labels[:, :LATE].any()


def test_labels_come_late() -> None:
    told = np.arange(20.0).reshape(10, 2)
    found = late(told)
    assert np.array_equal(found[LATE:], told[:-LATE]) and not found[:LATE].any()
