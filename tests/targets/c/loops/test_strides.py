"""Loops over strides visit the elements that numpy's indexing visits, with the fewest loops."""

from itertools import product
from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.c.loops.strides import broadcast, contiguous, index, merge, nest

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(SHAPES, st.data())
def test_loops_visit_every_element_where_it_is(shape: list[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    array = np.arange(prod(shape)).reshape(shape).transpose(order)
    strides = tuple(contiguous(shape)[axis] for axis in order)
    loops = merge(array.shape, [strides, contiguous(array.shape)])
    counts = [range(count) for count, _ in loops]
    for at in product(*counts):
        source, target = (
            sum(i * s[k] for i, (_, s) in zip(at, loops, strict=True)) for k in (0, 1)
        )
        assert array.ravel()[target] == source


def test_axes_that_all_operands_walk_as_one_are_one_loop() -> None:
    assert merge((2, 1, 3), [(3, 3, 1), (6, 6, 2)]) == [(6, (1, 2))]
    assert len(merge((2, 3), [(1, 2), (3, 1)])) == 2


@given(SHAPES)
def test_a_repeated_operand_is_read_as_numpy_broadcasts_it(shape: list[int]) -> None:
    full = [2, *(3 if extent == 1 else extent for extent in shape)]
    array = np.broadcast_to(np.arange(prod(shape)).reshape(shape), full)
    steps = broadcast(shape, full)
    for at in np.ndindex(*full):
        assert array[at] == sum(i * step for i, step in zip(at, steps, strict=True))


def test_c_of_a_nest_has_a_loop_for_each_level() -> None:
    loops = merge((2, 3), [(1, 2), (3, 1)])
    assert index(loops, 0, 7) == "i0 + i1 * 2 + 7" and index(loops, 1, -2) == "i0 * 3 + i1 - 2"
    assert nest(loops, ["f();"]) == [
        "for (int32_t i0 = 0; i0 < 2; i0++) {",
        "    for (int32_t i1 = 0; i1 < 3; i1++) {",
        "        f();",
        "    }",
        "}",
    ]
    assert nest([], ["f();"]) == ["f();"]
