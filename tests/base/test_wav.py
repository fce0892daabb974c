""".wav files: what is refused, and how 16-bit samples are rounded."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgekit.base.errors import UsageError
from edgekit.base.wav import read_wav, write_wav


def tone(samples: int, rate: int = 16000, channels: int = 1) -> np.ndarray:
    time = np.arange(samples)[:, None] / rate
    return (0.25 * np.sin(2 * np.pi * 440 * time) * np.ones(channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "does not exist.*check the path"),
        (b"", "file"),
        (b"RIFF\x00\x00\x00\x00WAVE", "file"),
        (b"no audio at all", "file"),
    ],
)
def test_what_is_no_wav_is_refused(tmp_path: Path, data: bytes | None, words: str) -> None:
    path = tmp_path / "in.wav"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=words):
        read_wav(path)


def test_sample_formats_that_lose_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(50), 16000, subtype="ULAW")
    with pytest.raises(UsageError, match="ULAW"):
        read_wav(tmp_path / "in.wav")


def test_16_bit_files_are_rounded_half_to_even_and_saturate(tmp_path: Path) -> None:
    values = np.array([0.4, 0.5, 0.6, 1.5, -0.4, -0.5, -1.5, 40000.0, -40000.0], np.float32)
    write_wav(tmp_path / "a.wav", values / np.float32(32768), 16000, "PCM_16")
    got, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert got.tolist() == [0, 0, 1, 2, 0, 0, -2, 32767, -32768]
