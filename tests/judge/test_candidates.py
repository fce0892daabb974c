"""The cheapest that is good enough is taken."""

import random
from types import SimpleNamespace

from builds import float_model, noise

from edgekit.judge.candidates import MOST_TURNED, chosen, cost_of
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration


def found(cost: float, snr_db: float, turned: float = 0.0) -> SimpleNamespace:
    return SimpleNamespace(cost=cost, snr_db=snr_db, turned=turned)


def test_the_cheapest_that_reaches_what_is_needed() -> None:
    cheap, middle, dear = found(1, 20), found(2, 31), found(3, 40)
    assert chosen([cheap, middle, dear], 30, 26) is middle
    assert chosen([dear, cheap], 30, 26) is dear
    assert chosen([cheap, found(2, 27), found(3, 28)], 30, 26).snr_db == 27
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


def test_wider_types_cost_more() -> None:
    model = float_model("gru_mask")
    calibration = Calibration((noise(model, 20),), "x")
    w8a8, w8a16 = (cost_of(quantize(model, calibration, name)) for name in ("w8a8", "w8a16"))
    assert w8a8 < w8a16 < 4 * w8a8
