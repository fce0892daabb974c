"""Scenes: events at their places and times, at a level that does not clip."""

import numpy as np
import pytest

from edgekit.demos.scene.facts import CLASSES, HOP, RATE
from edgekit.demos.scene.scene_staging import HANG_S, Event, active_frames, places, stage_events

LEFT = ((90.0, 0.0),)


def test_directions_are_unit_vectors_of_x_y_and_z() -> None:
    np.testing.assert_allclose(places(LEFT, 3), [[0, 1, 0]] * 3, atol=1e-6)
    path = places([(170.0, 0.0), (-170.0, 0.0)], 9)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, atol=1e-6)
    assert path[4] == pytest.approx([-1, 0, 0], abs=1e-6)  # the shorter way, behind


def test_an_event_sounds_where_it_is_loud_and_shortly_around() -> None:
    sound = np.zeros(100 * HOP, np.float32)
    sound[40 * HOP : 50 * HOP] = 1
    reach = int(HANG_S * RATE / HOP)
    assert np.flatnonzero(active_frames(sound)).tolist() == list(range(40 - reach, 50 + reach))


@pytest.mark.parametrize("indoors", [False, True])
def test_what_is_known_is_what_was_played(indoors: bool) -> None:
    random = np.random.default_rng(0)
    sound, noise = random.standard_normal((2, 20 * HOP)).astype(np.float32)
    scene = stage_events(
        [Event(2, 10, 30, LEFT)], [sound], 1e-3 * noise, 40, -20.0, indoors, random
    )
    assert scene.pcm.shape == (4, 40 * HOP) and scene.vectors.shape == (40, len(CLASSES), 3)
    assert np.abs(scene.pcm).max() <= 0.99
    assert 10 * np.log10(np.mean(scene.pcm[0] ** 2)) == pytest.approx(-20, abs=0.1)
    np.testing.assert_allclose(scene.vectors[10:30, 2], [[0, 1, 0]] * 20, atol=1e-6)
    scene.vectors[10:30, 2] = 0
    assert not scene.vectors.any()
