"""C builds in this process: states, sources and functions that do not fit."""

from pathlib import Path

import numpy as np
import pytest
import tiny_build
from tiny_build import HOP, needs_cc

from edgekit.base.errors import CheckFailed, ToolError, UsageError
from edgekit.runtime.stream import Stream

pytestmark = needs_cc


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_build.write(tmp_path_factory.mktemp("build"))


def noise(hops: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((hops, 1, HOP)).astype(np.float32)


def test_two_instances_do_not_disturb_each_other(build: Path) -> None:
    first, second = Stream.open(build), Stream.open(build)
    a, b = noise(20, 1), noise(20, 2)
    outs = [
        (first.process({"pcm": x}), second.process({"pcm": y})) for x, y in zip(a, b, strict=True)
    ]
    for data, index in ((a, 0), (b, 1)):
        got = np.stack([pair[index]["pcm_out"] for pair in outs])
        np.testing.assert_array_equal(got.ravel(), tiny_build.expected(data.ravel()))


def test_a_process_function_that_fails_is_reported(build: Path) -> None:
    with pytest.raises(CheckFailed, match="returned 7"):
        Stream.open(build).process({"pcm": np.full((1, HOP), 2e30, np.float32)})


def test_a_state_that_the_build_refuses_is_reported(tmp_path: Path) -> None:
    memory = {**tiny_build.manifest().memory, "state_bytes": 3}
    with pytest.raises(UsageError, match="state of 3 bytes"):
        Stream.open(tiny_build.write(tmp_path, memory=memory))


def test_sources_that_do_not_fit_the_manifest_are_reported(tmp_path: Path) -> None:
    tiny_build.write(tmp_path)
    tiny_build.edit(tmp_path, "source.name", "other")
    with pytest.raises(UsageError, match="define no other_process"):
        Stream.open(tmp_path)


def test_a_compile_error_shows_the_command_and_the_message(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="-std=c99") as error:
        Stream.open(tiny_build.write(tmp_path, source="int broken("))
    assert "leaky.c" in str(error.value) and "error" in str(error.value)
