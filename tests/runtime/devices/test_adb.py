"""Android devices: what is said to adb, and what is made of its answers. The adb here is a script."""

import os
import platform
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from adb_script import script
from devices import on_devices

from edgekit import api
from edgekit.base.errors import CheckFailed, ToolError, UsageError
from edgekit.runtime.devices import adb
from edgekit.targets.devices import profile, profile_there

ENOUGH = 1 << 16


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return script(tmp_path / "adb", monkeypatch)


def left(root: Path) -> list[Path]:
    return list((root / "device").iterdir())


@pytest.mark.parametrize("serial", ["board", "old"])
def test_a_program_is_pushed_run_and_removed(root: Path, serial: str) -> None:
    program = b"#!/bin/sh\necho one\necho two\npwd\nexit 1\n"
    with adb.connect(f"adb:{serial}", "./program") as link:
        assert link.machine.architecture == os.uname().machine
        (folder,) = left(root)
        printed = link.run(program, ENOUGH).splitlines()
    assert printed[:2] == ["one", "two"] and printed[2].endswith(folder.name)
    assert left(root) == []
    asked = (root / "asked").read_text()
    assert f"-s {serial} push " in asked
    assert asked.rstrip().endswith(f"-s {serial} shell rm -rf /data/local/tmp/{folder.name}")


def test_what_goes_wrong_is_told(root: Path) -> None:
    for device, words in (("adb:gone", "adb devices lists those"), ("adb", "--device adb:SERIAL")):
        with pytest.raises(ToolError, match=words), adb.connect(device, "./program"):
            pass
    programs = (
        (b"#!/bin/sh\nexit 9\n", "exit code 9"),
        (b"#!/bin/sh\nkill -ILL $$\n", "illegal instruction"),
        (b"#!/bin/sh\nkill -KILL $PPID\n", "the connection broke"),
    )
    for program, words in programs:
        with adb.connect("adb:board", "./program") as link, pytest.raises(ToolError, match=words):
            link.run(program, ENOUGH)
    with adb.connect("adb:board", "./program") as link, pytest.raises(CheckFailed, match="more"):
        link.run(b"#!/bin/sh\nexec yes\n", ENOUGH)
    assert left(root) == []


def test_a_device_that_names_another_folder_is_refused(root: Path) -> None:
    script = (root / "adb").read_text()
    (root / "adb").write_text(script.replace("|/data/local/tmp|'", "|/data/../etc|'"))
    with pytest.raises(ToolError, match="the connection broke"), adb.connect("adb:board", "x"):
        pass
    assert "rm -rf" not in (root / "asked").read_text().replace("'rm -rf \"$d\"'", "").replace(
        'rm -rf "$d"', ""
    )


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("adb:", "adb:-s", "adb:a b", "adb:a;b"):
        with pytest.raises(UsageError, match=r"adb\[:serial\]"), adb.connect(text, "x"):
            pass
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="apt-get install adb"), adb.connect("adb", "x"):
        pass


@pytest.mark.slow
@on_devices("cortex-a53", "riscv64")
def test_a_build_is_compiled_for_the_core_of_the_device(
    root: Path, target: str, tmp_path: Path
) -> None:
    core, build = profile(target).architecture, tmp_path / "build"
    (root / "core").write_text(f"{core}\n")
    own = "c99" if target == "riscv64" else target
    api.export("zoo:conv_recurrent", own, build, recipe="w8a8", sample_rate=16000)
    facts = api.bench(build, device="adb:old", hops=3).to_dict()
    assert facts["device"] == "adb:old" and facts["machine"].startswith(f"{core}, Linux")
    assert facts["hops"] == 15 and facts["median_us"] > 0
    assert left(root) == []


def test_a_build_for_another_core_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "core").write_text("mips\n")
    build = tiny_build.write(tmp_path / "build")
    (build / "golden").mkdir()
    np.savez(build / "golden" / "output.npz", pcm_out=np.zeros((1, 1, 4), np.float32))
    with pytest.raises(UsageError, match="a core of mips"):
        api.bench(build, device="adb:board")
    assert left(root) == []


def test_each_core_has_its_compiler() -> None:
    here = platform.machine()
    assert profile_there("host", here) == profile("host")
    assert profile_there("c99", here) == profile("c99")
    others = {"aarch64", "riscv64"} - {here}
    for other in others:
        assert profile_there("host", other) is None
        there = profile_there("c99", other)
        assert there is not None and there.cc == f"{other}-linux-gnu-gcc" and not there.flags
        assert there.zig == ("-target", f"{other}-linux-musl")
    assert profile_there("cortex-a76", "aarch64") == profile("cortex-a76")
    assert profile_there("cortex-a76", "riscv64") is profile_there("c99", "mips") is None
