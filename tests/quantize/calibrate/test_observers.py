"""Observers: exact extremes, bounded memory, and ranges that beat min-max on outliers."""

import numpy as np
import pytest

from edgekit.operators.scheme import activation_type
from edgekit.quantize.calibrate.observers import KEPT_VALUES, OBSERVERS, Observer, range_of
from edgekit.quantize.recipe import CHOICES, MEASURED, Recipe


def seen(*arrays: np.ndarray) -> Observer:
    observer = Observer()
    for array in arrays:
        observer.update(array.astype(np.float32))
    return observer


def error(values: np.ndarray, rule: str) -> float:
    kind = activation_type("int8", *OBSERVERS[rule](seen(values)))
    return float(np.mean(np.abs(kind.dequantize(kind.quantize(values)) - values) ** 2.4))


def test_extremes_are_exact_and_the_sample_is_bounded_and_even() -> None:
    parts = [np.full(KEPT_VALUES, i, np.float32) for i in range(8)]
    observer = seen(*parts, np.array([-3.0, 99.0]))
    assert (observer.minimum, observer.maximum) == (-3.0, 99.0)
    assert observer.sample.size == KEPT_VALUES
    counts = np.bincount(observer.sample.clip(0, 10).astype(int), minlength=8)[:8]
    assert counts.min() > 0.9 * KEPT_VALUES / 8


def test_a_sample_has_the_values_of_the_smallest_keys_however_many_come_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[np.ndarray, np.ndarray]] = []
    draw = Observer._drawn

    def kept(self: Observer, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        drawn.append(draw(self, flat))
        return drawn[-1]

    monkeypatch.setattr(Observer, "_drawn", kept)
    sizes = (KEPT_VALUES - 5, 9, 1, 300, 2 * KEPT_VALUES, 40)
    ends = np.cumsum(sizes)
    observer = seen(*np.split(np.arange(ends[-1]), ends[:-1]))
    keys, values = (np.concatenate(column) for column in zip(*drawn, strict=True))
    smallest = values[np.argsort(keys)[:KEPT_VALUES]]
    assert sorted(observer.sample) == sorted(smallest)


def test_non_finite_values_are_ignored() -> None:
    observer = seen(np.array([np.nan, np.inf, -np.inf, 0.5]), np.array([np.nan]))
    assert (observer.minimum, observer.maximum) == (0.5, 0.5)


@pytest.mark.parametrize("rule", OBSERVERS)
def test_nothing_seen_is_an_empty_range(rule: str) -> None:
    assert OBSERVERS[rule](Observer()) == (0.0, 0.0)


@pytest.mark.parametrize("rule", OBSERVERS)
def test_constant_tensors_have_a_usable_type(rule: str) -> None:
    kind = activation_type("int8", *OBSERVERS[rule](seen(np.full(100, 2.5))))
    assert abs(kind.dequantize(kind.quantize(np.full(1, 2.5, np.float32)))[0] - 2.5) <= kind.scale


def test_mse_is_never_worse_than_minmax_and_narrower_on_long_tails() -> None:
    random = np.random.default_rng(0)
    for values in (random.standard_normal(20_000), random.laplace(size=20_000)):
        single = values.astype(np.float32)
        assert error(single, "mse") < error(single, "minmax")
    low, high = OBSERVERS["mse"](seen(single))
    assert high - low < 0.99 * (single.max() - single.min())


def test_percentile_cuts_a_thousandth() -> None:
    values = np.concatenate([np.linspace(-1, 1, 100_000), [1000.0]])
    low, high = OBSERVERS["percentile"](seen(values))
    assert -1.01 < low < -0.99
    assert 0.99 < high < 1.01


def test_entropy_keeps_a_normal_tensor_and_cuts_a_lonely_outlier() -> None:
    random = np.random.default_rng(0)
    normal = random.standard_normal(60_000)
    low, high = OBSERVERS["entropy"](seen(normal))
    assert high - low > 0.7 * (normal.max() - normal.min())
    low, high = OBSERVERS["entropy"](seen(normal, np.array([40.0])))
    assert 3.0 < high < 20.0
    assert low > -8.0


def test_a_margin_widens_what_every_rule_finds() -> None:
    observer = seen(np.linspace(-1, 3, 1000))
    for rule in OBSERVERS:
        low, high = range_of(observer, Recipe("r", observer=rule))
        wide = range_of(observer, Recipe("r", observer=rule, range_margin=1.5))
        assert wide == (1.5 * low, 1.5 * high)


def test_recipes_know_every_rule() -> None:
    assert set(CHOICES["observer"]) == {*OBSERVERS, MEASURED}
