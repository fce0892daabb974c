"""Where float32 itself is far off, float64 tells whether two networks are the same."""

import numpy as np
import pytest
import torch
from stream_networks import Net
from torch import Tensor, nn

from edgekit.base.errors import VerificationError
from edgekit.export.double import double_runner, nudge_array
from edgekit.export.from_torch import from_torch
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import LIMIT, compare, compare_in_double


def cancelled(offset: float = 300.0) -> bytes:
    """The variance so far, as a mean of squares less the square of a mean, of what is far from zero."""
    net = Net()
    x = net.add("Add", "x", net.const(offset))
    ones = net.add("Add", net.add("Mul", "x", net.const(0)), net.const(1))
    axis = net.const(2, np.int64)
    count = net.add("CumSum", ones, axis)
    mean = net.add("Div", net.add("CumSum", x, axis), count)
    square = net.add("Div", net.add("CumSum", net.add("Mul", x, x), axis), count)
    return net.model([1, 2, "T"], net.add("Sub", square, net.add("Mul", mean, mean)))


def test_a_right_rewrite_that_float32_does_not_show_is_proven_in_float64():
    model = stream(onnx_offline(cancelled(), name="net"), hop=5)
    x = np.random.default_rng(0).standard_normal((1, 2, 50)).astype(np.float32)
    (exact,) = double_runner(cancelled())({"x": x}).values()
    (single,) = in_onnxruntime(cancelled())({"x": x}).values()
    assert np.abs(exact - single).max() > 10 * LIMIT * np.abs(exact).max()
    assert model.stream.hop_samples == 5


def test_float64_does_not_excuse_another_network():
    x = np.random.default_rng(0).standard_normal((1, 2, 50)).astype(np.float32)
    exact, other = (double_runner(cancelled(offset))({"x": x}) for offset in (300, 300.001))
    single = in_onnxruntime(cancelled())({"x": x})
    assert compare_in_double(exact, exact, single, single, what="it") > LIMIT
    near = {name: array * (1 + 1e-6) for name, array in exact.items()}
    with pytest.raises(VerificationError, match="in float64 it is not the same network"):
        compare_in_double(exact, near, single, single, what="it")
    far = {name: array + 100 * np.abs(array - exact[name]).max() for name, array in single.items()}
    with pytest.raises(VerificationError, match="it is not the same network"):
        compare_in_double(exact, exact, single, far, what="it")
    compare(exact, other, limit=1e-3)


def test_rounded_constants_may_change_as_much_as_a_unit_in_the_last_place_of_them():
    x = np.random.default_rng(0).standard_normal((1, 2, 50)).astype(np.float32)
    exact, nudged = (double_runner(cancelled(), nudged)({"x": x}) for nudged in (False, True))
    single = in_onnxruntime(cancelled())({"x": x})
    (name,) = exact
    moved = np.abs(nudged[name] - exact[name]).max() / np.abs(exact[name]).max()
    assert 0 < moved < 1
    near = {name: exact[name] * (1 + 2e-6)}
    assert compare_in_double(exact, near, single, single, what="it", constants={name: 3e-6}) > LIMIT
    other = {name: exact[name] * (1 + 2 * LIMIT)}  # whatever constants explain
    with pytest.raises(VerificationError, match="in float64 it is not the same network"):
        compare_in_double(exact, other, single, single, what="it", constants={name: 1.0})


class Phase(nn.Module):
    """Sines of multiples of a running sum, as an oscillator bank."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(torch.cumsum(1 + 0.1 * x, -1) * torch.arange(1, 41)[:, None])


def phase() -> tuple[nn.Module, tuple[Tensor]]:
    return Phase(), (torch.rand(1, 1, 400),)


def test_an_import_whose_own_conditioning_is_worse_than_the_tolerance():
    model, _ = from_torch(f"{__name__}:phase", name="net")
    assert "CumSum" in {node.op_type for node in model.ir.graph}


def test_all_of_a_network_is_widened():
    """Initializers, constants of nodes and of functions, casts."""
    net = Net()
    y = net.add("Cast", net.add("Cast", net.conv("x", 2, 2, 3), to=1), to=1)
    y = net.add("Mul", y, net.add("Constant", value_float=0.1))
    data = net.model([1, 2, "T"], net.recurrent(y, 2, "GRU"))
    x = np.random.default_rng(0).standard_normal((1, 2, 50)).astype(np.float32)
    (exact,) = double_runner(data)({"x": x}).values()
    assert exact.dtype == np.float64
    compare({"y": exact}, {"y": next(iter(in_onnxruntime(data)({"x": x}).values()))}, limit=1e-5)


def test_a_nudged_number_without_dimensions_stays_an_array() -> None:
    nudged = nudge_array(np.array(1.5, np.float32), np.random.default_rng(0))
    assert isinstance(nudged, np.ndarray) and nudged.shape == () and nudged != 1.5
