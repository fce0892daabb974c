"""`edgekit demo target-speech`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.target_speech.show import KEPT, show


@needs_cc
@pytest.mark.slow
def test_the_demo_hears_whom_it_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    gain, first, second, settled, *_ = row.quality.values()
    assert gain is not None and gain > 0
    assert first is not None and second is not None and settled is not None
    assert min(first, second) < settled  # what is left out is the harder part
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{gain:.3g}" in capsys.readouterr().out
