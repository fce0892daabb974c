"""What runners share that carry states themselves."""

from pathlib import Path

import numpy as np
import tiny_build

from edgekit.runtime.runners.runner import StateRunner, misfit


def test_the_end_of_a_stream_is_what_is_missing_of_the_last_hop() -> None:
    stream = {**tiny_build.manifest().stream, "end_state": "end"}
    runner = StateRunner(tiny_build.manifest(stream=stream))
    runner._states["end"] = np.zeros((1, 1), np.int64)
    runner.end(1)
    assert runner._states["end"].tolist() == [[tiny_build.HOP - 1]]


def test_a_build_without_such_a_state_takes_an_end() -> None:
    runner = StateRunner(tiny_build.manifest())
    runner.end(1)
    runner.seed(3)
    assert runner._states == {} and runner.compiler is None


def test_a_misfit_names_the_folder() -> None:
    assert misfit(Path("a/b"), "no file").where == "build 'b'"
