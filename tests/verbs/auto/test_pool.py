"""The cheapest that is good enough is taken."""

from types import SimpleNamespace

from builds import float_model, noise

from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.auto.pool import MOST_TURNED, chosen, cost_of


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


def test_decisions_count_before_cost() -> None:
    turning, keeping = found(1, 40, 2 * MOST_TURNED), found(2, 35, MOST_TURNED)
    assert chosen([turning, keeping], 30, 30) is keeping
    assert chosen([turning, found(2, 35, 3 * MOST_TURNED)], 30, 30) is turning


def test_wider_types_cost_more() -> None:
    model = float_model("gru_mask")
    calibration = Calibration((noise(model, 20),), "x")
    w8a8, w8a16 = (cost_of(quantize(model, calibration, name)) for name in ("w8a8", "w8a16"))
    assert w8a8 < w8a16 < 4 * w8a8
