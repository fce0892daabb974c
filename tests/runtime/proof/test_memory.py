"""Every byte that is read holds what the graph says, and lies where it should."""

import numpy as np
import pytest
from proof_programs import findings

from edgekit.runtime.proof.memory import BYTE, constant_bytes, indices_of_move

TO_SCRATCH = "ek_tanh_f32(v_x, (float *)(void *)(s + {}), 4);"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("memcpy(v_y, s, 16);", "bytes 0..16 of scratch are read, but hold nothing"),
        ("memcpy(v_y, st, 16);", "bytes 0..16 of state are read, but hold nothing"),
        ("ek_tanh_f32(v_x, v_x, 4);", "in->x is written"),
        ("ek_tanh_f32(v_x, v_y, 3);", "'x' is not read as a whole"),
        (TO_SCRATCH.format(2), "byte 2 of scratch is no place for float"),
        (TO_SCRATCH.format(20), "bytes 20..36 of scratch, which has 32"),
        (TO_SCRATCH.format(0), "bytes 0..16 of out->y are read, but hold nothing"),
    ],
)
def test_a_byte_that_holds_something_else_is_found(body: str, found: str) -> None:
    assert found in findings(body)


def test_a_part_of_x_in_a_place_that_is_not_its_own_is_found() -> None:
    same = [["y", 0, "x", 0, 16]]
    assert not findings("memcpy(v_y, v_x, 16);", same=same)
    assert "hold 'x' and nothing" in findings("memcpy(v_y, v_x + 1, 12);", same=same)


def test_indices_of_a_movement_are_those_of_a_transpose() -> None:
    move = {"starts": [0, 0], "loops": [[3, 1, 2], [2, [0, 3], 1]]}
    x, y = np.arange(6), np.empty(6, int)
    y[indices_of_move(move, 1)] = x[indices_of_move(move, 0)]
    assert y.tolist() == np.arange(6).reshape(2, 3).T.ravel().tolist()


@pytest.mark.parametrize(("value", "item"), [(-2, 1), (-2, 4), (65535, 2)])
def test_bytes_of_a_constant_are_those_of_memory(value: int, item: int) -> None:
    data = np.array([value & (256**item - 1)], f"<u{item}").view(np.uint8)
    assert (constant_bytes(value, item) - BYTE).tolist() == data.tolist()
