"""A build on this machine: hops in order, state carried, nothing accepted that does not fit."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from tiny_build import HOP, needs_cc

from edgekit.base.errors import CheckFailed, ToolError, UsageError
from edgekit.runtime.build_folder.manifest import MAX_MANIFEST_BYTES, Manifest, Tensor, c_identifier
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


def test_two_instances_do_not_disturb_each_other(build: Path) -> None:
    first, second = Stream.open(build), Stream.open(build)
    a, b = noise(20, 1), noise(20, 2)
    outs = [
        (first.process({"pcm": x}), second.process({"pcm": y})) for x, y in zip(a, b, strict=True)
    ]
    for data, index in ((a, 0), (b, 1)):
        got = np.stack([pair[index]["pcm_out"] for pair in outs])
        np.testing.assert_array_equal(got.ravel(), tiny_build.expected(data.ravel()))


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


def test_the_manifest_reads_back_what_it_wrote(tmp_path: Path) -> None:
    manifest = tiny_build.manifest(tools={"cc": "gcc 1.2.3"}, digest="sha256:00")
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 3),
        ("inputs.0.layout", "NC"),
        ("inputs.0.layout", "NTT"),
        ("inputs.0.layout", 2),
        ("inputs.0.rate", "1"),
        ("inputs.0.rate", "0/1"),
        ("inputs.0.frames_per_hop", HOP + 1),
        ("inputs.0.channels", 0),
        ("inputs.0.delay_samples", -1),
        ("inputs.0.sample_rate_hz", "high"),
        ("inputs.0.secret", 1),
        ("target", 5),
        ("digest", ...),
        ("sampler", {}),
        ("macs_per_hop", -1),
        ("macs_float", True),
        ("inputs", {}),
        ("inputs.0", []),
        ("inputs.0.shape", [1, 0]),
        ("inputs.0.shape", [1 << 40]),
        ("inputs.0.shape", [65536, 65536]),
        ("inputs.0.shape", [1.0, 4]),
        ("inputs.0.shape", [1] * 9),
        ("inputs.0.dtype", "object"),
        ("inputs.0.dtype", []),
        ("inputs.0.role", "secret"),
        ("inputs.0.name", ""),
        ("inputs.0.name", "x" * 5000),
        ("memory.state_bytes", 1 << 40),
        ("memory.scratch_bytes", -1),
        ("memory.scratch_bytes", ...),
        ("memory", None),
        ("stream", []),
        ("stream.hop_samples", 0),
        ("stream.latency_ms", "12"),
        ("source.name", 3),
        ("tools", {"cc": 4}),
        ("verification", 1),
        ("verification", {}),
        ("quantization.recipe", None),
        ("extra", 1),
    ],
)
def test_a_manifest_with_an_impossible_fact_is_refused_by_key(
    tmp_path: Path, key: str, value: object
) -> None:
    tiny_build.write(tmp_path)
    tiny_build.edit(tmp_path, key, value)
    with pytest.raises(UsageError) as error:
        Manifest.load(tmp_path)
    shown = key.split(".")[0]
    assert all(shown in problem.where for problem in error.value.problems), str(error.value)


def test_all_problems_of_a_manifest_are_listed(tmp_path: Path) -> None:
    tiny_build.write(tmp_path)
    for key in ("target", "macs_int8", "memory.state_bytes", "inputs.0.dtype"):
        tiny_build.edit(tmp_path, key, -5)
    with pytest.raises(UsageError) as error:
        Manifest.load(tmp_path)
    assert len(error.value.problems) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"schema": NaN}',
        b"[" * 100_000,
        b" " * (MAX_MANIFEST_BYTES + 1),
    ],
    ids=["empty", "list", "null", "cut", "binary", "nan", "deep", "large"],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(UsageError):
        Manifest.load(tmp_path)


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
