"""A bank of oscillators whose phase is kept in whole numbers."""

import numpy as np
from stream_networks import Net, check, delays, refused

from edgekit.export.hop_runner import run_hops


def bank(net: Net, pitch: str, parts: str, rate: int = 16000) -> str:
    return net.add("Oscillators", pitch, parts, domain="edgekit", rate=rate)


def test_the_phase_goes_on_from_hop_to_hop():
    net = Net()
    pitch = net.add("Mul", net.add("Abs", net.cut("x", 0, 1, axis=1)), net.const(900))
    models = check(net.model([1, 3, "T"], bank(net, pitch, net.cut("x", 1, 3, axis=1))), (1, 4))
    for model in models:
        assert delays(model) == [0] and len(model.states) == 4


def test_a_steady_tone_is_a_sine():
    net = Net()
    pitch = net.add("Add", net.add("Mul", "x", net.const(0)), net.const(1000))
    (model,) = check(net.model([1, 1, "T"], bank(net, pitch, "x")), (4,))
    (found,) = run_hops(model, {"x": np.ones((25, 1, 1, 4), np.float32)}).values()
    turns = np.arange(1, 101) / 16
    np.testing.assert_allclose(found.ravel(), np.sin(2 * np.pi * turns), atol=1e-5)


def test_a_rate_beyond_exact_numbers_is_refused():
    net = Net()
    found = refused(net, bank(net, "x", "x", rate=2**18), (1, 1, "T"))
    assert "rate 262144" in found and "a rate below 262144" in found
