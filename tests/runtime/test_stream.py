"""A build as a stream: hops, blocks, inputs that do not fit."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from tiny_build import HOP, needs_cc

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.manifest import Tensor, c_identifier
from edgekit.runtime.stream import Stream

pytestmark = needs_cc


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_build.write(tmp_path_factory.mktemp("build"))


def noise(hops: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((hops, 1, HOP)).astype(np.float32)


def test_run_carries_the_state_from_hop_to_hop(build: Path) -> None:
    stream = Stream.open(build)
    pcm = noise(50)
    out = stream.run({"pcm": pcm})["pcm_out"]
    assert out.shape == (50, 1, HOP) and out.dtype == np.float32
    np.testing.assert_array_equal(out.ravel(), tiny_build.expected(pcm.ravel()))


def test_hop_by_hop_equals_run_and_reset_equals_a_fresh_instance(build: Path) -> None:
    stream, pcm = Stream.open(build), noise(9)
    whole = stream.run({"pcm": pcm})["pcm_out"]
    stream.reset()
    hops = [stream.process({"pcm": hop})["pcm_out"] for hop in pcm]
    np.testing.assert_array_equal(np.stack(hops), whole)
    np.testing.assert_array_equal(Stream.open(build).run({"pcm": pcm})["pcm_out"], whole)


def test_blocks_of_any_length_equal_whole_hops_and_flush_brings_the_rest(build: Path) -> None:
    stream, pcm = Stream.open(build), noise(7).reshape(1, -1)[:, :-1]
    cuts = [0, 1, 1, 3, 11, 12, pcm.shape[1]]
    blocks = [pcm[:, start:end] for start, end in pairwise(cuts)]
    parts = [stream.push({"pcm": block})["pcm_out"] for block in blocks]
    whole = np.concatenate([*parts, stream.flush()["pcm_out"]], axis=1)
    expected = tiny_build.expected(np.append(pcm.ravel(), np.float32(0)))
    np.testing.assert_array_equal(whole.ravel(), expected)
    np.testing.assert_array_equal(stream.clip({"pcm": pcm})["pcm_out"].ravel(), expected[1:])
    assert stream.flush()["pcm_out"].shape == (1, 1)  # of nothing, only the delay


def test_blocks_that_do_not_fit_are_refused(build: Path) -> None:
    stream = Stream.open(build)
    for block, found in (
        (np.zeros((2, 5), np.float32), r"float32 \[2, 5\]; allowed: float32 \[1, any\]"),
        (np.zeros((1, 5)), "float64"),
        (np.zeros(5, np.float32), r"\[5\]"),
    ):
        with pytest.raises(UsageError, match=found):
            stream.push({"pcm": block})


def test_inputs_that_are_not_contiguous_are_read_right(build: Path) -> None:
    pcm = noise(6)
    reversed_view = pcm[:, :, ::-1]
    out = Stream.open(build).run({"pcm": reversed_view})["pcm_out"]
    np.testing.assert_array_equal(out.ravel(), tiny_build.expected(reversed_view.ravel()))


def test_timed_run_gives_one_time_per_hop_and_progress_counts_them(build: Path) -> None:
    seen: list[int] = []
    out, times = Stream.open(build).timed_run({"pcm": noise(5)}, seen.append)
    assert out["pcm_out"].shape == (5, 1, HOP)
    assert times.shape == (5,) and (times > 0).all()
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("shape", [(HOP,), (1, HOP)])
def test_s16_hops_keep_their_shape(build: Path, shape: tuple[int, ...]) -> None:
    pcm = np.array([-32768, 2, 4, 32767], np.int16).reshape(shape)
    out = Stream.open(build).process_s16(pcm)
    assert out.dtype == np.int16 and out.shape == shape
    assert out.ravel().tolist() == [-16384, 1, 2, 16383]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["'pcm': missing"]),
        ({"pcm": noise(3), "gain": noise(3)}, ["'gain': unknown"]),
        ({"pcm": noise(3)[0]}, ["shape [1, 4]", "[hops, 1, 4]"]),
        ({"pcm": np.float32(1)}, ["shape []"]),
        ({"pcm": noise(3).astype(np.float64)}, ["float64", "float32"]),
        ({"mic": noise(3)}, ["'mic': unknown", "'pcm': missing"]),
    ],
)
def test_inputs_that_do_not_fit_are_all_listed(build: Path, inputs: dict, words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        Stream.open(build).run(inputs)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_s16_that_does_not_fit_is_refused(build: Path) -> None:
    stream = Stream.open(build)
    with pytest.raises(UsageError, match="int16"):
        stream.process_s16(np.zeros(HOP, np.float32))
    with pytest.raises(UsageError, match="int16"):
        stream.process_s16(np.zeros(HOP + 1, np.int16))


def test_a_folder_without_a_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        Stream.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"manifest\.json"):
        Stream.open(tmp_path)
    (tmp_path / "manifest.json").write_text(tiny_build.manifest().to_json())
    with pytest.raises(UsageError, match=r"no \.c file"):
        Stream.open(tmp_path)


def test_a_target_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cortex-m4"):
        Stream.open(tiny_build.write(tmp_path, target="cortex-m4"))


def test_tensors_that_no_hop_can_carry_are_refused(tmp_path: Path) -> None:
    inputs = (Tensor("pcm", (1, HOP), "int16", "stream"), Tensor("v", (1,), "int16", "constant"))
    with pytest.raises(UsageError) as error:
        Stream.open(tiny_build.write(tmp_path, inputs=inputs))
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("denoise", "denoise"),
        ("My Net-2", "my_net_2"),
        ("2x", "net_2x"),
        ("", "net"),
        ("int", "net_int"),
        ("edgekit", "net_edgekit"),
        ("ek_fc", "net_ek_fc"),
        ("../../etc", "etc"),
        ("naïve", "na_ve"),
        ("size_t", "net_size_t"),
        ("replay", "net_replay"),
    ],
)
def test_any_name_becomes_a_free_c_identifier(name: str, identifier: str) -> None:
    assert c_identifier(name) == identifier
