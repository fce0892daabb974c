"""`edgekit demo sensor`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.sensor.show import KEPT, show


@pytest.mark.slow
@needs_cc
def test_the_demo_finds_the_position(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    error = row.quality["mean squared error, first 10 s left out"]
    assert error is not None and error < 0.4
    assert row.manifest.stream["delay_samples"] == 0
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{error:.3g}" in capsys.readouterr().out
