"""The file of a recording: what is whole is read, what is damaged is counted, and nothing is trusted."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.runtime.recording_file import (
    HEAD,
    SHORT,
    STATES,
    Frame,
    Recorder,
    RecordingLayout,
    build_number,
    read_recording,
)

FRAMES = tuple(
    Frame(n, STATES * (n == 0), 7, 11 + n, bytes([n] * 8), 0, 12 + n, 3) for n in range(4)
)
WHOLE = [frame.to_bytes() for frame in FRAMES]


def read(folder: Path, content: bytes) -> tuple[tuple[int, ...], int, int]:
    """The numbers of the frames, and the counts of damaged frames and other bytes."""
    (folder / "a.rec").write_bytes(content)
    found = read_recording(folder / "a.rec")
    return tuple(frame.number for frame in found.frames), found.damaged, found.other_bytes


def test_frames_are_read_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"".join(WHOLE))
    assert read_recording(tmp_path / "a.rec").frames == FRAMES


def test_what_is_between_frames_is_skipped(tmp_path: Path) -> None:
    assert read(tmp_path, b"boot\n" + WHOLE[0] + b"temp 41 C\n" + WHOLE[1]) == ((0, 1), 0, 15)
    assert read(tmp_path, WHOLE[0][5:] + WHOLE[1]) == ((1,), 0, len(WHOLE[0]) - 5)


@pytest.mark.parametrize("place", range(len(WHOLE[1])))
def test_a_flipped_bit_costs_its_frame_alone(place: int, tmp_path: Path) -> None:
    broken = bytearray(WHOLE[1])
    broken[place] ^= 0x20
    numbers, damaged, _ = read(tmp_path, WHOLE[0] + bytes(broken) + WHOLE[2] + WHOLE[3])
    assert numbers == (0, 2, 3) and damaged == (place >= 4)


def test_lost_bytes_cost_their_frame_alone(tmp_path: Path) -> None:
    lost = WHOLE[1][: HEAD.size + 2]
    assert read(tmp_path, WHOLE[0] + lost + WHOLE[2])[:2] == ((0, 2), 1)
    assert read(tmp_path, WHOLE[0] + WHOLE[1][:-3])[:2] == ((0,), 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"a log, and no recording", "no frame of a recorder"),
        (WHOLE[0][:-1], "every frame in it is damaged"),
        (WHOLE[0][3::-1] + WHOLE[0][4:], "big-endian"),
        (WHOLE[0].hex(" ").encode(), "hexadecimal.*xxd -r -p"),
    ],
)
def test_a_file_without_frames_is_explained(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.rec'.*check the path"):
        read_recording(tmp_path / "none.rec")


def test_a_recorder_writes_states_at_first_and_after_a_change(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.rec", build_number("sha256:0102030405"))
    state, x, y = np.zeros(4, np.uint8), [np.ones(2, np.int16)], [np.zeros(3, np.int16)]
    for hop in range(4):
        if hop == 2:
            state[0] = 9
        recorder.begin(state, x, SHORT)
        state[1] += 1
        recorder.end(state, x, y, 0)
    frames = read_recording(tmp_path / "a.rec").frames
    assert [frame.kind for frame in frames] == [SHORT | STATES, SHORT, SHORT | STATES, SHORT]
    assert {frame.build for frame in frames} == {0x01020304}
    assert [len(frame.payload) for frame in frames] == [14, 10, 14, 10]
    assert frames[0].after == frames[1].before != frames[0].before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full: run on Linux")
def test_a_recording_that_a_full_disk_does_not_take_is_named_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    recorder = Recorder(path, build_number("sha256:0102030405"))
    path.unlink()
    path.symlink_to("/dev/full")
    state, x = np.zeros(4, np.uint8), [np.ones(2, np.int16)]
    recorder.begin(state, x, SHORT)
    with pytest.raises(UsageError, match=r"--record .*a\.rec': cannot be written: No space"):
        recorder.end(state, x, x, 0)
    assert not path.is_symlink()


def test_a_build_without_a_recorder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a build of C without a sampler"):
        RecordingLayout.load(tmp_path)
    (tmp_path / "recorder").mkdir()
    (tmp_path / "recorder" / "layout.json").write_text("[1, 2]")
    with pytest.raises(UsageError, match="export the network again"):
        RecordingLayout.load(tmp_path)
