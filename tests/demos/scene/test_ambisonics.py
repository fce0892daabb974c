"""Sounds in four channels: where they come from."""

import numpy as np
import pytest
import torch

from edgekit.demos.scene.ambisonics import ambience, encode_source, in_a_room
from edgekit.demos.scene.facts import FRONTEND, RATE
from edgekit.demos.scene.scene_scores import angles_deg
from edgekit.demos.scene.scene_staging import places
from edgekit.frontend import Frontend

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
