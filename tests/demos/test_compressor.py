"""`edgekit demo compressor`: the formula, the network that learnt it, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.compressor import train
from edgekit.demos.compressor.formula import HOP, RATE, gain_db
from edgekit.demos.compressor.network import Compressor, build
from edgekit.demos.compressor.show import KEPT, show
from edgekit.runtime.build_folder.manifest import Manifest


def test_the_formula_is_that_of_each_sample() -> None:
    random = np.random.default_rng(1)
    pcm = random.uniform(-1, 1, (2, 3 * HOP))
    knobs = random.uniform([-30, 1, 1, 1], [0, 5, 40, 40], (2, 3, 4)).transpose(0, 2, 1)
    found = gain_db(pcm, knobs)
    for clip in range(2):
        gain = 0.0
        for n, x in enumerate(pcm[clip]):
            threshold, ratio, attack, release = knobs[clip, :, n // HOP]
            level = max(20 * np.log10(abs(x) + 1e-8), -96)
            wanted = threshold + (level - threshold) / ratio - level if level > threshold else 0
            pole = np.exp(-np.log(9) / (RATE * (attack if wanted < gain else release) / 1000))
            gain = pole * gain + (1 - pole) * wanted
            assert found[clip, n] == pytest.approx(gain, abs=1e-9)


@torch.no_grad()
def test_twice_the_overshoot_is_twice_the_gain() -> None:
    """What the layers without biases promise, of whatever weights."""
    torch.manual_seed(0)
    network = Compressor()
    level = -10 * torch.rand(1, 1, 64 * HOP)
    knobs = torch.tensor([-20.0, 4.0, 3.0, 30.0])[None, :, None].repeat(1, 1, 64)
    low = network.gain_db(10 ** (level / 20), knobs)
    knobs[:, 0] = 2 * (-20) - 0.0
    high = network.gain_db(10 ** (2 * level / 20), knobs)
    torch.testing.assert_close(high, 2 * low, atol=2e-3, rtol=1e-3)


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "heard" / "noise").mkdir(parents=True)
    sound = 0.3 * random.standard_normal(RATE)
    soundfile.write(tmp_path / "heard" / "noise" / "a.wav", sound, RATE)
    out = tmp_path / "made.npz"
    train.train(tmp_path / "heard", 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(tmp_path / "heard", 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 60_000
    assert not torch.equal(first["network"]["gather.weight"], second["network"]["gather.weight"])


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


@torch.no_grad()
def test_a_turned_knob_is_heard_in_its_hop_and_does_not_click() -> None:
    network, _ = build()
    hops, at = 300, 150
    tone = 0.5 * torch.sin(2 * torch.pi * 220 / RATE * torch.arange(hops * HOP))[None, None]
    knobs = torch.tensor([-30.0, 5.0, 1.0, 20.0])[None, :, None].repeat(1, 1, hops)
    still = network(tone, knobs)[0, 0]
    knobs[:, :, at:] = torch.tensor([-6.0, 2.0, 20.0, 40.0])[None, :, None]
    turned = network(tone, knobs)[0, 0]
    begin = at * HOP
    assert torch.equal(turned[:begin], still[:begin])
    assert (turned - still)[begin : begin + HOP].abs().max() > 1e-3
    steps = turned.diff().abs()
    usual = max(steps[begin - 50 * HOP : begin - 1].max(), steps[begin + 100 * HOP :].max())
    assert steps[begin - 1 : begin + 20 * HOP].max() < 1.2 * usual
