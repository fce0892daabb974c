"""The loops that data movement becomes pass through exactly the indices that it was made from."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.targets.c.loops.walks import Walk, walk


def visited(path: Walk, operand: int) -> list[int]:
    """The indices of one operand, loop by loop."""
    counts = [range(count) for count, _ in path.loops]
    steps = [step[operand] for _, step in path.loops]
    return [
        path.starts[operand]
        + sum(i * s if isinstance(s, int) else int(s[i]) for i, s in zip(at, steps, strict=True))
        for at in itertools.product(*counts)
    ]


@st.composite
def lists(draw: st.DrawFn) -> list[NDArray[np.int64]]:
    """Two lists: anything, or a transposed, repeated or cut grid."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    grid = np.arange(np.prod(shape)).reshape(shape)
    grid = grid.transpose(random.permutation(grid.ndim))
    if draw(st.booleans()):
        axis = int(random.integers(grid.ndim))
        grid = np.take(grid, random.integers(0, grid.shape[axis], 3), axis=axis)
    if draw(st.booleans()):
        grid = np.repeat(grid, 2, axis=int(random.integers(grid.ndim)))
    source = grid.ravel() if draw(st.booleans()) else random.integers(0, 9, grid.size)
    target = np.arange(grid.size) if draw(st.booleans()) else random.permutation(grid.size)
    return [source.astype(np.int64), target.astype(np.int64)]


@given(lists())
def test_a_walk_visits_its_lists(pair: list[NDArray[np.int64]]) -> None:
    path = walk(pair)
    for operand, items in enumerate(pair):
        assert visited(path, operand) == items.tolist()


def test_strides_need_no_table() -> None:
    grid = np.arange(2 * 6 * 8).reshape(2, 3, 2, 4, 2).transpose(0, 2, 4, 1, 3).ravel()
    path = walk([grid, np.arange(grid.size)])
    assert all(isinstance(step, int) for _, steps in path.loops for step in steps)


def test_one_axis_is_one_short_table() -> None:
    grid = np.arange(4 * 5 * 6).reshape(4, 5, 6)[:, [3, 0, 4]].ravel()
    path = walk([grid, np.arange(grid.size)])
    tables = [s for _, steps in path.loops for s in steps if not isinstance(s, int)]
    assert [table.tolist() for table in tables] == [[0, -18, 6]]
