"""Without soundfile, Python reads and writes .wav files of 16-bit PCM as soundfile does."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edgekit.base import plain_wav, wav
from edgekit.base.errors import ToolError


@pytest.mark.parametrize("shape", [(1,), (333, 1), (500, 2), (7, 6)])
def test_files_are_read_as_soundfile_reads_them(shape: tuple[int, ...], tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    samples = np.random.default_rng(0).integers(-32768, 32767, shape, np.int16, endpoint=True)
    soundfile.write(file, samples, 22050)
    expected, rate = soundfile.read(file, dtype="float32", always_2d=True)
    found, found_rate = plain_wav.read(str(file))
    assert found_rate == rate and found.dtype == np.float32 and np.array_equal(found, expected)
    facts, own = soundfile.info(file), plain_wav.info(str(file))
    for name in ("frames", "channels", "samplerate", "format", "subtype"):
        assert getattr(own, name) == getattr(facts, name)
    plain_wav.write(str(tmp_path / "b.wav"), samples, 22050, subtype="PCM_16", format="WAV")
    written = soundfile.read(tmp_path / "b.wav", dtype="int16")[0]
    assert np.array_equal(written.reshape(shape), samples)


def test_a_file_that_was_cut_is_read_to_its_last_whole_frame(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.arange(200, dtype=np.int16).reshape(100, 2), 8000)
    file.write_bytes(file.read_bytes()[:-3])
    assert plain_wav.read(str(file))[0].shape == (99, 2)


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_other_samples_name_the_package(subtype: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(9), 8000, subtype=subtype)
    assert wav.needs(tmp_path / "a.wav") == ("soundfile",)
    with pytest.raises(ToolError, match="pip install soundfile soxr"):
        plain_wav.read(str(tmp_path / "a.wav"))
    with pytest.raises(ToolError, match=subtype):
        plain_wav.write(str(tmp_path / "b.wav"), np.zeros(9), 8000, subtype=subtype, format="WAV")


def test_recordings_are_read_and_written_without_soundfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    stereo = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 50)).astype(np.float32)
    wav.write_wav(tmp_path / "a.wav", stereo, 16000, "PCM_16")
    clip = wav.read_channels(tmp_path / "a.wav", 2, 16000)
    assert clip.subtype == "PCM_16" and np.abs(clip.samples - stereo).max() < 2**-15
    with pytest.raises(ToolError, match="soxr is not installed"):
        wav.read_wav(tmp_path / "a.wav", 8000)
