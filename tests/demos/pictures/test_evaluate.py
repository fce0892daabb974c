"""The nearest real digit, and a search for more pictures than the demo's."""

import numpy as np
import pytest

from edgekit.demos.pictures.evaluate import REPEATED, enlarge_search, nearest
from edgekit.demos.pictures.generators import Anagrams, Search


def test_the_nearest_digit_is_that_of_the_smallest_squared_distance() -> None:
    random = np.random.default_rng(0)
    real = random.uniform(-1, 1, (30, 1, 28, 28)).astype(np.float32)
    labels = random.integers(0, 10, 30)
    places = np.array([4, 17, 4])
    pictures = (real[places] + np.float32(0.25)).astype(np.float32)
    found, distances = nearest(pictures, real, labels)
    assert found.tolist() == labels[places].tolist()
    assert distances == pytest.approx([0.0625] * 3, rel=1e-4)


@pytest.mark.parametrize("kind", (Search, Anagrams))
def test_a_larger_search_has_a_score_for_every_start_of_every_picture(kind: type) -> None:
    plain, large = kind(), enlarge_search(kind)
    assert large.wanted == plain.wanted * REPEATED
    assert large.scores.shape == (REPEATED * len(plain.wanted), plain.starts)
