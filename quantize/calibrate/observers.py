"""Observers: they watch a tensor during calibration, then return the range to quantize."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Float64, Int64
from edgekit.quantize.recipe import MEASURED, Recipe

KEPT_VALUES = 65_536  # a seeded random sample of the stream bounds memory and search time
PLAIN_RULE = "mse"
ERROR_POWER = 2.4  # PTQ4DM (CVPR 2023): best of L1, cosine, KL and powers of the error
AT_ONCE = 2**24  # values per draw, each with 16 extra bytes
BINS = 2048  # of the histogram that the entropy rule compares
LEVELS = 256
TAIL, COARSE_STEP, FINE_CANDIDATES = 256, 8, 24  # of values, of values, of ranges
ROW_VALUES = 32_768  # of one step over many ranges: 256 kB
MOST_CLIPPED = 0.05  # of the power of the first sound after silence: a range that clips more on a side is widened,
CLIPPED_SHARE = 0.01  # until it clips this share there
HALVINGS = 12  # of the largest value, in the search for such an end
KEY_DEVIATIONS = 8  # standard deviations of a key's place, at least
NO_RANGE = (math.inf, -math.inf)
SHRINK_STEPS = np.arange(1, 101) / 100
ROUNDED = 2.0**-20  # of a norm of errors in float32, of values below 1
Floats = Float32 | Float64
Errors = Callable[[Floats, Float64], Float64]  # of a sample in each range


@dataclass
class Observer:
    """Collects one tensor's values: exact minimum and maximum, and a uniform sample of bounded size.

    `total` is the sum of `hops` arrays of the tensor's shape; None before the first. `rest` is the range of its values
    in silence, which every range includes: a wait holds them for minutes, and states add up what saturates. `rest_ends`
    are the last hops of each silence, of a state. `start` is the largest magnitude in the first hops of silence, where
    fresh states may make a peak that sound does not make. `onset` has the ranges that clip `MOST_CLIPPED` and
    `CLIPPED_SHARE` of the first hops of sound after silence.
    """

    minimum: float = np.inf
    maximum: float = -np.inf
    sample: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    total: Float64 | None = None
    hops: int = 0
    rest: tuple[float, float] = NO_RANGE
    rest_ends: tuple[Float32, ...] = ()
    start: float = 0.0
    onset: tuple[tuple[float, float], tuple[float, float]] = (NO_RANGE, NO_RANGE)
    _keys: Float64 = field(default_factory=lambda: np.zeros(0))
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    _ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def range(self, rule: str) -> tuple[float, float]:
        """Return the range by a row of `OBSERVERS` for all values so far."""
        if rule not in self._ranges:
            self._ranges[rule] = self._with_onset(*self._with_rest(*OBSERVERS[rule](self)))
        return self._ranges[rule]

    def update(self, values: Float32) -> None:
        """Observe hops of the tensor, (hops, *shape); non-finite values are ignored, except in `total`."""
        flat = values.ravel()
        if flat.size == 0:
            return
        summed = values.sum(axis=0, dtype=np.float64)
        self.total = summed if self.total is None else self.total + summed
        self.hops += len(values)
        low, high = float(flat.min()), float(flat.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            flat = flat[np.isfinite(flat)]
            if flat.size == 0:
                return
            low, high = float(flat.min()), float(flat.max())
        self._ranges.clear()
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        for start in range(0, flat.size, AT_ONCE):
            self._keep(flat[start : start + AT_ONCE])

    def see_rest(self, values: Float32) -> None:
        """Observe values in silence, of any shape: they count for the range alone."""
        if values.size and np.isfinite(values).all():
            low, high = self.rest
            self.rest = min(low, float(values.min())), max(high, float(values.max()))
            self._ranges.clear()

    def see_onset(self, values: Float32) -> None:
        """Observe the first hops of sound after silence, of any shape: ranges that clip much of them become wider."""
        power = float(np.square(values, dtype=np.float64).sum())
        if values.size and np.isfinite(power):
            clipped = MOST_CLIPPED * power, CLIPPED_SHARE * power
            most, least = (
                (-_end_of_power(-values, lost), _end_of_power(values, lost)) for lost in clipped
            )
            self.onset = most, least
            self._ranges.clear()

    def see_start(self, values: Float32) -> None:
        """Observe the first hops of silence, of any shape: they count for `start` alone."""
        if values.size and np.isfinite(values).all():
            self.start = max(self.start, float(np.abs(values).max()))

    def of_rest(self) -> "Observer":
        """Return an observer of silence, and of sound after it, alone."""
        return Observer(
            rest=self.rest, rest_ends=self.rest_ends, start=self.start, onset=self.onset
        )

    def _with_rest(self, low: float, high: float) -> tuple[float, float]:
        return min(low, self.rest[0]), max(high, self.rest[1])

    def _with_onset(self, low: float, high: float) -> tuple[float, float]:
        """Return a range, with each end moved that clips too much of the sound after silence."""
        (lowest, highest), (wide_low, wide_high) = self.onset
        return wide_low if low > lowest else low, wide_high if high < highest else high

    def _keep(self, flat: Float32) -> None:
        """Keep the values with the smallest random keys so far: a uniform sample."""
        keys, flat = self._drawn(flat)
        if self._keys.size < KEPT_VALUES:
            keys = np.concatenate([self._keys, keys])
            sample = np.concatenate([self.sample, flat])
            if keys.size > KEPT_VALUES:
                kept = np.flatnonzero(keys <= _largest_of_smallest(keys))[:KEPT_VALUES]
                keys, sample = keys[kept], sample[kept]
            self._keys, self.sample = keys, sample
            return
        large, limit = self._large_keys(keys)
        places, stays = large[self._keys[large] > limit], np.flatnonzero(keys <= limit)
        count = min(places.size, stays.size)  # they are as many unless keys are equal
        self._keys[places[:count]] = keys[stays[:count]]
        self.sample[places[:count]] = flat[stays[:count]]

    def _large_keys(self, keys: Float64) -> tuple[Int64, float]:
        """Return the places of the largest keys of a full sample, and the largest key that stays beside new ones."""
        low, _ = _near_share(KEPT_VALUES + keys.size)
        for least in (low * float(self._keys.max()), -1.0):
            large = np.flatnonzero(self._keys > least)
            if large.size:
                both = np.concatenate([self._keys[large], keys])
                limit = float(np.partition(both, large.size - 1)[large.size - 1])
                if limit > least:  # all keys that were left out are smaller
                    break
        return large, limit

    def _drawn(self, flat: Float32) -> tuple[Float64, Float32]:
        """Random keys of the values that may stay, uniform from 0 to 1, and these values.

        Of a full sample only keys below its largest matter: how many there are is drawn, and which, not every key.
        """
        if self._keys.size < KEPT_VALUES:
            return self._random.random(flat.size), flat
        most = float(self._keys.max())
        count = int(self._random.binomial(flat.size, most))
        places = self._random.choice(flat.size, count, replace=False, shuffle=False)
        return self._random.uniform(0.0, most, count), flat[places]


def _largest_of_smallest(keys: Float64) -> float:
    """Return the largest of the `KEPT_VALUES` smallest keys, which are uniform from 0 to 1: few are sorted."""
    low, high = _near_share(keys.size)
    near = keys[(keys > low) & (keys <= high)]
    place = KEPT_VALUES - 1 - int(np.count_nonzero(keys <= low))
    if not 0 <= place < near.size:
        near, place = keys, KEPT_VALUES - 1
    return float(np.partition(near, place)[place])


def _near_share(size: int) -> tuple[float, float]:
    """Return between which shares of their range the `KEPT_VALUES`-th of so many uniform keys lies, nearly always."""
    expected, apart = KEPT_VALUES / size, KEY_DEVIATIONS / 2 / math.sqrt(size)
    return expected - apart, expected + apart


def _end_of_power(values: Float32, most: float) -> float:
    """Return the least end, zero or above, for which the values lose this power at most if they are clipped to it."""
    positive = values[values > 0]
    low, high = 0.0, float(positive.max(initial=0.0))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        excess = np.maximum(positive - np.float32(middle), 0)
        lost = float(np.square(excess, dtype=np.float64).sum())
        low, high = (middle, high) if lost > most else (low, middle)
    return high


def minmax_range(observer: Observer) -> tuple[float, float]:
    """Return the range of all observed values, those in silence with them."""
    low, high = observer.rest
    low, high = min(observer.minimum, low), max(observer.maximum, high)
    return (0.0, 0.0) if low > high else (low, high)


def percentile_range(observer: Observer, percent: float) -> tuple[float, float]:
    """Return the range of all but the outer ``100 - percent`` percent on each side."""
    if observer.sample.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(observer.sample, [100 - percent, percent])
    return float(low), float(high)


def mse_range(observer: Observer) -> tuple[float, float]:
    """Return the range, among shrunken copies of min-max, with the least mean ``|x - quantized x|^2.4`` at int8."""
    low, high = _with_zero(observer)
    if high == low:
        return low, high
    ranges = np.array([(low * a, high * b) for a, b in _shrunken(low, high)])
    fine = _least(_coarse_errors, np.sort(observer.sample), ranges, FINE_CANDIDATES)
    ((low, high),) = _least(_int8_errors, observer.sample, fine, 1)
    return float(low), float(high)


def _least(errors: Errors, sample: Float32, ranges: Float64, count: int) -> Float64:
    """Return the ranges of least error, (count, 2), the least first; of equal ones that which comes first.

    Errors in float32 show which may be among them, and only these are computed in float64. As a norm, an error of
    rounding is at most the sum of both errors (Minkowski): what rounds here is a few steps of the largest value.
    """
    exponent = -np.frexp(np.abs(ranges).max())[1]  # values near 1 neither overflow nor underflow
    rough = errors(np.ldexp(sample, exponent), np.ldexp(ranges, exponent)) ** (1 / ERROR_POWER)
    most = np.partition(rough, count - 1)[count - 1]
    near = ranges[~(rough > most + ROUNDED * (1 + most))]
    exact = errors(sample.astype(np.float64), near)
    return np.asarray(near[np.argsort(exact, kind="stable")[:count]])


def _coarse_errors(ordered: Floats, ranges: Float64) -> Float64:
    """Return estimates of `_int8_errors`; values at the ends, which are clipped, all count."""
    if ordered.size <= 4 * TAIL:
        return _int8_errors(ordered, ranges)
    outer = np.concatenate([ordered[:TAIL], ordered[-TAIL:]])
    inner = ordered[TAIL:-TAIL:COARSE_STEP]
    share = outer.size / ordered.size
    return share * _int8_errors(outer, ranges) + (1 - share) * _int8_errors(inner, ranges)


def _int8_errors(sample: Floats, ranges: Float64) -> Float64:
    """Return the mean ``|x - quantized x|^2.4`` in each range, (ranges, 2); a small sample handles many at once."""
    rows = max(1, ROW_VALUES // sample.size)
    parts = [ranges[start : start + rows] for start in range(0, len(ranges), rows)]
    return np.concatenate([_of_rows(sample, part[:, :1], part[:, 1:]) for part in parts])


def _of_rows(sample: Floats, low: Float64, high: Float64) -> Float64:
    scale = (high - low) / 255
    zero = np.rint(-128 - low / scale).astype(sample.dtype)
    scale = scale.astype(sample.dtype)
    error = sample / scale  # one array throughout: a calibration spends its time here
    np.rint(error, out=error)
    np.clip(error, -128 - zero, 127 - zero, out=error)
    error *= scale
    np.subtract(sample, error, out=error)
    np.abs(error, out=error)
    if error.dtype == np.float64:
        error **= ERROR_POWER
    else:
        with np.errstate(divide="ignore"):
            np.log2(error, out=error)
        error *= ERROR_POWER
        np.exp2(error, out=error)  # half the time of a power
    return np.asarray(error.mean(axis=1), np.float64)


def entropy_range(observer: Observer) -> tuple[float, float]:
    """Return the range whose int8 histogram diverges least from the observed one (Migacz, TensorRT, GTC 2017).

    Values outside count at the ends of the range, so that clipping them costs.
    """
    low, high = _with_zero(observer)
    if high == low:
        return low, high
    counts, edges = np.histogram(observer.sample.astype(np.float64), BINS, (low, high))
    best, chosen = np.inf, (low, high)
    for a, b in _shrunken(low, high):
        first, last = np.searchsorted(edges, (low * a, high * b), "right") - 1
        last = min(int(last) + 1, BINS)
        if last - first >= LEVELS and (found := _divergence(counts, int(first), last)) < best:
            best, chosen = found, (low * a, high * b)
    return chosen


def _divergence(counts: NDArray[np.intp], first: int, last: int) -> float:
    """Kullback-Leibler, of the clipped histogram from the same in `LEVELS` steps."""
    inside = counts[first:last]
    clipped = inside.astype(np.float64)
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last:].sum()
    level = np.arange(len(inside)) * LEVELS // len(inside)
    used = np.bincount(level, inside > 0)
    spread = np.bincount(level, inside) / np.maximum(used, 1)
    coarse = np.where(inside > 0, spread[level], 0.0)
    seen = clipped > 0
    p, q = clipped[seen] / clipped.sum(), coarse[seen] / max(coarse.sum(), 1.0)
    return float(np.sum(p * np.log(p / np.maximum(q, 1e-9))))


def _with_zero(observer: Observer) -> tuple[float, float]:
    low, high = minmax_range(observer)
    return min(low, 0.0), max(high, 0.0)


def _shrunken(low: float, high: float) -> list[tuple[float, float]]:
    """Factors on both ends of a range: together, and each alone where both are there."""
    sides = [(k, k) for k in SHRINK_STEPS]
    if low < 0 < high:
        sides += [(k, 1.0) for k in SHRINK_STEPS] + [(1.0, k) for k in SHRINK_STEPS]
    return sides


def range_of(observer: Observer, recipe: Recipe) -> tuple[float, float]:
    """Return the range of one tensor by the recipe's rule and margin; by `PLAIN_RULE` where the rule is open."""
    low, high = observer.range(PLAIN_RULE if recipe.observer == MEASURED else recipe.observer)
    return low * recipe.range_margin, high * recipe.range_margin


OBSERVERS: dict[str, Callable[[Observer], tuple[float, float]]] = {
    "minmax": minmax_range,
    "percentile99.9": partial(percentile_range, percent=99.9),
    "percentile": partial(percentile_range, percent=99.99),
    "percentile99.999": partial(percentile_range, percent=99.999),
    "mse": mse_range,
    "entropy": entropy_range,
}
