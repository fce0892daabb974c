"""`edgekit demo stream-diffusion`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.stream_diffusion.show import KEPT, show


@needs_cc
@pytest.mark.slow
def test_the_demo_enhances_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    assert all(gain is not None and gain > 1 for gain in row.quality.values())
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert "SI-SDR gain" in capsys.readouterr().out
