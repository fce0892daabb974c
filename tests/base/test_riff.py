"""The length that a .wav states, and the length that it has."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.riff import missing_bytes
from edgekit.base.wav import read_wav, write_wav


def stating(path: Path, size: int) -> Path:
    """Write 500 samples of which the header states this number of bytes."""
    write_wav(path, np.zeros(500, np.float32), 16000, "PCM_16")
    whole = path.read_bytes()
    at = whole.index(b"data") + 4
    path.write_bytes(whole[:at] + size.to_bytes(4, "little") + whole[at + 4 :])
    return path


@pytest.mark.parametrize(("size", "missing"), [(1000, 0), (1002, 2), (9000, 8000), (10, 0)])
def test_bytes_that_are_stated_and_lacking_are_counted(
    tmp_path: Path, size: int, missing: int
) -> None:
    assert missing_bytes(stating(tmp_path / "in.wav", size)) == missing


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0x80000000 - 44, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_states_no_length(tmp_path: Path, size: int) -> None:
    path = stating(tmp_path / "in.wav", size)
    assert missing_bytes(path) == 0
    assert read_wav(path).samples.shape == (500,)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC" + bytes(100), b"RIFF\0\0\0\0WAVEfmt "])
def test_other_files_lack_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in.wav").write_bytes(data)
    assert missing_bytes(tmp_path / "in.wav") == 0
