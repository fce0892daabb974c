"""Numbers as the check knows them: exactly, over all iterations of loops, or between bounds; and pointers."""

from collections.abc import Callable
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Value = Any  # an int, integers over loops, a `Span`, a `Pointer`, or None: a float
Facts = dict[str, Value]  # of proof.json


class Span(NamedTuple):
    """An integer that data decides, between two bounds; both may be arrays over the loops around it.

    It is `low` and a multiple of `step`.
    """

    low: Value
    high: Value
    step: int = 1


class Pointer(NamedTuple):
    """Bytes `at` of a block (a number, an array over loops, a `Span`), as elements of a type, for a named value.

    `origin` is the first byte of the value; of work space one more than the number in `s + number`.
    """

    block: str
    at: Value
    kind: str
    item: int
    value: str | None = None
    origin: int = 0


WIDE = Span(-(2**61), 2**61)  # what is not known


def bounds(at: Value) -> tuple[int, int]:
    """The smallest and the largest of some places."""
    low, high = span(at)
    if isinstance(low, int) and isinstance(high, int):
        return low, high
    return int(np.min(low)), int(np.max(high))


def overlap(a: Pointer, a_size: int, b: Pointer, b_size: int) -> bool:
    """Whether the stretches of a block overlap in which two lots of runs lie."""
    (a_low, a_high), (b_low, b_high) = bounds(a.at), bounds(b.at)
    return a_low < b_high + b_size and b_low < a_high + a_size


def places(at: Value, size: int) -> Value:
    """An index of all bytes of the runs that begin at some places."""
    if isinstance(at, Span):
        low, high = bounds(at)
        if at.step <= size or np.ndim(at.low):
            return slice(low, high + size)
        return (np.arange(low, high + 1, at.step)[:, None] + np.arange(size)).ravel()
    if isinstance(at, int):
        return slice(at, at + size)
    starts = np.ravel(at)
    if (starts[1:] - starts[:-1] == size).all():  # one run after the other
        return slice(int(starts[0]), int(starts[-1]) + size)
    return (starts[:, None] + np.arange(size)).ravel()


def index_of(at: Value, size: int) -> Value:
    """The same as an array of numbers."""
    return as_numbers(places(at, size))


def as_numbers(at: Value) -> Value:
    """An index as an array of numbers."""
    return np.arange(at.start, at.stop) if isinstance(at, slice) else at


def offset_index(at: Value, origin: int) -> Value:
    """The same index in what begins at a place."""
    return slice(at.start - origin, at.stop - origin) if isinstance(at, slice) else at - origin


def exact(value: Value) -> Value:
    """A single number as an int; anything else as it is."""
    return int(value) if isinstance(value, np.ndarray | np.integer) and value.ndim == 0 else value


def is_one(value: Value) -> bool:
    """Whether it is a single known number."""
    return not isinstance(value, Span) and np.ndim(value) == 0


def is_none(*values: Value) -> bool:
    """Whether one of them is no integer: a float, or a pointer."""
    return any(value is None or isinstance(value, Pointer) for value in values)


def span(value: Value) -> tuple[Value, Value]:
    """The bounds of a number."""
    return (value.low, value.high) if isinstance(value, Span) else (value, value)


def add(a: Value, b: Value) -> Value:
    """The sum."""
    if not isinstance(a, Span) and not isinstance(b, Span):
        return a + b
    (a_low, a_high), (b_low, b_high) = span(a), span(b)
    step = gcd(*(part.step for part in (a, b) if isinstance(part, Span)))
    return _within_wide(np.add(a_low, b_low), np.add(a_high, b_high), step)


def _within_wide(low: Value, high: Value, step: int) -> Span:
    """Bounds of which those beyond `WIDE` are its own, so that no sum of two of them overflows."""
    return Span(np.clip(low, *span(WIDE)), np.clip(high, *span(WIDE)), step)


