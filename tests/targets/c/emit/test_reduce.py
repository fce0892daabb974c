"""The C of reductions has the bits of a loop in row-major order."""

from pathlib import Path

import numpy as np
import pytest
from builds import lowered, replay
from c_kernels import needs_cc
from operator_cases import case, f, i64
from operator_models import imported

from edgekit.runtime.runners.toolchain import NATIVE


@needs_cc
@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMin"])
def test_long_extremes_keep_the_order_of_zeros_and_nan(tmp_path: Path, op: str) -> None:
    random, sign = np.random.default_rng(0), 1 if op == "ReduceMax" else -1
    zeros = random.choice(np.array([0.0, -0.0], np.float32), (9, 150))
    x = np.concatenate([random.standard_normal((9, 150)), -sign * np.abs(zeros), zeros])
    x[9:18, ::7] = zeros[:, ::7]
    x[::3, 11::31], x[1::9] = np.nan, -sign * np.inf
    build = lowered(imported(case(op.lower(), op, f(1, 150), i64(1)), "extreme"), tmp_path)
    (found,) = replay(build, tmp_path, {"x0": x.astype(np.float32)[:, None]}, ("-O3", *NATIVE))
    for row, result in zip(x.astype(np.float32), found.ravel(), strict=True):
        expected = np.float32(-sign * np.inf)
        for value in row:
            better = expected > value if sign > 0 else expected < value
            expected = expected if better or np.isnan(expected) else value
        assert np.isnan([expected, result]).all() or expected.tobytes() == result.tobytes()
