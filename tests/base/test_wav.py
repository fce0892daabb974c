"""Recordings: what is read and refused, and how 16-bit samples are rounded."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgekit.base.errors import UsageError
from edgekit.base.wav import SUBTYPES, read_wav, write_wav


def tone(samples: int, rate: int = 16000, channels: int = 1) -> np.ndarray:
    time = np.arange(samples)[:, None] / rate
    return (0.25 * np.sin(2 * np.pi * 440 * time) * np.ones(channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "does not exist.*check the path"),
        (b"", "file"),
        (b"RIFF\x00\x00\x00\x00WAVE", "file"),
        (b"no audio at all", "': libsndfile cannot read it: Format not recognised;"),
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


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_wav_that_was_cut_off_is_refused(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, tone(500, channels=2), 16000, subtype=subtype)
    whole = path.read_bytes()
    path.write_bytes(whole[:-70])
    with pytest.raises(UsageError, match=r"ends 70 bytes before .*record it again"):
        read_wav(path)
    path.write_bytes(whole + b"LIST\x04\0\0\0INFO")
    assert read_wav(path).samples.shape == (500,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused_by_their_place(
    tmp_path: Path, value: float
) -> None:
    samples = tone(500, channels=2)
    samples[123, 1] = value
    soundfile.write(tmp_path / "in.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(UsageError, match="NaN or infinity, first at sample 123"):
        read_wav(tmp_path / "in.wav")


COMPRESSED = (
    ("a.flac", "FLAC", "PCM_16", 1e-4),
    ("b.flac", "FLAC", "PCM_24", 1e-6),
    ("c.flac", "FLAC", "PCM_S8", 1e-2),
    ("a.aiff", "AIFF", "PCM_16", 1e-4),
    ("a.ogg", "OGG", "VORBIS", 0.05),
    ("a.opus", "OGG", "OPUS", 0.1),
    ("a.mp3", "MP3", "MPEG_LAYER_III", 0.05),
)


@pytest.mark.parametrize(("name", "kind", "subtype", "tolerance"), COMPRESSED)
def test_other_recordings_are_read_as_a_wav_is(
    name: str, kind: str, subtype: str, tolerance: float, tmp_path: Path
) -> None:
    path, samples = tmp_path / name, tone(16000, channels=2)
    soundfile.write(path, samples, 16000, format=kind, subtype=subtype)
    clip = read_wav(path)
    assert clip.sample_rate_hz == 16000 and clip.samples.shape == (16000,)
    assert clip.notes == ("2 channels mixed down to mono",)
    np.testing.assert_allclose(clip.samples[1000:-1000], samples[1000:-1000, 0], atol=tolerance)
    assert clip.subtype == (subtype if subtype in SUBTYPES else "PCM_16")
    assert read_wav(path, 8000).samples.shape == (8000,)
    write_wav(tmp_path / "out.wav", clip.samples, 16000, clip.subtype)
    assert soundfile.info(tmp_path / "out.wav").frames == 16000


def test_a_kind_that_is_not_listed_is_refused_with_those_that_are(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.caf", tone(100), 16000)
    with pytest.raises(UsageError, match=r"CAF.*FLAC, OGG, MP3"):
        read_wav(tmp_path / "a.caf")


@pytest.mark.parametrize("kept", [0, 3, 11, 20, 30, 40])
def test_a_wav_that_ends_inside_of_its_header_is_to_be_copied_again(
    kept: int, tmp_path: Path
) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(100, np.float32), 16_000, "PCM_16")
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:kept])
    with pytest.raises(UsageError, match=r"ends inside of its header.*copy or record it again"):
        read_wav(tmp_path / "a.wav")


def test_a_wav_without_channels_is_refused_with_one_reason(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(100, np.float32), 16_000, "PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[22:24] = bytes(2)  # the number of channels
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(UsageError, match=r"': libsndfile cannot read it: Channel count is zero;"):
        read_wav(tmp_path / "a.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes: run on Linux or macOS")
def test_a_pipe_is_no_recording(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(UsageError, match=r"a folder, a pipe or a device.*write it to a file"):
        read_wav(tmp_path / "a.wav")
