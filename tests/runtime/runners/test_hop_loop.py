"""Hops in a loop of C are those of one call each."""

import numpy as np
import pytest
import tiny_build
from tiny_build import HOP, needs_cc

from edgekit.base.errors import CheckFailed
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.hop_loop import run_clip

pytestmark = needs_cc


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> NativeRunner:
    folder = tiny_build.write(tmp_path_factory.mktemp("build"))
    return NativeRunner.open(folder, tiny_build.manifest())


@pytest.mark.parametrize("form", ["as it is", "not in rows", "one hop for all", "float64"])
def test_a_clip_runs_from_the_fresh_state(runner: NativeRunner, form: str) -> None:
    hops = np.random.default_rng(0).standard_normal((20, 1, HOP)).astype(np.float32)
    given = {
        "as it is": hops,
        "not in rows": np.asfortranarray(hops),
        "one hop for all": np.broadcast_to(hops[0], hops.shape),
        "float64": hops.astype(np.float64),
    }[form]
    for _ in range(2):
        outputs, times_us = run_clip(runner, tiny_build.manifest(), {"pcm": given})
        wanted = tiny_build.expected(np.asarray(given, np.float32).ravel())
        np.testing.assert_array_equal(outputs["pcm_out"].ravel(), wanted)
        assert len(times_us) == len(hops) and times_us.min() >= 0


def test_a_process_function_that_fails_is_reported(runner: NativeRunner) -> None:
    loud = np.full((3, 1, HOP), 2e30, np.float32)
    with pytest.raises(CheckFailed, match="returned 7"):
        run_clip(runner, tiny_build.manifest(), {"pcm": loud})
