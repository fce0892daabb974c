"""`SelectiveSSM`: a scan in torch, an ONNX function, one step per frame in a stream and in C."""

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.own_operators.selective import SelectiveSSM
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.export.verify import compare
from edgekit.verbs.export.importing import ImportOptions, with_surroundings


def scan(left=0, batch=1):
    net = Net()
    x = net.conv("x", 3, 3, 3, left=2 - left, right=left) if left else "x"
    dt, b, c = net.add("Softplus", net.conv(x, 3, 3, 1)), net.conv(x, 3, 4, 1), net.conv(x, 3, 4, 1)
    rates = net.const(-np.abs(net.random.normal(size=(3, 4))))
    y = net.add("SelectiveSSM", x, dt, rates, b, c, net.weight(3), domain="edgekit")
    return net.model([batch, 3, "T"], y)


def test_the_scan_is_the_recurrence():
    torch.manual_seed(0)
    layer, u = SelectiveSSM(6, 5, rank=2), torch.randn(2, 6, 37)
    low, b, c = layer.choose(u.transpose(1, 2)).split([2, 5, 5], -1)
    dt, a = torch.nn.functional.softplus(layer.step(low)), -layer.log_rate.exp()
    h, frames = torch.zeros(2, 6, 5), []
    for t in range(37):
        now = u[:, :, t]
        h = torch.exp(dt[:, t, :, None] * a) * h + (dt[:, t] * now)[..., None] * b[:, t, None]
        frames.append((h * c[:, t, None]).sum(-1) + layer.skip * now)
    torch.testing.assert_close(layer(u), torch.stack(frames, -1), atol=1e-5, rtol=0)
    layer(u).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("left", [0, 1])
def test_it_streams_as_it_runs_offline(left):
    models = check(scan(left))
    assert models[0].streaming.outputs[0].delay_samples == left
    assert not any(node.domain for node in models[0].ir.graph)


@needs_cc
def test_in_c_it_is_the_whole_after_a_long_time():
    load_kernels()
    data = scan(1)
    model = with_surroundings(stream(onnx_offline(data, name="scan"), hop=4), ImportOptions())
    x = np.random.default_rng(0).standard_normal((1, 3, 4001)).astype(np.float32)
    compare(in_onnxruntime(data)({"x": x}), quick_build(model).clip({"x": x}), what="in C it")


def test_several_recordings_at_once_are_refused():
    with pytest.raises(ModelError, match=r"SelectiveSSM .*: its batch is not 1"):
        stream(onnx_offline(scan(batch=2), name="scan"))


def layer():
    torch.manual_seed(0)
    return torch.nn.Sequential(SelectiveSSM(4, 3)), (torch.randn(1, 4, 30),)


@pytest.mark.slow
def test_a_module_with_the_layer_is_imported_and_streams():
    model = stream(torch_offline(f"{__name__}:layer", name="layer", time_axes={"input": 2}))
    assert model.stream.delay_samples == 0 and len(model.states) == 1
