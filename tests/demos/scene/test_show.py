"""`edgekit demo scene`."""

from pathlib import Path

import numpy as np
import pytest
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.scene.facts import CLASSES, HOP, RATE
from edgekit.demos.scene.scene_scores import Scores
from edgekit.demos.scene.scene_staging import places
from edgekit.demos.scene.show import KEPT, found, hear, show, stage
from edgekit.runtime.stream import Stream


def test_sounds_are_listed_with_their_directions() -> None:
    said = np.zeros((100, len(CLASSES), 3), np.float32)
    said[20:60, 1] = 0.9 * places([(-100.0, 20.0)], 1)
    said[70:73, 0] = 1  # too short
    (one,) = found(said)
    assert (one.name, one.start_s, one.stop_s) == ("alarm", 20 * HOP / RATE, 60 * HOP / RATE)
    assert one.azimuth_deg == pytest.approx(-100, abs=0.01)
    assert one.elevation_deg == pytest.approx(20, abs=0.01)


@needs_cc
@pytest.mark.slow
def test_the_demo_finds_what_sounds_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    f20, error_deg, recall = row.quality.values()
    assert f20 is not None and f20 > 50
    assert error_deg is not None and error_deg < 20
    assert recall is not None and recall > 50
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    scene = stage(seed=9)
    said, _ = hear(Stream.open(demo.directory / KEPT), scene.pcm)
    scores = Scores()
    scores.add(said, scene.vectors)
    assert scores.error_deg < 30
    show_hearable(demo, as_json=False)
    assert f"{f20:.3g}" in capsys.readouterr().out
