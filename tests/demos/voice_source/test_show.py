"""`edgekit demo voice-source`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.voice_source.show import KEPT, show


@needs_cc
@pytest.mark.slow
def test_the_demo_finds_the_closures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    hit, false, spread = row.quality.values()
    assert hit is not None and hit > 90
    assert false is not None and false < 5
    assert spread is not None and spread < 0.4
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{hit:.3g}" in capsys.readouterr().out
