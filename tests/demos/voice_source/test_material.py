"""Clips of the training."""

import numpy as np
import pytest

from edgekit.demos.voice_source import material
from edgekit.demos.voice_source.closures import DELAY, RATE
from edgekit.demos.voice_source.diphones import Diphone
from edgekit.demos.voice_source.material import MarkedSound, Material, add_room, lag_of_marks

CLOSED = 0.02 + 0.008 * np.arange(20)


def recording() -> MarkedSound:
    """Clicks, the second half of which is not known."""
    pcm = np.zeros(int(0.2 * RATE), np.float32)
    pcm[np.round(CLOSED * RATE).astype(int)] = 0.5
    return MarkedSound(pcm, CLOSED, np.arange(pcm.size) < pcm.size // 2)


def test_targets_lie_where_the_sound_has_its_closures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "ROOM_SHARE", 0.0)
    drawn = Material(np.random.default_rng(0), RATE // 2, [recording()], [recording()])
    polarities = set()
    for _ in range(12):
        for kind in ("diphones", "speech", "synthesis"):
            pcm, target, weight = drawn.clip()
            assert pcm.size == target.size == weight.size == RATE // 2
            if kind == "synthesis":
                assert weight[DELAY:].all()
                continue
            peaks = np.flatnonzero((target > 0.9) & (weight > 0))
            near = np.abs(pcm[peaks[:, None] - DELAY + np.arange(-3, 4)])
            assert near.max(1).min() > 0.3 * np.abs(pcm).max()
            polarities.add(np.sign(pcm[np.abs(pcm).argmax()]))
    assert polarities == {-1, 1}


def test_faster_recordings_have_closer_closures() -> None:
    fast = recording().at_speed(1.6)
    np.testing.assert_allclose(np.diff(fast.closed), 0.005, atol=1e-9)
    loudest = np.sort(np.argsort(-fast.pcm)[: CLOSED.size]) / RATE
    assert np.abs(loudest[:, None] - fast.closed).min(0).max() < 1.5 / RATE
    assert abs(fast.known.mean() - 0.5) < 0.01


def test_a_room_leaves_the_direct_sound_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "ROOM_SHARE", 1.0)
    click = np.zeros(RATE // 2, np.float32)
    click[1000] = 1
    heard = add_room(np.random.default_rng(3), click)
    assert heard.argmax() == 1000 and abs(heard[1000] - 1) < 1e-6
    assert not np.abs(heard[:1000]).max() > 1e-6 and np.abs(heard[1030:]).max() > 1e-3


def test_the_lag_of_marks_ignores_strays() -> None:
    found = np.sort(np.concatenate([CLOSED - 7e-4, [0.0311, 0.0555]]))
    one = Diphone(recording().pcm, CLOSED, np.ones(CLOSED.size, bool))
    assert abs(lag_of_marks([one], [found]) + 7e-4) < 1e-5
