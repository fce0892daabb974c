"""The files of a calibration folder by name, and which clips lack an input."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.clip_files import (
    clip_files,
    content_problem,
    files_without,
    source_problem,
    stem_of,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips of sound, one with a knob and a clean form, and an archive."""
    for name in ("a.wav", "a.clean.wav", "a.knob.npy", "b.wav", "note.txt"):
        (tmp_path / name).write_bytes(b"")
    np.savez(tmp_path / "c.npz", pcm=np.zeros(4), knob=np.zeros(1))
    np.savez(tmp_path / "d.npz", pcm=np.zeros(4))
    return tmp_path


def test_other_files_and_clean_forms_are_no_clips_that_lack_an_input(folder: Path) -> None:
    assert "note.txt" not in {path.name for path in clip_files(folder)}
    assert [path.name for path in files_without(folder, "knob")] == ["b.wav", "d.npz"]


def test_an_archive_that_cannot_be_read_lacks_nothing(folder: Path) -> None:
    (folder / "d.npz").write_bytes(b"no archive")
    assert [path.name for path in files_without(folder, "knob")] == ["b.wav"]


def test_the_name_of_an_input_ends_a_files_name() -> None:
    assert stem_of(Path("x/a.MIC.wav"), "mic") == Path("x/a")
    assert stem_of(Path("x/amic.wav"), "mic") is None


@pytest.mark.parametrize("source", ["nowhere", "a file"])
def test_a_source_is_a_folder_or_a_factory(source: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    problem = source_problem(str(tmp_path / source))
    assert problem is not None
    assert problem.found == ("does not exist" if source == "nowhere" else "is not a folder")
    assert ("folder that holds it" in problem.next_step) == (source == "a file")
    assert source_problem("package.module:factory") is None
    assert source_problem(str(tmp_path)) is None


def test_a_folder_without_clips_names_what_clips_are(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("")
    problem = content_problem("clips", tmp_path)
    assert problem is not None and "--calibration" in problem.next_step
    assert "(hops, or whole recordings)" in problem.allowed and ".csv" in problem.allowed
    (tmp_path / "a.csv").write_text("ax,ay\n1,2\n")
    assert content_problem("clips", tmp_path) is None


def test_tables_among_other_clips_belong_to_a_clip_by_name(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,label\na,yes\n")
    (folder / "b.knob.csv").write_text("1\n")
    names = {path.name for path in clip_files(folder)}
    assert "b.knob.csv" in names and "labels.csv" not in names
    assert [path.name for path in files_without(folder, "knob")] == ["d.npz"]


def test_a_folder_of_tables_has_clips(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "b.knob.csv", "c.imu.tsv"):
        (tmp_path / name).write_text("1\n")
    assert len(clip_files(tmp_path)) == 4
    assert [path.name for path in files_without(tmp_path, "knob")] == ["a.csv", "c.imu.tsv"]
