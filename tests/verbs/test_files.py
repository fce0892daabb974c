"""Which files go together."""

from pathlib import Path

import numpy as np
import pytest
import tiny_build

from edgekit.base.arrays import Array
from edgekit.base.errors import UsageError
from edgekit.base.progress import silent
from edgekit.verbs.files import named_files, run
from edgekit.verbs.stream_setup import StreamSetup


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tiny_build.write(tmp_path / "build")


def test_files_are_named_or_stand_in_order(build: Path) -> None:
    assert named_files(build, ["a.wav", "b.wav"]) == (Path("a.wav"), Path("b.wav"))
    named = {"pcm": Path("a.wav")}, {"pcm_out": Path("b.wav")}
    assert named_files(build, ["pcm_out=b.wav", "pcm=a.wav"]) == named
    assert named_files(build, ["pcm=a.wav", "b.wav"]) == (named[0], Path("b.wav"))
    assert named_files(build, ["x/y=a.wav", "b.wav"])[0] == Path("x/y=a.wav")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a.wav"], "1 file"),
        ([], "0 files"),
        (["pcm=a.wav", "pcm=b.wav", "c.wav"], "given twice"),
        (["mic=a.wav", "b.wav"], "no input or output of this name"),
    ],
)
def test_names_and_counts_that_do_not_fit(build: Path, texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        named_files(build, texts)


@pytest.mark.parametrize(
    ("source", "out", "said"),
    [
        ("a.wav", "b.mp3", ".wav to .mp3"),
        ("a.npz", "b.wav", ".npz to .wav"),
        ("a.txt", "b", ".txt to no ending"),
    ],
)
def test_kinds_that_do_not_go_together(build: Path, source: str, out: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"IN and OUT: {said}"):
        run(build, Path(source), Path(out), StreamSetup(), silent)


def test_one_file_is_not_two_outputs(build: Path, tmp_path: Path) -> None:
    outs = {"a": tmp_path / "x.wav", "b": tmp_path / "x.wav"}
    with pytest.raises(UsageError, match="one file twice"):
        run(build, tmp_path / "in.wav", outs, StreamSetup(), silent)
    with pytest.raises(UsageError, match=r"only recordings, \.npy and \.csv come one for"):
        run(build, {"a": Path("a.npz"), "b": Path("b.npz")}, Path("c.npz"), StreamSetup(), silent)


def test_pictures_go_to_pictures(build: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        run(
            build, tmp_path / "a.png", tmp_path / "b.wav", StreamSetup(), silent, tmp_path / "c.txt"
        )
    wheres = [problem.where for problem in refused.value.problems]
    assert wheres[1:] == ["OUT", "--found"] and "a.png" in wheres[0]
    with pytest.raises(UsageError, match="--found"):
        run(build, Path("a.wav"), Path("b.wav"), StreamSetup(), silent, Path("c.json"))


@tiny_build.needs_cc
@pytest.mark.parametrize(
    ("values", "notes"),
    [
        (np.arange(8), ()),
        (np.arange(8) / 4, ()),
        (np.arange(8) / 10, ("pcm: float64 rounded to float32",)),
    ],
)
@pytest.mark.parametrize("ending", [".npz", ".npy"])
def test_numbers_come_in_any_type_that_keeps_them(
    values: Array, notes: tuple[str, ...], ending: str, build: Path, tmp_path: Path
) -> None:
    source, hops = tmp_path / f"in{ending}", values.reshape(2, 1, 4)
    if ending == ".npz":
        np.savez(source, pcm=hops)
    else:
        np.save(source, hops)
    assert run(build, source, tmp_path / "out.npz", StreamSetup(), silent) == notes
    np.savez(tmp_path / "exact.npz", pcm=hops.astype(np.float32))
    assert (
        run(build, tmp_path / "exact.npz", tmp_path / "exact-out.npz", StreamSetup(), silent) == ()
    )
    with np.load(tmp_path / "out.npz") as found, np.load(tmp_path / "exact-out.npz") as expected:
        np.testing.assert_array_equal(found["pcm_out"], expected["pcm_out"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((2, 1, 4), 1e300), "array 'pcm': 1e[+]300, which float32 does not hold"),
        (np.full((2, 1, 4), 2**24 + 1), "array 'pcm': 16777217, which float32 does not hold"),
        (np.full((2, 1, 4), "a"), "input 'pcm': <U1; allowed: float32"),
        (np.ones((2, 1, 4), complex), "input 'pcm': complex128; allowed: float32"),
    ],
)
def test_numbers_that_would_change_are_refused(
    values: Array, said: str, build: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "in.npz", pcm=values)
    with pytest.raises(UsageError, match=said):
        run(build, tmp_path / "in.npz", tmp_path / "out.npz", StreamSetup(), silent)
    assert not (tmp_path / "out.npz").exists()
