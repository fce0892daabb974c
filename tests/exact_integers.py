"""Exact rational numbers that integer arithmetic is held to, at the corners of the ranges."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
from hypothesis import strategies as st

HALF = Fraction(1, 2)


CORNERS = {"s8": (-128, -127, -1, 0, 1, 127), "s16": (-32768, -32767, -1, 0, 1, 32767)}


RANGES = {"s8": (-128, 127), "s16": (-32768, 32767)}


DTYPES = {"s8": np.int8, "s16": np.int16}


WIDTHS = (("s8", "s8"), ("s16", "s16"), ("s16", "s8"))


WORD = st.integers(-32768, 32767)


ZEROS = {"s8": (-128, 0, 127), "s16": (0,)}


def rounded(value: Fraction, zero: int, limits: tuple[int, int]) -> int:
    """Half up, plus the zero point, saturating."""
    return min(max(floor(value + HALF) + zero, limits[0]), limits[1])


def corners(x: str, y: str, count: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Every combination of `count` corner values of x with its zero points and those of y."""
    for values in product(CORNERS[x], repeat=count):
        for x_zero, y_zero in product(ZEROS[x], ZEROS[y]):
            yield values, x_zero, y_zero
