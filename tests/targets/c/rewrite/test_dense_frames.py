"""Convolutions over frames of a ring as matrices: with a window's blocks they give the convolution."""

import numpy as np
import torch
from one_node import network

from edgekit.targets.c.rewrite.dense_frames import POSITIONS, dense

DRAW = np.random.default_rng(0).standard_normal


def test_a_long_stride_takes_long_blocks() -> None:
    w = DRAW((4, 1, 32)).astype(np.float32)
    model = network("float[1,1,32] x", "float[1,4,1] y", "y = Conv (x, w)", w=w)
    found = dense(next(iter(model.ir.graph)), 2, 10)
    assert found is not None
    matrices, attributes = found
    assert (matrices.first, matrices.step, matrices.count, matrices.frames) == (-8, 10, 4, 10)
    assert attributes[POSITIONS].as_int() == 1
    x = DRAW(32).astype(np.float32)
    window = np.concatenate([np.full(8, np.nan, np.float32), x])  # frames before it are not there
    rows = matrices.rows.reshape(4, -1)
    product = np.where(rows == 0, 0, rows * np.nan_to_num(window)).sum(1)
    exact = torch.conv1d(torch.tensor(x)[None, None], torch.tensor(w)).numpy().ravel()
    np.testing.assert_allclose(product, exact, atol=1e-5)


def test_short_windows_and_groups_stay_convolutions() -> None:
    w = DRAW((4, 1, 16)).astype(np.float32)
    model = network("float[1,1,16] x", "float[1,4,1] y", "y = Conv (x, w)", w=w)
    layer = next(iter(model.ir.graph))
    assert dense(layer, 2, 8) is None  # two hops long: shifting it is as good
    assert dense(layer, 1, 4) is None
