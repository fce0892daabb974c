"""Scores of detections: the location-sensitive scores of DCASE 2021 (Politis et al.), a source a class."""

from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.scene.facts import HOP, RATE

ACTIVE = 0.5  # a class is active if its vector is longer
NEAR_DEG = 20.0
SEGMENT = RATE // HOP  # frames of a second

Vectors = Float32  # (frames, classes, 3)


@dataclass
class Scores:
    """Counts over segments of a second and classes.

    Attributes:
        right: sounds found near where they are; the direction is the mean over the frames of both.
        far: found in another direction.
        missed: not found.
        false: found without a sound.
        errors_deg: of sounds that were found, anywhere, in each frame.
        frames: in which there are sounds.
    """

    right: int = 0
    far: int = 0
    missed: int = 0
    false: int = 0
    frames: int = 0
    errors_deg: tuple[Float64, ...] = ()

    def add(self, said: Vectors, known: Vectors) -> None:
        """Count a recording."""
        here, there = (
            np.linalg.norm(said, axis=-1) > ACTIVE,
            np.linalg.norm(known, axis=-1) > ACTIVE,
        )
        off = angles_deg(said, known)
        both = here & there
        self.frames += int(there.sum())
        self.errors_deg = (*self.errors_deg, off[both])
        for start in range(0, len(said), SEGMENT):
            part = slice(start, start + SEGMENT)
            for kind in range(said.shape[1]):
                found, sounds = here[part, kind].any(), there[part, kind].any()
                shared = both[part, kind]
                if not shared.any():
                    self.missed += int(sounds)
                    self.false += int(found)
                elif off[part, kind][shared].mean() <= NEAR_DEG:
                    self.right += 1
                else:
                    self.far += 1

    @property
    def f20(self) -> float:
        """Return twice the correct detections over all detections and all true events, in %."""
        return 200 * self.right / max(2 * (self.right + self.far) + self.missed + self.false, 1)

    @property
    def error_deg(self) -> float:
        """Return the mean angle between detection and truth, where a class is found: localisation error."""
        errors = np.concatenate(self.errors_deg) if self.errors_deg else np.zeros(0)
        return float(errors.mean()) if errors.size else float("nan")

    @property
    def recall(self) -> float:
        """Frames of sounds in which they are found, in %: localisation recall, by frames."""
        return 100 * sum(part.size for part in self.errors_deg) / max(self.frames, 1)


def angles_deg(one: Vectors, other: Vectors) -> Float64:
    """Angles between vectors of any length."""
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosines = (one * other).sum(-1) / np.maximum(lengths, 1e-9)
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosines, -1, 1))), np.float64)
