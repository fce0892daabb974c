"""Which storage a moved tensor shares with its origins, and the loops that pass through both."""

from itertools import product

import numpy as np
import onnx_ir as ir
from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.c.loops.walks import Walk
from edgekit.targets.c.rewrite.shared_storage import can_shift, shared_storage, short_walks


def value(*shape: int) -> ir.Value:
    return ir.Value(name="x", shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))


def test_a_stretch_of_one_input_is_a_view() -> None:
    assert shared_storage(np.arange(3, 7), [value(2, 4)]).view == (0, 2)


def test_inputs_that_are_whole_in_the_result_are_written_there() -> None:
    numbers = np.array([4, 5, 6, 1, 2, 3])  # the second input, then the first
    found = shared_storage(numbers, [value(3), value(3)])
    assert found.view is None and found.parts == ((0, 3), (1, 0))


def test_a_window_that_moves_on_shifts_in_place() -> None:
    numbers = np.array([3, 4, 5, 6, 7, 8])  # of a state of 6 the last 4, then 2 new elements
    assert shared_storage(numbers, [value(6), value(2)]).shifts == (0,)
    assert can_shift(np.array([2, 3, 4]), np.array([0, 1, 2]))
    assert not can_shift(np.array([0, 2, 1]), np.array([1, 0, 2]))


def visited(path: Walk, at: tuple[int, ...], operand: int) -> int:
    """The index of an operand where the loops of a walk stand at `at`."""
    steps = [each[operand] for _, each in path.loops]
    turns = zip(at, steps, strict=True)
    return path.starts[operand] + sum(
        i * step if isinstance(step, int) else int(step[i]) for i, step in turns
    )


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_walks_of_runs_visit_every_pair_once(turns: int, count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    row = draw.permutation(count * 3)[:count]
    source = (row + np.arange(turns)[:, None] * count * 3).ravel()
    places = np.arange(source.size)
    found = short_walks(source, places)
    assert found is not None
    pairs = [
        (visited(path, at, 0), visited(path, at, 1))
        for path in found
        for at in product(*(range(count) for count, _ in path.loops))
    ]
    assert sorted(pairs) == sorted(zip(source.tolist(), places.tolist(), strict=True))
