"""An output folder appears complete or not at all, whatever ends the process that writes it."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import tiny_build
import tiny_networks
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.base.output import complete_folder, replacement_path
from edgekit.judge.measurement import _read_cache

ROOT = Path(__file__).parents[2]

# A calibration source that never ends: the export is then in the middle of its work.
ENDLESS = """
import pathlib, time
def clips():
    pathlib.Path("started").touch()
    time.sleep(120)
    yield {}
"""


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with complete_folder(out) as folder:
        (folder / "file").write_text("1")
        assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "file").read_text() == "1"


@pytest.mark.parametrize("error", [UsageError(()), KeyboardInterrupt(), SystemExit(143)])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), complete_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("1")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_force_replaces_a_build_and_nothing_else(tmp_path: Path) -> None:
    build = tiny_build.write(tmp_path / "out")
    with pytest.raises(UsageError, match=r"holds a build.*--force"), complete_folder(build):
        pass
    with pytest.raises(KeyboardInterrupt), complete_folder(build, force=True) as folder:
        (folder / "new").touch()
        raise KeyboardInterrupt
    assert (build / "leaky.c").is_file() and not (build / "new").exists()
    with complete_folder(build, force=True) as folder:
        (folder / "new").touch()
        assert (build / "leaky.c").is_file()
    assert [path.name for path in build.iterdir()] == ["new"]
    (build / "manifest.json").write_text('{"schema": 1, "name": "a web page"}')
    (tmp_path / "link").symlink_to(tiny_build.write(tmp_path / "other"))
    for folder in (build, tmp_path / "link", tmp_path):
        with (
            pytest.raises(UsageError, match="not empty, and no build"),
            complete_folder(folder, force=True),
        ):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "other", "out"]


def test_a_folder_that_fills_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(UsageError, match=r"out': not empty, since this began.*another export"),
        complete_folder(out),
    ):
        out.mkdir()
        (out / "mine").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_writers_leave_each_other_alone(tmp_path: Path) -> None:
    with complete_folder(tmp_path / "out") as first:
        with pytest.raises(UsageError), complete_folder(tmp_path / "out") as second:
            assert first.is_dir() and second.is_dir() and first != second
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "mine").touch()
        assert first.is_dir()
        (tmp_path / "out" / "mine").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_replaced_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacement_path(path) as temporary:
        temporary.write_text("new")
        raise KeyError
    assert path.read_text() == "old"
    with replacement_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_in_no_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no" / "file", "does not exist"), (tmp_path, "a folder")):
        with pytest.raises(UsageError, match=words), replacement_path(path):
            raise AssertionError("the body must not run")


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGINT, signal.SIGKILL],
)
def test_a_killed_export_leaves_no_folder_and_the_next_one_cleans_up(
    tmp_path: Path, number: signal.Signals
) -> None:
    tiny_networks.recurrent(tmp_path / "tiny.onnx")
    (tmp_path / "endless.py").write_text(ENDLESS)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{tmp_path}"}
    command = [
        sys.executable,
        "-m",
        "edgekit",
        "export",
        "tiny.onnx",
        "--target",
        "host",
        "-o",
        "out",
    ]
    process = subprocess.Popen(
        [*command, "--recipe", "w8a8", "--calibration", "endless:clips"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (tmp_path / "started").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    assert [path.name for path in tmp_path.glob(".out*")] != []
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    expected = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}
    assert process.returncode == expected[number]
    assert "Traceback" not in output
    assert output.splitlines()[:2] == ["import ...", "quantize ..."]
    if number == signal.SIGINT:
        assert "stopped in: quantize; no unfinished file or folder is left" in output
    assert not (tmp_path / "out").exists()
    if number != signal.SIGKILL:
        assert list(tmp_path.glob(".out*")) == []
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob(".out*")) == []
    assert np.load(tmp_path / "out" / "golden" / "input.npz")["x"].shape[0] == 64


DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("make", [complete_folder, replacement_path])
@pytest.mark.parametrize("error", [DISK_FULL, OSError(errno.EDQUOT, "Quota exceeded")])
def test_a_full_disk_is_told_of_the_path_that_was_asked_for(
    tmp_path: Path, make: Callable[[Path], AbstractContextManager[Path]], error: OSError
) -> None:
    told = r"out': cannot be written: .*; next: make room"
    with pytest.raises(UsageError, match=told) as caught, make(tmp_path / "out"):
        raise error
    assert "unfinished" not in str(caught.value) and ".part" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_says_of_the_hidden_folder_names_the_one_asked_for(tmp_path: Path) -> None:
    told = r"out': cannot be written: Read-only file system"
    with pytest.raises(UsageError, match=told), complete_folder(tmp_path / "out") as folder:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder / "sub" / "file"))
    told = r"out': cannot be written: Permission denied"
    with pytest.raises(UsageError, match=told), replacement_path(tmp_path / "out") as file:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))


def test_an_error_of_another_file_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), complete_folder(tmp_path / "out"):
        (tmp_path / "missing").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full: Linux")
def test_a_file_on_a_full_disk(tmp_path: Path) -> None:
    """/dev/full takes nothing: what Python says then has no file name."""
    told = "No space left on device"
    with pytest.raises(UsageError, match=told), replacement_path(tmp_path / "out"):
        Path("/dev/full").write_text("x" * 100_000)


def test_a_cache_that_cannot_be_written_is_said_before_the_search(tmp_path: Path) -> None:
    (tmp_path / "edgekit").touch()
    with pytest.raises(UsageError, match=r"cache folder '.*edgekit'.*EDGEKIT_CACHE"):
        _read_cache(tmp_path / "edgekit" / "known.json")
    with pytest.raises(UsageError, match="EDGEKIT_CACHE"):
        _read_cache(Path("/proc/edgekit/known.json"))


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "x"}', "\x00"])
def test_a_damaged_cache_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text)
    with pytest.raises(UsageError, match=r"known\.json'.*remove it"):
        _read_cache(tmp_path / "known.json")
