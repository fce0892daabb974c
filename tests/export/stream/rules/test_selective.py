"""The selective state-space layer, one step per frame."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused

from edgekit.export.hop_runner import run_hops


def layer(net: Net, x: str) -> str:
    dt, b, c = net.add("Softplus", x), net.conv(x, 3, 4, 1), net.conv(x, 3, 4, 1)
    rates = net.const(-np.abs(net.random.normal(size=(3, 4))))
    return net.add("SelectiveSSM", x, dt, rates, b, c, net.weight(3), domain="edgekit")


@pytest.mark.parametrize("right", [0, 2])
def test_a_state_that_starts_at_time_zero(right):
    net = Net()
    late = net.conv("x", 3, 3, 3, left=2 - right, right=right)
    for model in check(net.model([1, 3, "T"], layer(net, late))):
        assert delays(model) == [right]
        (shape,) = {
            tuple(v.shape or ()) for v in model.ir.graph.inputs if "selective" in str(v.name)
        }
        assert shape == (3, 4)


def test_it_is_the_recurrence():
    net = Net()
    rates = -np.abs(net.random.normal(size=(3, 4))).astype(np.float32)
    one = net.const(np.ones((1, 1, 1)))
    b = net.add("Mul", net.cut("x", 0, 1, axis=1), net.const(np.ones((1, 4, 1))))
    dt = net.add("Add", net.add("Mul", "x", net.const(0)), one)
    skip = net.const(np.zeros(3))
    y = net.add("SelectiveSSM", "x", dt, net.const(rates), b, b, skip, domain="edgekit")
    (model,) = check(net.model([1, 3, "T"], y), (2,))
    x = net.random.normal(size=(5, 1, 3, 2)).astype(np.float32)
    found = run_hops(model, {"x": x})[y].transpose(1, 2, 0, 3).reshape(3, 10)
    h, frames = np.zeros((3, 4)), x.transpose(1, 2, 0, 3).reshape(3, 10).astype(np.float64)
    for t in range(10):
        h = np.exp(rates) * h + frames[:, t, None] * frames[0, t]
        np.testing.assert_allclose(found[:, t], h.sum(1) * frames[0, t], rtol=1e-4, atol=1e-5)


def test_a_batch_of_two_is_refused():
    net = Net()
    assert "its batch is not 1" in refused(net, layer(net, "x"), (2, 3, "T"))
