"""How far a network with replaced nodes is from the original one."""

import numpy as np
from stream_networks import Net

from edgekit.export.stream.replace.distance import distance_line, distances, noise
from edgekit.export.stream.sources import Offline, onnx_offline


def scaled(factor: float) -> Offline:
    net = Net()
    return onnx_offline(net.model([1, 1, "T"], net.add("Mul", "x", net.const(factor))), name="net")


def test_a_hundredth_is_40_db():
    (found,) = distances(scaled(1), scaled(1.01), [noise(scaled(1), 24)], 24, "noise")
    assert abs(found.snr_db - 40) < 0.01
    np.testing.assert_allclose(found.max_error, found.peak / 100, rtol=1e-3)
    assert "against the original on noise: 40 dB" in distance_line(found)


def test_equal_networks_have_no_ratio():
    (found,) = distances(scaled(2), scaled(2), [noise(scaled(2), 24)], 24, "examples")
    assert (found.snr_db, found.max_error) == (None, 0)
    assert "on examples: equal, largest error 0 " in distance_line(found)
