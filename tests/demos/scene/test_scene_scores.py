"""What is counted right: the scores of DCASE 2021."""

import numpy as np
import pytest

from edgekit.demos.scene.facts import CLASSES
from edgekit.demos.scene.scene_scores import Scores
from edgekit.demos.scene.scene_staging import places


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
