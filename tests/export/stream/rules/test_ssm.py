"""The diagonal state-space layer as its recurrence."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused

from edgekit.export.stream.rules.ssm import _balance_drive_and_readout


def layer(net: Net, x: str) -> str:
    """One group of four channels and three states."""
    a = np.exp(net.random.uniform(-0.5, -0.1, (1, 3)) + 1j * net.random.uniform(0, 3, (1, 3)))
    b, c = (net.random.normal(size=(2, 1, *shape)) for shape in ((3, 4), (4, 3)))
    parts = [net.const(np.stack([a.real, a.imag])), net.const(b), net.const(c)]
    return net.add("DiagonalSSM", x, *parts, net.weight(4), domain="edgekit")


@pytest.mark.parametrize("right", [0, 2])
def test_one_state_for_each_complex_number(right):
    net = Net()
    late = net.conv("x", 4, 4, 3, left=2 - right, right=right)
    for model in check(net.model([1, 4, "T"], layer(net, late))):
        assert delays(model) == [right]
        shapes = [tuple(v.shape or ()) for v in model.ir.graph.inputs if "ssm" in str(v.name)]
        assert shapes == [(1, 1, 6)]


def test_several_recordings_at_once_are_refused():
    net = Net()
    assert "its batch is not 1" in refused(net, layer(net, "x"), (2, 4, "T"))


def test_drive_and_readout_change_places_by_powers_of_two():
    random = np.random.default_rng(0)
    a = np.full((1, 3), 0.9 + 0j)
    b, c = 100 * random.normal(size=(1, 3, 4)) + 0j, random.normal(size=(1, 4, 3)) + 0j
    drive, readout = _balance_drive_and_readout(a, b, c)
    np.testing.assert_allclose(readout @ drive, c @ b)
    factors = np.log2(np.abs(b / drive))
    np.testing.assert_allclose(factors, np.round(factors), atol=1e-12)
