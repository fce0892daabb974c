"""Clips left out of a calibration: the ranges without them.

A calibration is observed once, in parts: its clips, or quarters of a single one. The ranges without some parts are
those of all others. So a network of the same recipe can be tested on parts that did not calibrate it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.quantize.calibrate.observers import Observer

Clip = Mapping[str, Array]
QUARTERS = 4
LEAST_FOR_HALVES = 6  # parts: three others then show ranges
KEPT_VALUES = 16_384  # of each tensor, over all parts
SEED = 0
NO_REST = Observer()


@dataclass(frozen=True)
class Part:
    """The hops from `first` up to `last` of a clip."""

    clip: int
    first: int
    last: int

    @property
    def hops(self) -> int:
        """The number of its hops."""
        return self.last - self.first

    def cut(self, clips: Sequence[Clip], constants: Sequence[str], most: int | None = None) -> Clip:
        """Return the part as a clip, `most` hops of it at most; session constants stay whole."""
        last = self.last if most is None else min(self.last, self.first + most)
        whole = clips[self.clip].items()
        return {n: a if n in constants else a[self.first : last] for n, a in whole}


class Parts:
    """The parts of a calibration, the folds in which they are left out, and the observations of each.

    Attributes:
        parts: the clips, or the quarters of a single one.
        judging: the numbers of the parts that may be judged on: all but silent clips, where there are others.
        folds: the numbers of the parts that are left out together, one fold after the other: both halves of six or
            more, so that each is judged on once; else two quarters; of fewer than four, the first and the last.
        rests: the observers that hold each tensor in silence, which is left out of no fold.
    """

    def __init__(self, hops: Sequence[int], silent: AbstractSet[int] = frozenset()) -> None:
        """Store the number of hops of each clip; a single clip has at least `QUARTERS`.

        The clips of the numbers in `silent` show ranges, and are not judged on.
        """
        self.parts = _parts(hops)
        sounding = tuple(n for n, part in enumerate(self.parts) if part.clip not in silent)
        self.judging = sounding or tuple(range(len(self.parts)))
        self.folds = _folds(self.judging)
        self._random = np.random.default_rng(SEED)
        self._total = sum(hops)
        self._seen: list[dict[str, list[Float32]]] = [{} for _ in self.parts]
        self._totals: list[dict[str, Float64]] = [{} for _ in self.parts]
        self._hops = [0 for _ in self.parts]
        self._ends: list[dict[str, list[Float32]]] = [{} for _ in self.parts]
        self._peaks: list[dict[str, float]] = [{} for _ in self.parts]  # of clips as they are
        self.rests: dict[str, Observer] = {}

    def keep_rests(self, observers: Mapping[str, Observer]) -> None:
        """Keep what observers of the whole calibration hold in silence and in sound after it, by tensor."""
        self.rests = {name: observer.of_rest() for name, observer in observers.items()}

    def see(self, clip: int, first: int, arrays: Mapping[str, Float32], is_copy: bool) -> None:
        """Observe the hops of a clip from `first` on, (hops, ...) of each tensor: the ends and a few of the others.

        Copies of a clip count only for ranges: the noise at their start is in no recording.
        """
        for number, part in enumerate(self.parts):
            if part.clip != clip:
                continue
            seen, totals, peaks = self._seen[number], self._totals[number], self._peaks[number]
            inside = slice(max(part.first - first, 0), max(part.last - first, 0))
            self._hops[number] += len(next(iter(arrays.values()))[inside])
            for name, array in arrays.items():
                hops = array[inside]
                totals[name] = totals.get(name, 0.0) + hops.sum(axis=0, dtype=np.float64)
                flat = hops.ravel()
                ends = _ends(flat)
                if not np.isfinite(ends).all():
                    flat = flat[np.isfinite(flat)]
                    ends = _ends(flat)
                if flat.size and not is_copy:
                    peaks[name] = max(peaks.get(name, 0.0), float(np.abs(ends).max()))
                if flat.size:
                    count = -(-KEPT_VALUES * len(hops) // self._total)
                    picked = flat[self._random.integers(0, flat.size, count)]
                    kept = picked if count < flat.size else flat
                    seen.setdefault(name, []).append(kept)
                    self._ends[number].setdefault(name, []).append(ends)

    def without(self, fold: Sequence[int], names: Sequence[str]) -> dict[str, Observer]:
        """Return observers of these tensors without the parts of a fold."""
        kept = [part for part in range(len(self.parts)) if part not in fold]
        hops = sum(self._hops[part] for part in kept)
        return {name: replace(self._observer_of(name, kept), hops=hops) for name in names}

    def _observer_of(self, name: str, parts: Sequence[int]) -> Observer:
        """Return an observer of a tensor in some parts, that does not know their number of hops."""
        seen = [array for part in parts for array in self._seen[part].get(name, ())]
        ends = [array for part in parts for array in self._ends[part].get(name, ())]
        totals = [self._totals[part][name] for part in parts if name in self._totals[part]]
        rest = self.rests.get(name, NO_REST)
        return replace(
            _observer(seen, ends),
            total=np.sum(totals, axis=0) if totals else None,
            rest=rest.rest,
            rest_ends=rest.rest_ends,
            start=rest.start,
            onset=rest.onset,
        )

    def beyond(self, margin_db: float) -> float:
        """Return the share of tensors, over all parts, whose peak exceeds that of all other parts by the margin.

        Copies of clips do not count. Of N similar parts each has the largest peak once in N times. So at 0 dB the share
        is that of tensors on which one more part would exceed N - 1 parts.
        """
        names = sorted({name for part in self._peaks for name in part})
        peaks = np.array([[part.get(name, 0.0) for name in names] for part in self._peaks])
        if peaks.size == 0 or len(peaks) < 2:
            return 0.0
        others = np.stack(
            [np.delete(peaks, part, axis=0).max(axis=0) for part in range(len(peaks))]
        )
        return float(np.mean(peaks > 10 ** (margin_db / 20) * others))

    def clips_without(
        self, fold: Sequence[int], clips: Sequence[Clip], constants: Sequence[str]
    ) -> tuple[Clip, ...]:
        """Return the parts that are not in a fold, each as a clip."""
        kept = (part for number, part in enumerate(self.parts) if number not in fold)
        return tuple(part.cut(clips, constants) for part in kept)


def spread_parts(numbers: Sequence[int], length: int, hops: int, fewest: int) -> tuple[int, ...]:
    """Return the parts to run where all together may run so many hops, from all over a calibration.

    Many parts cut short would show starts alone, where states are fresh. So a part runs for a `fewest`th of the hops at
    least, or whole if its `length` is less, and other parts are left out.
    """
    each = max(min(length, hops // fewest), 1)
    count = min(max(hops // each, 1), len(numbers))
    return tuple(numbers[place * len(numbers) // count] for place in range(count))


def _parts(hops: Sequence[int]) -> tuple[Part, ...]:
    """Return a part for each clip; of a single clip its quarters."""
    if len(hops) != 1:
        return tuple(Part(clip, 0, count) for clip, count in enumerate(hops))
    ends = [hops[0] * k // QUARTERS for k in range(QUARTERS + 1)]
    return tuple(Part(0, *pair) for pair in pairwise(ends))


def _folds(judging: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the folds of the parts that may be judged on, see `Parts`."""
    if len(judging) >= LEAST_FOR_HALVES:
        return judging[::2], judging[1::2]
    if len(judging) >= QUARTERS:
        return judging[1::QUARTERS], judging[3::QUARTERS]
    return judging[:1], judging[-1:]


def _ends(flat: Float32) -> Float32:
    """Return the smallest and the largest value; of none neither."""
    return np.array([flat.min(), flat.max()] if flat.size else [], np.float32)


def _observer(arrays: Sequence[Float32], ends: Sequence[Float32]) -> Observer:
    """Return an observer of a sample and of all ends, which are no part of it: percentiles are of a uniform sample."""
    if not arrays:
        return Observer()
    both = np.concatenate(ends)
    return Observer(float(both.min()), float(both.max()), np.concatenate(arrays))
