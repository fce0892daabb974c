"""The cheapest that is good enough is taken."""

import random

from builds import float_model, noise

from edgekit.judge.candidates import MOST_TURNED, Auto, chosen, cost_of
from edgekit.judge.waits import MOST_DRIFT_DB
from edgekit.quantize.apply import observe_model, quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES

MODEL = float_model("gru_mask")
SEEN = observe_model(MODEL, Calibration((noise(MODEL, 20),), "x"), RECIPES["w8a8"])


def found(cost: float, snr_db: float, turned: float = 0.0, drift_db: float = 0.0) -> Auto:
    return Auto(RECIPES["w8a8"], MODEL, SEEN, snr_db, cost, {}, turned, drift_db)


def test_the_cheapest_that_reaches_what_is_needed() -> None:
    cheap, middle, dear = found(1, 20), found(2, 31), found(3, 40)
    assert chosen([cheap, middle, dear], 30, 26) is middle
    assert chosen([dear, cheap], 30, 26) is dear
    accepted = found(2, 27)
    assert chosen([cheap, accepted, found(3, 28)], 30, 26) is accepted
    assert chosen([cheap], 30, 26) is None
    better = found(2, 35)
    assert chosen([middle, better], 30, 26) is better


def test_nothing_of_a_random_pool_is_as_cheap_and_better_than_what_is_taken() -> None:
    draw = random.Random(0)
    for _ in range(2000):
        pool = [found(draw.randrange(6), draw.randrange(15, 40)) for _ in range(draw.randint(1, 8))]
        needed, least = 30, draw.choice((20, 26, 30))
        best = chosen(pool, needed, least)
        if best is None:
            assert max(a.snr_db for a in pool) < least
            continue
        assert best.snr_db >= least
        assert not [a for a in pool if a.cost <= best.cost and a.snr_db > best.snr_db]
        cheaper = [a for a in pool if a.cost < best.cost]
        assert all(a.snr_db < (needed if best.snr_db >= needed else least) for a in cheaper)


def test_decisions_count_before_cost() -> None:
    turning, keeping = found(1, 40, 2 * MOST_TURNED), found(2, 35, MOST_TURNED)
    assert chosen([turning, keeping], 30, 30) is keeping
    assert chosen([turning, found(2, 35, 3 * MOST_TURNED)], 30, 30) is turning


def test_level_after_waits_counts_before_cost() -> None:
    drifting, steady = (
        found(1, 40, drift_db=2 * MOST_DRIFT_DB),
        found(2, 35, drift_db=MOST_DRIFT_DB),
    )
    assert chosen([drifting, steady], 30, 30) is steady
    assert chosen([drifting, found(2, 27, drift_db=0)], 30, 26) is not drifting
    less = found(3, 35, drift_db=1.2 * MOST_DRIFT_DB)
    assert chosen([drifting, less], 30, 30) is less
    hardly_less = found(3, 35, drift_db=1.5 * MOST_DRIFT_DB)
    assert chosen([drifting, hardly_less], 30, 30) is drifting
    assert chosen([less, found(1, 40, 2 * MOST_TURNED)], 30, 30) is less


def test_wider_types_cost_more() -> None:
    calibration = Calibration((noise(MODEL, 20),), "x")
    w8a8, w8a16 = (cost_of(quantize(MODEL, calibration, name)) for name in ("w8a8", "w8a16"))
    assert w8a8 < w8a16 < 4 * w8a8
