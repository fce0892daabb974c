"""The systems that draw: their judges."""

import numpy as np

from edgekit.demos.pictures.data import bundled_digits
from edgekit.demos.pictures.generators import Anagrams, Search, edges, turn_over


def test_a_digit_scores_above_0_as_itself_alone() -> None:
    search, (digits, _) = Search(), bundled_digits()
    for label in (0, 3, 7):
        scores = [search.score(digits[label : label + 1], {"label": other}) for other in range(10)]
        assert int(np.argmax(scores)) == label and np.sum(np.array(scores) > 0) == 1


def test_an_anagram_scores_its_worse_reading() -> None:
    anagrams, (digits, _) = Anagrams(), bundled_digits()
    six = digits[6:7]
    both = anagrams.score(six, {"label": 6, "turned": 9})
    upright = Search.score(anagrams, six, {"label": 6})
    other = Search.score(anagrams, turn_over(six), {"label": 9})
    assert both == min(upright, other)


def test_edges_are_those_of_neighbours() -> None:
    step = np.full((1, 1, 4, 4), -1, np.float32)
    step[..., 2:] = 1
    assert edges(step) == 4 / 3
    assert edges(step * 0) == 0
