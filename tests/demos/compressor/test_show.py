"""`edgekit demo compressor`."""

from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.compressor.show import KEPT, show
from edgekit.runtime.build_folder.manifest import Manifest


@pytest.mark.slow
@needs_cc
def test_the_demo_follows_the_formula_while_knobs_are_turned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    error, gain, share, error_there, gain_there, bias = row.quality.values()
    assert error is not None and error < 1
    assert gain is not None and gain < 0.6
    assert share is not None and 20 < share < 80
    assert error_there is not None and error < error_there < 5  # compression is the harder part
    assert gain_there is not None and gain < gain_there < 1.5
    assert bias is not None and abs(bias) < gain_there
    assert Manifest.load(demo.directory / KEPT) == row.manifest
    assert row.manifest.stream["delay_samples"] == 0
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert f"{error:.3g}" in capsys.readouterr().out
