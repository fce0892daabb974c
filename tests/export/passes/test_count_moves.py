"""Bytes that operators only move are counted before any are saved."""

import numpy as np
import pytest
from pass_networks import parse

from edgekit.export.passes.count_moves import MOVED_BYTES, CountMoves


@pytest.mark.parametrize(
    ("op", "count"),
    [
        ("Transpose <perm = [0, 2, 1]> (x)", 2 * 4 * 24),
        ("Transpose <perm = [1, 0, 2]> (x)", 0),
        ("Reshape (x, dims)", 0),
        ("Concat <axis = 1> (x, x)", 2 * 4 * 48),
        ("Pad (x, pads)", 4 * (24 + 36)),
        ("Neg (x)", 0),
    ],
)
def test_copies_count_twice_fillings_once_and_new_names_nothing(op: str, count: int) -> None:
    model = parse(
        f"(float[1,6,4] x) => (float[a,b,c] y) {{ y = {op} }}",
        dims=np.array([4, 6, 1]),
        pads=np.array([0, 1, 0, 0, 2, 0]),
    )
    CountMoves()(model)
    assert model.metadata_props[MOVED_BYTES] == str(count)
