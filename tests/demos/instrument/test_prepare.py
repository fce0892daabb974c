"""Lines of a trombone: notes and their exact pitch."""

import numpy as np

from edgekit.demos.instrument.prepare import HIGHEST, LOWEST, TICKS_S, performance


def hz(note: float) -> float:
    return 440 * 2 ** ((note - 69) / 12)


def test_a_line_has_rests_and_pitches_near_its_notes() -> None:
    score, pitch = performance(np.random.default_rng(1), 10.0)
    assert pitch.shape == (10 * TICKS_S,) and not pitch[:20].any() and not pitch[-20:].any()
    heard = pitch[pitch > 0]
    assert hz(LOWEST - 2.1) < heard.min() < heard.max() < hz(HIGHEST + 2.1)
    assert len(heard) > len(pitch) // 2
    assert score.startswith(b"MThd") and score.endswith(b"\xff\x2f\x00")


def test_a_seed_is_a_line() -> None:
    first, again, other = (performance(np.random.default_rng(seed), 3.0) for seed in (1, 1, 2))
    assert first[0] == again[0] != other[0] and np.array_equal(first[1], again[1])