def times(a: Value, b: Value) -> Value:
    """The product."""
    if not isinstance(a, Span) and not isinstance(b, Span):
        return _exact_product(a, b)
    pairs = [np.broadcast_arrays(x, y) for x in span(a) for y in span(b)]
    sizes = np.array([np.multiply(*pair, dtype=np.float64) for pair in pairs])
    exact = np.array([np.multiply(*pair) for pair in pairs])  # where it does not overflow
    products = np.where(np.abs(sizes) < WIDE.high, exact, np.sign(sizes).astype(int) * WIDE.high)
    step = _step_of_product(a, b) if (np.abs(sizes) < WIDE.high).all() else 1
    return Span(products.min(0), products.max(0), step)


def _step_of_product(a: Value, b: Value) -> int:
    """The step of a product: of a number that data decides and a positive one."""
    pairs = [(x, y) for x, y in ((a, b), (b, a)) if isinstance(x, Span) and isinstance(y, int)]
    return next((x.step * y for x, y in pairs if y > 0), 1)


def _exact_product(a: Value, b: Value) -> Value:
    """The product of known numbers.

    Raises:
        OverflowError: it does not fit into 64 bits.
    """
    sizes = [max(map(abs, bounds(part))) for part in (a, b)]
    if sizes[0] * sizes[1] > WIDE.high:
        raise OverflowError(f"a product of {sizes[0]} and {sizes[1]}")
    return a * b


def quotient(a: Value, b: Value) -> Value:
    """The quotient as of C, towards 0; of known numbers exactly."""
    if isinstance(a, Span) or isinstance(b, Span):
        return WIDE
    if np.any(np.equal(b, 0)):
        raise ZeroDivisionError("division by zero")
    return abs(a) // abs(b) * (1 - 2 * ((a < 0) != (b < 0)))


def remainder(a: Value, b: Value) -> Value:
    """The remainder as of C, with the sign of a; of known numbers exactly."""
    if not isinstance(a, Span) and not isinstance(b, Span):
        return a - b * quotient(a, b)
    if isinstance(b, Span) or np.any(np.less(b, 1)):
        return WIDE
    low = np.where(np.less(a.low, 0), 1 - b, 0)
    return Span(low, np.where(np.less(a.high, 0), 0, b - 1))


def join(a: Value, b: Value) -> Value:
    """Bounds of both."""
    (a_low, a_high), (b_low, b_high) = span(a), span(b)
    parts = [part.step if isinstance(part, Span) else 0 for part in (a, b)]
    step = gcd(*parts, a_low - b_low) if is_one(a_low) and is_one(b_low) else 1
    return Span(np.minimum(a_low, b_low), np.maximum(a_high, b_high), step or 1)


def span_below(value: Value, limit: int) -> Span:
    """The numbers of a range that are less than a limit; one less than its lowest if there are none."""
    low, high = span(value)
    step = value.step if isinstance(value, Span) else 1
    return Span(low, low + (np.minimum(high, limit - 1) - low) // step * step, step)


def at_least(value: Value, limit: int) -> Span:
    """The numbers of a range that are not less than a limit."""
    low, high = span(value)
    step = value.step if isinstance(value, Span) else 1
    return Span(low + -(np.minimum(low - limit, 0) // step) * step, high, step)


def hull(a: Value, b: Value) -> Span:
    """The smallest and the largest of both, over all turns of loops; of no integer `WIDE`."""
    if is_none(a, b):
        return WIDE
    (low, high), (other_low, other_high) = bounds(a), bounds(b)
    return Span(min(low, other_low), max(high, other_high))


LIMITS = {f"uint{bits}_t": Span(0, 2**bits - 1) for bits in (8, 16, 32)}
LIMITS |= {f"int{bits}_t": Span(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32)}
ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "&&": lambda a, b: Span(0, 1) if isinstance(a, Span) or isinstance(b, Span) else a * b,
    "||": lambda a, b: Span(0, 1) if isinstance(a, Span) or isinstance(b, Span) else a | b,
    "+": add,
    "-": lambda a, b: add(a, times(b, -1)),
    "*": times,
    "%": remainder,
    "/": quotient,
}
