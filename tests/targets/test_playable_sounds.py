"""What a report plays: sounds, their pictures, and how far a build is from its source."""

import re

import numpy as np
import pytest

from edgekit.targets.playable_sounds import PlayableSounds


def test_a_difference_is_drawn_to_the_scale_of_the_output() -> None:
    source = np.full((1, 1000), 0.5, np.float32)
    paths = PlayableSounds(source, source, source * np.float32(0.75), 1000).difference()
    heights = [
        [float(y) for y in re.findall(r"[ML]\d+ ([\d.-]+)", path)]
        for path in (paths.output, paths.error)
    ]
    assert min(heights[0]) == pytest.approx(-0.5) and max(heights[0]) == pytest.approx(0.5)
    assert min(heights[1]) == pytest.approx(74.5) and max(heights[1]) == pytest.approx(75.5)
