"""`edgekit demo denoise`: what it writes, and that integers hear as well as floats."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import __version__, api
from edgekit.base.installation import install_extra
from edgekit.base.progress import silent
from edgekit.cli import app
from edgekit.cli.demo import show_hearable
from edgekit.demos import data_wheel, show_denoise, table
from edgekit.demos.hearable import HearableDemo, Row
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.runtime.build_folder.manifest import Manifest

pytestmark = needs_cc


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> HearableDemo:
    return show_denoise.show("host", tmp_path_factory.mktemp("demo") / "out", silent, counted=False)


def gain_db(row: Row) -> float:
    gain = row.quality["gain, dB"]
    assert gain is not None
    return gain


def test_the_network_improves_the_clip_and_integers_keep_that(demo: HearableDemo) -> None:
    float32, w8a8 = demo.rows
    assert (float32.recipe, w8a8.recipe) == ("float32", "w8a8")
    noisy = {row.quality["SI-SDR of the noisy clip, dB"] for row in demo.rows}
    assert [*noisy] == [pytest.approx(5.0, abs=0.2)]
    assert gain_db(float32) >= 4.0
    assert gain_db(w8a8) >= gain_db(float32) - 0.3


def test_the_integer_build_was_verified_and_is_kept(demo: HearableDemo) -> None:
    manifest = Manifest.load(demo.directory / "w8a8")
    assert manifest == demo.rows[1].manifest
    assert manifest.verification is not None
    assert manifest.verification["bit_exact_with_oracle"] is True
    assert manifest.stream["latency_ms"] == 32.0


def test_all_files_are_there_and_the_clips_are_as_long_as_the_input(demo: HearableDemo) -> None:
    assert all((demo.directory / name).is_file() for name in demo.files)
    noisy = soundfile.info(demo.directory / "noisy.wav")
    for recipe in ("float32", "w8a8"):
        info = soundfile.info(demo.directory / f"{recipe}.wav")
        assert (info.frames, info.samplerate, info.subtype) == (noisy.frames, 16000, noisy.subtype)
    assert (demo.directory / "spectrogram.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in demo.directory.iterdir()} == {
        name.partition("/")[0] for name in demo.files
    }


def test_the_table_shows_both_builds_and_all_that_a_demo_is_asked_for(
    demo: HearableDemo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show_hearable(demo, False)
    printed = capsys.readouterr().out
    lines = {line[:46].strip(): line[46:].split() for line in printed.splitlines()}
    assert lines["gain, dB"] == [f"{gain_db(row):.3g}" for row in demo.rows]
    assert lines["latency, ms"] == ["32", "32"]
    sizes = [f"{row.portable_memory['weights_bytes']:,}" for row in demo.rows]
    assert lines["weights of the portable C, bytes"] == sizes
    macs = [f"{row.manifest.macs_per_hop * 125 / 1e6:.2f}" for row in demo.rows]
    assert lines["million MACs per second"] == macs
    assert lines["million instructions per second, Cortex-M55"] == ["-", "-"]


def test_without_onnx_the_bundled_build_plays_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "missing_tools", lambda names: ("onnx",))
    demo = api.demo("denoise", out=tmp_path / "out")
    assert isinstance(demo, HearableDemo)
    (row,) = demo.rows
    assert gain_db(row) >= 4.0
    assert row.manifest.edgekit == __version__, "python -m edgekit.demos.pack_denoise"
    assert {path.name for path in demo.directory.iterdir()} == {"noisy.wav", "w8a8.wav", "w8a8"}
    assert all((demo.directory / name).is_file() for name in demo.files)
    show_hearable(demo, False)
    assert "onnx is not installed" in (said := capsys.readouterr().out)
    assert install_extra("demo") in said


def test_without_a_name_the_demos_are_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = CliRunner().invoke(app, ["demo"])
    assert listed.exit_code == 0
    assert all(
        f"{row.name} " in listed.output and row.shows in listed.output for row in table.demos()
    )
    assert "second wheel" not in listed.output
    facts = json.loads(CliRunner().invoke(app, ["demo", "--json"]).output)
    assert [row["name"] for row in facts] == list(table.DEMOS)
    assert all(row["has_data"] for row in facts)
    monkeypatch.setattr(data_wheel, "FOLDER", tmp_path)
    assert "second wheel" in CliRunner().invoke(app, ["demo"]).output


def test_si_sdr_knows_no_scale_and_no_offset() -> None:
    random = np.random.default_rng(0)
    clean = random.standard_normal(48000).astype(np.float32)
    noise = random.standard_normal(48000).astype(np.float32)
    noise -= clean * np.float32((noise @ clean) / (clean @ clean))
    mixed = clean + np.float32(0.1) * noise
    expected = 20 + 10 * np.log10((clean @ clean) / (noise @ noise))
    assert si_sdr_db(mixed, clean) == pytest.approx(expected, abs=0.01)
    assert si_sdr_db(3 * mixed + 1, clean) == pytest.approx(si_sdr_db(mixed, clean), abs=1e-3)
