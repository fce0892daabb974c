"""Frames of a clip that are a keyword's."""

import numpy as np

from edgekit.demos.wake.data import FRAMES, labels_of
from edgekit.demos.wake.network import HOP, RATE


def test_frames_behind_a_keyword_are_its_own_and_those_around_are_unsure() -> None:
    end = 2 * RATE
    labels = labels_of(end)
    late = (np.arange(1, FRAMES + 1) * HOP - end) / RATE
    assert (labels[(late > 0.03) & (late < 0.25)] == 1).all() and 8 <= (labels == 1).sum() <= 13
    assert (labels[(late < -0.41) | (late > 0.7)] == 0).all()
    assert not labels_of(None).any()
