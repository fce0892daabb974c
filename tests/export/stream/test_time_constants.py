"""Constants along time that other libraries write otherwise: angles by Einsum, the whole of a slice."""

import numpy as np
import pytest
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


def turned(equation: str) -> bytes:
    """Gains by the cosines of angles, the last T of them, of (1, T, 4)."""
    net = Net()
    frames = net.add("Gather", net.add("Shape", "x"), net.const(1, np.int64))
    count = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    place = net.add("Unsqueeze", net.add("Cast", count, to=1), net.const([0], np.int64))
    angles = net.add("Einsum", place, net.const([1.0, 0.31, 0.01, 0.0037]), equation=equation)
    start = net.add("Neg", net.add("Unsqueeze", frames, net.const([0], np.int64)))
    end, axis = net.const([2**60], np.int64), net.const([1], np.int64)
    last = net.add("Slice", angles, start, end, axis)
    return net.model([1, "T", 4], net.add("Mul", "x", net.add("Cos", last)))


def test_rotary_angles_by_einsum():
    (model, *_) = check(turned("bi,j->bij"), (1, 2, 5))
    assert model.streaming.outputs[0].delay_samples == 0


def test_an_einsum_with_dots_is_not_read():
    with pytest.raises(ModelError, match="follows the length of the input"):
        stream(onnx_offline(turned("...i,j->...ij"), name="net"))
