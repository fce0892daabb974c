"""`edgekit demo wake`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.wake.show import KEPT, show


@pytest.mark.slow
@needs_cc
def test_the_demo_hears_every_keyword_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    found, false, late = row.quality.values()
    assert found == 4 and false == 0
    assert late is not None and late < 300
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert "keywords" in capsys.readouterr().out
