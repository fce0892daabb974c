"""Groups of channels whose factors depend on one another: one is a power of the other, a square or a root.

Channels have numbers. The logarithm of a channel's factor is its degree times that of the channel which represents its
group. So a square has twice the degree of its operand, and a magnitude the degree of both its parts.
"""

import math

import numpy as np

from edgekit.base.arrays import Float64, Int32

Numbers = Int32
ZERO, FIXED = 0, 1  # of elements that are always 0, and of those that keep their scale


class ScaleGroups:
    """Disjoint sets of numbers (Tarjan, 1975), with a degree for each number in its set."""

    def __init__(self) -> None:
        """Begin with `ZERO` and `FIXED`."""
        self._parent = [ZERO, FIXED]
        self._degree = [1.0, 1.0]  # relative to the parent
        self._roots: tuple[Numbers, Float64] | None = None  # until more are made or joined

    def __len__(self) -> int:
        """Return the count of numbers."""
        return len(self._parent)

    def find(self, numbers: Numbers) -> Numbers:
        """Replace numbers by the representative of their group."""
        return np.asarray(self._representatives()[0][numbers], np.int32)

    def degrees(self, numbers: Numbers) -> Float64:
        """Return the degrees of numbers relative to their representatives."""
        return np.asarray(self._representatives()[1][numbers])

    def logarithms(self, roots: Float64, numbers: Numbers) -> Float64:
        """Return the logarithms of the numbers' factors; `roots` has those of representatives."""
        return np.asarray(self.degrees(numbers) * roots[self.find(numbers)])

    def add(self, shape: tuple[int, ...]) -> Numbers:
        """Return new numbers, each in a group of its own."""
        first, size = len(self), math.prod(shape)
        self._parent.extend(range(first, first + size))
        self._degree.extend([1.0] * size)
        self._roots = None
        return np.arange(first, first + size, dtype=np.int32).reshape(shape)

    def power(self, numbers: Numbers, exponent: float) -> Numbers:
        """Return the numbers of powers of elements with these numbers."""
        known, places = np.unique(numbers, return_inverse=True)
        raised = known.astype(np.int32)
        scaled = np.flatnonzero(known > FIXED)
        raised[scaled] = self.add((len(scaled),))
        for number, below in zip(raised[scaled].tolist(), known[scaled].tolist(), strict=True):
            self._parent[number], self._degree[number] = below, exponent
        return raised[places].reshape(numbers.shape)

    def product(self, a: Numbers, b: Numbers) -> Numbers | None:
        """Return the numbers of products of two elements; None if their factors are independent somewhere."""
        a, b = np.broadcast_arrays(a, b)
        first, second = self.find(a), self.find(b)
        zero = (first == ZERO) | (second == ZERO)
        alone = (second == FIXED) | (first == FIXED)
        both = ~zero & ~alone
        if np.any(first[both] != second[both]):
            return None
        result = np.where(second == FIXED, a, b).astype(np.int32)
        result[zero] = ZERO
        exponents = 1 + self.degrees(b[both]) / self.degrees(a[both])
        for exponent in np.unique(exponents).tolist():
            places = both.copy()
            places[both] = exponents == exponent
            result[places] = self.power(a[places], exponent)
        return result

    def join(self, a: Numbers, b: Numbers) -> None:
        """Give a and b, element by element, the same factors; elements that are 0 bind nothing."""
        a, b = np.broadcast_arrays(a, b)
        pairs = np.stack([a.ravel(), b.ravel()])[:, ((a != b) & (a > ZERO) & (b > ZERO)).ravel()]
        for first, second in np.unique(pairs, axis=1).T.tolist():
            self._join_two(first, second)
        self._roots = None

    def _join_two(self, first: int, second: int) -> None:
        (low, degree), (high, other) = sorted((self._root(first), self._root(second)))
        if low != high:
            self._parent[high], self._degree[high] = low, degree / other
        elif not math.isclose(degree, other):  # s^2 = s: only 1 is both
            self._parent[high], self._degree[high] = FIXED, 1.0

    def _root(self, number: int) -> tuple[int, float]:
        """Return the representative of a number, and its degree there."""
        degree = 1.0
        while (above := self._parent[number]) != number:
            self._degree[number] *= self._degree[above] if self._parent[above] != above else 1.0
            self._parent[number] = self._parent[above]
            degree *= self._degree[number]
            number = self._parent[number]
        return number, degree

    def _representatives(self) -> tuple[Numbers, Float64]:
        """Return the representative of every number, and its degree there."""
        if self._roots is None:
            parent, degree = np.array(self._parent, np.int32), np.array(self._degree)
            degree[parent == np.arange(len(parent))] = 1.0
            while not np.array_equal(parent, parent[parent]):
                degree *= np.where(parent == parent[parent], 1.0, degree[parent])
                parent = parent[parent]
            self._roots = parent, degree
        return self._roots
