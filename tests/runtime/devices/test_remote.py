"""What comes back from a device is data: what is read of it, and what is refused. And what goes there for Python."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from slices import slow_except

from edgekit import api
from edgekit.base.errors import CheckFailed, ToolError
from edgekit.base.npz import read_npz
from edgekit.runtime.bench.golden import check_outputs
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.conversation import MAX_ERROR_BYTES, Conversation, printable
from edgekit.runtime.devices.payload import python_program
from edgekit.runtime.devices.remote import (
    answer,
    answer_limit,
    read_greeting,
)

HOP = np.arange(4, dtype=np.float32)
GOOD = [
    "stack_bytes: 640",
    "output pcm_out: equal",
    f"golden 0 0 {HOP.tobytes().hex()}",
    f"golden 1 0 {(2 * HOP).tobytes().hex()}",
    "core 3",
    "times 1500 2500 3500",
    "times 4500",
    "PASS",
]


def test_an_answer_is_read() -> None:
    found = answer("board", "\n".join(GOOD), tiny_build.manifest(), 4, layers=False)
    np.testing.assert_array_equal(found.outputs["pcm_out"], [[HOP], [2 * HOP]])
    assert found.times_us.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert (found.core, found.stack_bytes) == (3, 640)
    assert [(row.name, row.result) for row in found.rows] == [("pcm_out", "equal")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("PASS", "FAIL", "replay of golden data failed"),
        ("PASS", "", "replay of golden data failed"),
        ("PASS", "x" * (1 << 20) + "\nPASS", "characters of text"),
        ("times 4500", "", "gave 3 times of hops, not 4"),
        ("times 4500", "times 4500 5500", "gave 5 times"),
        ("times 4500", "times -1", "another form"),
        ("times 4500", f"times {'9' * 5000}", "another form"),
        ("golden 1 0", "golden 2 0", "out of order"),
        ("golden 1 0", "golden 1 1", "out of order"),
        ("golden 1 0", "golden 1 -1", "out of order"),
        ("golden 1 0 00", "golden 1 0 ", "of another size"),
        ("golden 1 0 00", "golden 1 0 zz", "another form"),
        ("golden 1 0 00", "golden 1 0 0 0", "another form"),
        ("golden ", "silver ", "golden hops are missing"),
    ],
)
def test_another_answer_is_a_failure(old: str, new: str, words: str) -> None:
    text = "\n".join(GOOD)
    assert old in text
    with pytest.raises(CheckFailed, match=words):
        answer("board", text.replace(old, new), tiny_build.manifest(), 4, layers=False)


def test_an_answer_that_is_right_in_form_and_wrong_in_numbers_is_a_failure() -> None:
    found = answer("board", "\n".join(GOOD), tiny_build.manifest(), 4, layers=False)
    golden = {"pcm_out": np.stack([HOP, HOP])[:, None]}
    cases = (
        (golden, "-?[0-9.]+ dB"),
        ({"pcm_out": golden["pcm_out"][:1]}, "shape"),
        ({}, "shape .* none"),
    )
    for held, words in cases:
        words = rf"board disagrees with golden:\noutput 'pcm_out': {words}"
        with pytest.raises(CheckFailed, match=words):
            check_outputs("board", tiny_build.manifest(), found.outputs, held)


def test_what_a_stranger_prints_does_not_reach_the_terminal_as_it_is() -> None:
    assert printable("a\x1b[31mb\x00\u202ec\r\n") == "a?[31mb??c"
    talk = Conversation(["sh", "-c", "printf 'x\\033[2J\\n' >&2; head -c 1000000 /dev/zero >&2"])
    assert talk.rest(60, 10) == ""
    talk.close()
    said = talk.errors()
    assert said.startswith("x?[2J\n") and len(said) <= MAX_ERROR_BYTES


@pytest.mark.slow
def test_a_greeting_behind_a_banner() -> None:
    lines = "echo Welcome; echo edgekit-device; echo riscv64; echo Linux 6.1; echo 'A board'"
    talk = Conversation(["sh", "-c", lines])
    machine = read_greeting(talk, "board", 60)
    talk.close()
    assert machine is not None
    assert machine.architecture == "riscv64" and machine.words == "riscv64, Linux 6.1, A board"
    endless = Conversation(["sh", "-c", "exec yes"])
    assert read_greeting(endless, "board", 60) is None
    endless.close()
    refusing = Conversation(["sh", "-c", "echo no room >&2; echo edgekit-failed no folder"])
    with pytest.raises(ToolError, match=r"board: .*no folder(.*\n)+no room"):
        read_greeting(refusing, "board", 60)
    refusing.close()


def test_a_program_that_does_not_end_is_ended() -> None:
    talk = Conversation(["sleep", "1000"])
    start = time.monotonic()
    with pytest.raises(ToolError, match="did not end within"):
        talk.rest(0.2, 10)
    talk.close()
    assert talk.wait(0) != 0 and time.monotonic() - start < 500


@pytest.mark.parametrize(
    "target", slow_except(lambda target: target == "litert", ["onnxruntime", "litert"])
)
def test_python_on_a_device_gives_the_same(target: str, tmp_path: Path) -> None:
    if target == "litert":
        pytest.importorskip(
            "ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert"
        )
    build, there = tmp_path / "build", tmp_path / "there"
    api.export("zoo:conv_recurrent", target, build, recipe="w8a8", sample_rate=16000)
    manifest = Manifest.load(build)
    program = python_program(build, manifest, hops=3)
    assert program == python_program(build, manifest, hops=3)
    there.mkdir()
    (there / "program").write_bytes(program)
    names = zipfile.ZipFile(there / "program").namelist()
    assert not [name for name in names if name.startswith(("edgekit/export", "build/model.c"))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        # -P: without the folder of this checkout on its path
        [sys.executable, "-P", "./program"],
        cwd=there,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    golden = read_npz(build / "golden" / "output.npz")
    assert len(done.stdout) < answer_limit(manifest, 64, 15)
    found = answer("board", done.stdout, manifest, 15, layers=False)
    check_outputs("board", manifest, found.outputs, golden)
    assert len(found.outputs["tanh"]) == 64 and found.times_us.min() > 0
