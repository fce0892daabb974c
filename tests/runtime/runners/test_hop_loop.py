"""Hops in a loop of C are those of one call each."""

import numpy as np
import pytest
import tiny_build
from tiny_build import HOP, needs_cc

from edgekit.base.errors import CheckFailed
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.hop_loop import BLOCK, run_clip

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


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_hops_of_equal_input_run_until_their_states_repeat(
    runner: NativeRunner, level: float
) -> None:
    noise = np.random.default_rng(0).standard_normal((20, 1, HOP)).astype(np.float32)
    hops = np.concatenate([np.full((8 * BLOCK - 12, 1, HOP), level, np.float32), noise])
    outputs, times_us = run_clip(runner, tiny_build.manifest(), {"pcm": hops}, repeats=True)
    np.testing.assert_array_equal(outputs["pcm_out"].ravel(), tiny_build.expected(hops.ravel()))
    first = 2 if level else 1  # block that begins with the state of an earlier one
    assert not times_us[first * BLOCK : 7 * BLOCK].any() and times_us[: first * BLOCK].any()


@pytest.mark.parametrize("noisy", [0, 1, 70])
def test_hops_of_other_input_all_run(runner: NativeRunner, noisy: int) -> None:
    hops = np.zeros((3 * BLOCK, 1, HOP), np.float32)
    hops[noisy] = 0.5
    outputs, _ = run_clip(runner, tiny_build.manifest(), {"pcm": hops}, repeats=True)
    np.testing.assert_array_equal(outputs["pcm_out"].ravel(), tiny_build.expected(hops.ravel()))


@pytest.mark.parametrize("still", [False, True])
def test_states_return_at_branches(runner: NativeRunner, still: bool) -> None:
    hops = np.random.default_rng(0).standard_normal((30 + 4 * BLOCK, 1, HOP)).astype(np.float32)
    if still:
        hops[20 : 20 + 3 * BLOCK] = 0.25
    branches = (25 + 3 * BLOCK, 30 + 3 * BLOCK, 50 + 3 * BLOCK)
    given = {"pcm": hops}
    outputs, _ = run_clip(runner, tiny_build.manifest(), given, repeats=True, branches=branches)
    for first, last in ((0, branches[1]), branches[1:], (branches[2], len(hops))):
        before = hops[: branches[0] if first else 0]
        wanted = tiny_build.expected(np.concatenate([before, hops[first:last]]).ravel())
        found = outputs["pcm_out"][first:last].ravel()
        np.testing.assert_array_equal(found, wanted[-len(found) :])
