"""Synthesis of a voice."""

import numpy as np
import pytest

from edgekit.demos.voice_source.closures import RATE
from edgekit.demos.voice_source.synthesis import liljencrants, rosenberg, source


@pytest.mark.parametrize("pulse", [rosenberg, liljencrants])
def test_the_flow_falls_steepest_at_its_closure(pulse: object) -> None:
    closed = 0.01 + 0.008 * np.arange(12)
    flow = source(np.random.default_rng(3), closed, RATE // 8, pulse)  # type: ignore[arg-type]
    for instant in closed[2:]:
        at = round(instant * RATE)
        near = slice(at - 60, at + 60)
        assert abs(int(np.argmin(flow[near])) - 60) <= 5
