"""Scenes: sounds of classes, each from its direction, in a room or outdoors, in ambience; and their truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.demos.scene.ambisonics import (
    Direction,
    Signal,
    ambience,
    encode_source,
    in_a_room,
    vectors,
)
from edgekit.demos.scene.facts import HOP, INTERFERER, RATE

QUIET, HANG_S = 0.03, 0.25  # an event sounds where a sample of so much of its peak is so near


@dataclass(frozen=True)
class Event:
    """A sound of a class (its number, or `INTERFERER`), from a frame to another, in a direction or on a path."""

    kind: int
    start: int
    stop: int
    path: tuple[Direction, ...]


@dataclass(frozen=True)
class Scene:
    """PCM (4, samples) of W, Y, Z, X, vectors (frames, classes, 3) of the active sounds, and the events."""

    pcm: Signal
    vectors: Signal
    events: tuple[Event, ...]


def stage_events(
    events: Sequence[Event],
    sounds: Sequence[Signal],
    noise: Signal,
    frames: int,
    level_dbfs: float,
    indoors: bool,
    random: np.random.Generator,
) -> Scene:
    """Play the sound of each event (samples,), and noise from all around, at a level that does not clip.

    Args:
        events: with `sounds`, which have the frames of their events.
        sounds: at their relative levels.
        noise: (samples,) of any length, at its level.
        frames: of the scene.
        level_dbfs: the RMS of W.
        indoors: whether to add reflections.
        random: draws rooms and the parts of the noise.
    """
    pcm = ambience(noise, frames * HOP, random)
    known = np.zeros((frames, INTERFERER + 1, 3), np.float32)
    for event, sound in zip(events, sounds, strict=True):
        heard = (
            in_a_room(sound, event.path, random) if indoors else encode_source(sound, event.path)
        )
        pcm[:, event.start * HOP : event.stop * HOP] += heard
        place = places(event.path, event.stop - event.start)
        known[event.start : event.stop, event.kind] = place * active_frames(sound)[:, None]
    gain = 10 ** (level_dbfs / 20) / np.sqrt(np.mean(np.square(pcm[0])))
    gain = min(float(gain), 0.99 / float(np.abs(pcm).max()))
    return Scene(pcm * np.float32(gain), known[:, :INTERFERER], tuple(events))


def places(path: Sequence[Direction], frames: int) -> Signal:
    """The unit vector of each frame (frames, 3)."""
    azimuths, elevations = np.array(path, np.float64).T
    at, knots = (np.arange(frames) + 0.5) / frames, np.linspace(0, 1, len(path))
    if len(path) == 1:
        return np.repeat(vectors(azimuths, elevations), frames, 0)
    azimuths = np.unwrap(azimuths, period=360)
    return vectors(np.interp(at, knots, azimuths), np.interp(at, knots, elevations))


def active_frames(sound: Signal) -> Float32:
    """Return for each frame 1 where the event is audible near it, else 0."""
    peaks = np.abs(sound).reshape(-1, HOP).max(1)
    loud = peaks > QUIET * peaks.max()
    reach = int(HANG_S * RATE / HOP)
    near = np.convolve(loud, np.ones(2 * reach + 1))[reach : reach + loud.size]
    return (near > 0).astype(np.float32)
