"""The recordings of `edgekit clips`: complete, credited, and fit to calibrate with."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.clip_files import clip_files
from edgekit.base.errors import UsageError
from edgekit.base.wav import read_channels, read_wav
from edgekit.demos.clip_folder import CLIPS, clips


def test_the_folder_has_clips_to_calibrate_and_to_try(tmp_path: Path) -> None:
    files = clips(tmp_path / "out")
    assert {*files} == {
        *(path.relative_to(CLIPS).as_posix() for path in CLIPS.rglob("*") if path.is_file()),
        "noise.wav",
    }
    assert len(clip_files(tmp_path / "out" / "calibration")) == 6
    noisy, clean, noise = (
        read_wav(tmp_path / "out" / f"{name}.wav") for name in ("noisy", "clean", "noise")
    )
    assert noise.sample_rate_hz == 16000 and noise.subtype == "PCM_16"
    np.testing.assert_array_equal(clean.samples + noise.samples, noisy.samples)


def test_every_clip_has_a_credit(tmp_path: Path) -> None:
    files = clips(tmp_path / "out")
    text = (tmp_path / "out" / "CREDITS.md").read_text()
    assert [name for name in files if name != "CREDITS.md" and f"`{name}`" not in text] == []


def test_each_channel_is_later_and_quieter_than_the_one_before(tmp_path: Path) -> None:
    clips(tmp_path / "mono")
    clips(tmp_path / "row", 3)
    for name in ("noisy.wav", "calibration/2_boat.wav", "noise.wav"):
        mono = read_wav(tmp_path / "mono" / name).samples
        row = read_channels(tmp_path / "row" / name, 3).samples
        np.testing.assert_array_equal(row[0], mono)
        for channel, gain in ((1, 0.8912509), (2, 0.7943282)):
            late = 8 * channel
            assert not row[channel, :late].any()
            np.testing.assert_allclose(row[channel, late:], gain * mono[:-late], atol=0.6 / 32768)


@pytest.mark.parametrize("channels", [0, 17])
def test_other_numbers_of_channels_are_refused(tmp_path: Path, channels: int) -> None:
    with pytest.raises(UsageError, match=f"channels: {channels}; allowed: 1 to 16"):
        clips(tmp_path / "out", channels)
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.wav").touch()
    with pytest.raises(UsageError, match="not empty"):
        clips(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]
