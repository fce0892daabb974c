"""`edgekit demo voice-source`: closures, how they are judged, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.voice_source import train
from edgekit.demos.voice_source.closures import DELAY, HOP, RATE, bumps, instants, score_closures
from edgekit.demos.voice_source.network import build
from edgekit.demos.voice_source.show import KEPT, show
from edgekit.demos.voice_source.synthesis import liljencrants, rosenberg, source


def test_bumps_are_found_where_they_were_put() -> None:
    random = np.random.default_rng(0)
    closed = np.cumsum(random.uniform(0.0025, 0.014, 150))
    found = instants(bumps(closed, int(closed[-1] * RATE) + 4 * DELAY))
    np.testing.assert_allclose(found, closed, atol=1e-6)


def test_second_and_stray_detections_are_false() -> None:
    closed = 0.1 + 0.01 * np.arange(5)
    found = np.sort(np.concatenate([closed[:3] + 2e-4, [closed[0] - 2e-3, 0.5]]))
    hit, false, errors = score_closures(found, closed)
    assert (hit, false) == (2, 2)
    np.testing.assert_allclose(errors, 2e-4, atol=1e-12)
    assert score_closures(np.zeros(0), closed)[:2] == (0, 0)


@pytest.mark.parametrize("pulse", [rosenberg, liljencrants])
def test_the_flow_falls_steepest_at_its_closure(pulse: object) -> None:
    closed = 0.01 + 0.008 * np.arange(12)
    flow = source(np.random.default_rng(3), closed, RATE // 8, pulse)  # type: ignore[arg-type]
    for instant in closed[2:]:
        at = round(instant * RATE)
        near = slice(at - 60, at + 60)
        assert abs(int(np.argmin(flow[near])) - 60) <= 5


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, _ = build()
    pcm = 0.1 * torch.randn(1, 1, 60 * HOP)
    told = network(pcm)[..., : 40 * HOP]
    torch.testing.assert_close(told, network(pcm[..., : 40 * HOP]), atol=1e-5, rtol=0)


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "made.npz"
    train.train(1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 150_000
    assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])


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
