"""Systematic calls of kernels: each size in turn takes the values near its least, and shapes fill or cut each room.

Arrays lie between pages that nobody may touch: an access outside of an array ends the process.
"""

import ctypes
import mmap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, product

import numpy as np
from c_kernels import Argument, Call, check_near, contract_parameters, ways
from kernel_cases import (
    CASES,
    CUT,
    FULL,
    NARROW,
    PAIRS,
    PATCHES,
    POINTS,
    RUNS,
    SPREAD,
    STEMS,
    TRANSPOSED,
    conv,
    conv_f32,
)
from numpy.typing import NDArray

from edgekit.operators.geometry import ConvShape
from edgekit.runtime.proof.syntax import ITEMS

VALUES = range(17)  # above the least, of a size in turn: a vector of 16 lanes, and one more
FEW = (0, 1, 2, 4, 7, 8, 15, 16)  # what `make test` takes of them: next to tiles of 4, 8 and 16
OTHERS = 12  # above the least, of the sizes that are drawn meanwhile
LEAST_VALUE = 1 << 16  # numbers that reach it are no sizes


class SizeInTurn:
    """Numbers from a seed near their least, but for those at `places`: they lie as far above it as is said there.

    What is no size, as a zero point or a multiplier, lies at an end of its range or between.
    """

    def __init__(self, seed: int, places: Mapping[int, int], others: int = OTHERS) -> None:
        self.generator = np.random.default_rng(seed)
        self.places, self.others, self.count, self.is_beyond = places, others, 0, False

    def int(self, low: int, high: int) -> int:
        at, self.count = self.count, self.count + 1
        if low < 0 or high >= LEAST_VALUE:
            return int(self.generator.choice([low, high, self.generator.integers(low, high)]))
        drawn = int(self.generator.integers(low, min(high, low + self.others), endpoint=True))
        if at not in self.places:
            return drawn
        self.is_beyond |= low + self.places[at] > high
        return min(low + self.places[at], high)

    def rng(self) -> np.random.Generator:
        return self.generator


def remainder_calls(
    kernel: str, seed: int, values: Sequence[int] = VALUES, others: int = OTHERS
) -> Iterator[Call]:
    """Each number of a case lies in turn by each of `values` above its least; the others are those of a seed."""
    first = SizeInTurn(seed, {}, others)
    yield CASES[kernel](first)
    for at, above in product(range(first.count), values):
        draw = SizeInTurn(seed, {at: above}, others)
        call = CASES[kernel](draw)
        if not draw.is_beyond:
            yield call


def window_shapes(transposed: bool) -> Iterator[ConvShape]:
    """Kernels of 1 to 5 columns with every stride, dilation and padding; small pointwise ones."""
    grid = product(range(1, 6), range(1, 4), range(1, 4), range(3), (1, 2))
    for k, stride, dilation, pad, groups in grid:
        wide = 4 * stride + (k - 1) * dilation + 1 - pad
        sizes = (
            (groups, 2, 5, 2 * groups, 3, wide)
            if transposed
            else (groups, 3, wide, 2 * groups, 2, 5)
        )
        yield ConvShape(*sizes, 2, k, 1, stride, 1, dilation, 0, pad, groups)
    for inputs, outputs, positions in product((1, 2, 5), (1, 2, 5, 9), range(1, 10)):
        sizes = inputs, 1, positions, outputs, 1, positions
        yield ConvShape(*sizes, 1, 1, 1, 1, 1, 1, 0, 0, 1)


def room_calls(kernel: str) -> Iterator[Call]:
    """Windows of every form; shapes that fill what kernels have room for, or are cut there."""
    transposed = "transpose" in kernel
    if (
        not kernel.startswith(("ek_conv_s", "ek_conv_f32", "ek_conv_transpose"))
        or "sparse" in kernel
    ):
        return
    if kernel.endswith("f32"):
        build, whole = conv_f32, SPREAD if transposed else CUT
    else:
        build, whole = (
            conv,
            (*TRANSPOSED, *RUNS)
            if transposed
            else (*FULL, *CUT, *STEMS, *NARROW, *PAIRS, *POINTS, *PATCHES),
        )
    for shape in chain(whole, window_shapes(transposed)):
        yield build(kernel, shape)(SizeInTurn(shape.in_w, {}))


def by_folders(calls: Iterator[Call], folders: Sequence[str]) -> Iterator[Call]:
    """The calls in every way in which the kernels of some folders compute them."""
    for call in calls:
        yield from ways(call, folders)


@cache
def _protect() -> "ctypes._NamedFuncPointer":
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return protect


class Fence:
    """Memory between two pages that nobody may touch."""

    def __init__(self, size: int) -> None:
        self.block = mmap.mmap(-1, (-(-size // mmap.PAGESIZE) + 2) * mmap.PAGESIZE)
        self.room = len(self.block) - 2 * mmap.PAGESIZE
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.block))
        for page in (start, start + len(self.block) - mmap.PAGESIZE):
            assert _protect()(page, mmap.PAGESIZE, 0) == 0

    def copy_of(
        self, array: NDArray[np.generic], at_end: bool, item: int = 1
    ) -> NDArray[np.generic]:
        """The array, at the end of the memory or at its begin, aligned for elements of so many bytes."""
        first = mmap.PAGESIZE + (self.room - array.nbytes if at_end else 0)
        first -= first % item
        copy = np.frombuffer(self.block, array.dtype, array.size, first).reshape(array.shape)
        copy[...] = array
        return copy


class Fences:
    """A fence for each argument of a call, which later calls use again."""

    def __init__(self) -> None:
        self.of: dict[int, Fence] = {}

    def run(self, library: ctypes.CDLL, call: Call, at_end: bool) -> list[Argument]:
        """Return the arguments as a call leaves them that has its arrays between pages which nobody may touch."""
        args: list[Argument] = []
        kinds = [kind.rstrip("*") for _, kind, _ in contract_parameters()[call.kernel]]
        for i, (argument, kind) in enumerate(zip(call.args, kinds, strict=True)):
            if not isinstance(argument, np.ndarray):
                args.append(argument)
                continue
            if i not in self.of or self.of[i].room < argument.nbytes:
                self.of[i] = Fence(max(argument.nbytes, 1 << 16))
            args.append(self.of[i].copy_of(argument, at_end, ITEMS.get(kind, 1)))
        pointers = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in args]
        getattr(library, call.kernel)(*pointers)
        return args

    def check(self, library: ctypes.CDLL, call: Call, where: str) -> None:
        """Assert that a call computes what it should, with its arrays at both ends of their fences."""
        for at_end in (True, False):
            check_near(call, self.run(library, call, at_end), where)
