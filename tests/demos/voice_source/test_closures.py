"""Closure instants: found in a curve, and scored."""

import numpy as np

from edgekit.demos.voice_source.closures import DELAY, RATE, bumps, instants, score_closures


def test_bumps_are_found_where_they_were_put() -> None:
    random = np.random.default_rng(0)
    closed = np.cumsum(random.uniform(0.0025, 0.014, 150))
    found = instants(bumps(closed, int(closed[-1] * RATE) + 4 * DELAY))
    np.testing.assert_allclose(found, closed, atol=1e-6)


def test_second_and_stray_detections_are_false() -> None:
    closed = 0.1 + 0.01 * np.arange(5)
    found = np.sort(np.concatenate([closed[:3] + 2e-4, [closed[0] - 2e-3, 0.5]]))
    hit, false, errors = score_closures(found, closed)
    assert (hit, false) == (2, 2)
    np.testing.assert_allclose(errors, 2e-4, atol=1e-12)
    assert score_closures(np.zeros(0), closed)[:2] == (0, 0)
