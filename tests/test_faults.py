"""A part of `bench/robustness/faults.py`: kills, a full disk, two exports into one folder."""

import random
from pathlib import Path

import pytest
from c_kernels import needs_cc
from robustness.faults import SIGNALS, files, full_disk, left, moments, prepare, race

linux = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs Linux: signals and limits"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faults") / "work"
    prepare(made, ["export"])
    return made


@pytest.mark.slow
@linux
@needs_cc
def test_a_killed_export_leaves_nothing(folder: Path) -> None:
    ends, faults = moments("export", 2, folder, random.Random(1), SIGNALS[1:])
    assert ends.total() == 2 and faults == []


@linux
@needs_cc
@pytest.mark.slow
def test_two_exports_into_one_folder_leave_one_whole(folder: Path) -> None:
    _, faults = race(folder)
    assert faults == []


@linux
@needs_cc
@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_nothing(folder: Path) -> None:
    ends, faults = full_disk(folder)
    assert ends["exit code 2"] >= 3 and faults == []


def test_what_is_left_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "work-tmp").mkdir()
    before = files(folder)
    (folder / ".out.part").mkdir()
    (folder / "out").mkdir()
    assert sorted(left(folder, before, False))[0] == ".out.part"
    assert [name.split(":")[0] for name in left(folder, before, True)] == ["out"]
