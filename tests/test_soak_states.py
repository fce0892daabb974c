"""A part of `bench/robustness/soak_states.py`: hours of a minute, a state that drifts, a run that goes on."""

from pathlib import Path

import numpy as np
from c_kernels import needs_cc
from level_networks import RATE, leaky
from robustness.soak_states import SoakedNetwork

SOUND = (0.1 * np.random.default_rng(0).standard_normal(60 * RATE)).astype(np.float32)
HOURS = 4


def soaked(pole: float, path: Path) -> SoakedNetwork:
    return SoakedNetwork(leaky(pole), path, SOUND)


@needs_cc
def test_a_state_that_settles_is_equal_in_all_hours(tmp_path: Path) -> None:
    network = soaked(0.9, tmp_path / "progress")
    network.run(HOURS, 600.0)
    rows = network.progress.distances
    assert [row.hour for row in rows] == [3, HOURS]
    assert all(row.is_small and row.equal == 1 for row in rows)


@needs_cc
def test_a_state_that_grows_is_found(tmp_path: Path) -> None:
    network = soaked(1.0, tmp_path / "progress")
    network.run(HOURS, 600.0)
    last = network.progress.distances[-1]
    assert not last.is_small and last.shift[1] == "held" and last.equal == 0


@needs_cc
def test_a_run_goes_on_where_an_earlier_one_stopped(tmp_path: Path) -> None:
    for hours in (1.5, HOURS):
        part = soaked(0.9999, tmp_path / "parts")
        part.run(hours, 600.0)
    whole = soaked(0.9999, tmp_path / "whole")
    whole.run(HOURS, 600.0)
    assert part.progress.distances == whole.progress.distances
    assert np.array_equal(part.runner.state, whole.runner.state)
