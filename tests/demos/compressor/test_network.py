"""The network that learnt the compressor: its gain, and knobs that are turned."""

import torch

from edgekit.demos.compressor.formula import HOP, RATE
from edgekit.demos.compressor.network import Compressor, build


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
