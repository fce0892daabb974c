"""The demos of picture systems: integers restore as floats do, and what they write."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_pictures
from edgekit.demos.pictures.generators import Anagrams, Codes, Search
from edgekit.demos.pictures.show import SYSTEMS, PicturesDemo, draw_strip, show
from edgekit.demos.pictures.systems import Restoration

LEAST_GAIN_DB, MOST_LOST_DB = 3.0, 0.3
GAIN = "gain over the input, dB"


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("name", tuple(SYSTEMS))
def test_integers_do_what_floats_do(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show(name, "host", tmp_path / "out", lambda *_: None)
    float32, w8a8 = demo.rows
    assert w8a8.manifest.verification is not None
    assert w8a8.manifest.verification["bit_exact_with_oracle"] is True
    assert w8a8.manifest.macs_float == 0
    if (gain_db := w8a8.quality.get(GAIN)) is not None:
        assert gain_db >= LEAST_GAIN_DB
        assert gain_db >= (float32.quality[GAIN] or 0) - MOST_LOST_DB
    printed(demo, capsys)


@pytest.mark.slow
@needs_cc
def test_one_system_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("c-bsn", "c99", tmp_path / "out", lambda *_: None, recipes=("w8a8",))
    (row,) = demo.rows
    assert (row.quality[GAIN] or 0) >= LEAST_GAIN_DB
    printed(demo, capsys)


def printed(demo: PicturesDemo, capsys: pytest.CaptureFixture[str]) -> None:
    """Print a demo as a table and as JSON, and look for its figures and its files."""
    show_pictures(demo, as_json=False)
    said = capsys.readouterr().out
    for name, value in demo.rows[-1].quality.items():
        assert value is not None
        assert name in said and f"{value:.2f}" in said
    show_pictures(demo, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["rows"]) == len(demo.rows)
    assert all((demo.directory / name).is_file() for name in demo.files)
    assert (demo.directory / f"{demo.name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_system_degrades_what_it_is_to_restore() -> None:
    clean = np.full((4, 1, 28, 28), -1, np.float32)
    clean[:, :, 8:20, 8:20] = 1
    for name, made in SYSTEMS.items():
        system = made(name, clean, clean)
        assert system.network.is_file() or isinstance(system, Anagrams), name
        if isinstance(system, Restoration):
            assert system.before is not None
            assert system.measures(system.before)[GAIN] == pytest.approx(0), name
            assert system.target is not None
            assert (system.measures(system.target)[GAIN] or 0) > 10, name
        else:
            assert isinstance(system, Search | Codes), name


def test_a_strip_has_a_line_for_each_part(tmp_path: Path) -> None:
    grey, colour = np.zeros((3, 1, 28, 28), np.float32), np.zeros((2, 4, 28, 28), np.float32)
    draw_strip(tmp_path / "grey.png", {"a": grey, "b": grey})
    draw_strip(tmp_path / "colour.png", {"a": colour})
    sizes = [(tmp_path / f"{name}.png").stat().st_size for name in ("grey", "colour")]
    assert min(sizes) > 500
