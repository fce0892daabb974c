"""`edgekit demo sensor`: the simulated sensor, two networks of one size, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.sensor import train
from edgekit.demos.sensor.data import CHUNK, RATE, one_pole_noise, recordings
from edgekit.demos.sensor.network import KINDS, build, fresh
from edgekit.demos.sensor.show import KEPT, show


def test_what_wanders_keeps_its_variance_and_its_pace() -> None:
    drawn = one_pole_noise(np.random.default_rng(0), (400, 60 * RATE), 2.0)
    assert drawn.var() == pytest.approx(1, abs=0.05)
    later = drawn[:, :: 2 * RATE]
    assert (later[:, :-1] * later[:, 1:]).mean() == pytest.approx(np.exp(-1), abs=0.05)


def test_both_networks_have_as_many_weights() -> None:
    sizes = [sum(part.numel() for part in fresh(kind).parameters()) for kind in KINDS]
    assert max(sizes) < 1.03 * min(sizes)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_trained_networks_know_the_position(kind: str) -> None:
    pads, exact = recordings(np.random.default_rng(11), 4, 60 * RATE)
    found = build(kind)[0](torch.from_numpy(pads)).numpy()
    error = np.square(found - exact)[:, 50:].mean()
    assert error < 0.3 * exact.var()


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    for kind in KINDS:
        train.train(kind, 2, tmp_path, 80 * CHUNK)
        first = torch.load(tmp_path / f"{kind}.checkpoint", weights_only=True)
        train.train(kind, 4, tmp_path, 80 * CHUNK)
        second = torch.load(tmp_path / f"{kind}.checkpoint", weights_only=True)
        assert (first["step"], second["step"]) == (2, 4)
        assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])


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
