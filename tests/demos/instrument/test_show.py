"""`edgekit demo instrument`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.instrument.show import KEPT, show


@needs_cc
@pytest.mark.slow
def test_the_demo_plays_in_tune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    _, share, loudness, error, within, wet, dry = row.quality.values()
    assert share is not None and 30 < share < 60
    assert error is not None and error < 10
    assert within is not None and within > 75
    assert loudness is not None and loudness < 2
    assert wet is not None and dry is not None and dry < 5 < wet
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{error:.3g}" in capsys.readouterr().out
