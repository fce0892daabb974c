"""`PartitionedFIR`: a convolution in torch and as ONNX function, blocks of spectra in a stream and in C."""

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from quick_build import load_kernels, quick_build
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.own_operators.partitioned_fir import PartitionedFIR
from edgekit.export.stream.convert import stream
from edgekit.export.stream.rules.partitioned_fir import block_of
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.verbs.export.importing import ImportOptions, with_surroundings

FEW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # a case takes seconds: it is not made smaller
)


def room(channels, taps, seed=0):
    """A response that fades by 60 dB."""
    fade = 10 ** (-3 * np.arange(taps) / taps)
    response = np.random.default_rng(seed).normal(size=(channels, taps)) * fade
    return (response / np.abs(response).sum(1, keepdims=True)).astype(np.float32)


def filtered(response, batch=1, left=0):
    net, channels = Net(), len(response)
    x = net.conv("x", channels, channels, 3, left=2 - left, right=left) if left else "x"
    y = net.add("PartitionedFIR", x, net.const(response), domain="edgekit", channels=channels)
    return net.model([batch, channels, "T"], y)


def convolved(x, response):
    """Sums of products in float64."""
    rows = [
        [np.convolve(s, r)[: len(s)] for s, r in zip(sound, response, strict=True)]
        for sound in x.astype(np.float64)
    ]
    return np.array(rows)


def test_the_module_is_a_convolution():
    layer = PartitionedFIR(300, 2)
    x = torch.randn(3, 2, 500, requires_grad=True)
    torch.testing.assert_close(layer(x), x)
    with torch.no_grad():
        layer.response.copy_(torch.from_numpy(room(2, 300)))
    expected = convolved(x.detach().numpy(), layer.response.detach().numpy())
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-6)
    layer(x).square().mean().backward()
    assert x.grad.any() and layer.response.grad.any()


@pytest.mark.parametrize("left", [0, 1])
def test_it_streams_as_it_is_offline(left):
    models = check(filtered(room(2, 90), left=left))
    assert models[0].streaming.outputs[0].delay_samples == left


@pytest.mark.slow
@needs_cc
@FEW
@given(
    hop=st.integers(1, 96) | st.sampled_from([64, 128, 256]),
    taps=st.integers(1, 700),
    channels=st.integers(1, 3),
    batch=st.integers(1, 2),
)
def test_c_is_the_convolution_at_any_hop_without_delay(hop, taps, channels, batch):
    load_kernels()
    response = room(channels, taps, hop)
    offline = onnx_offline(filtered(response, batch), name="room")
    model = with_surroundings(stream(offline, hop=hop), ImportOptions())
    assert model.stream.delay_samples == 0
    x = np.random.default_rng(taps).normal(size=(batch, channels, 2 * taps + 3 * hop))
    x = x.astype(np.float32)
    (found,) = quick_build(model).clip({"x": x}).values()
    expected = convolved(x, response)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("hop", "taps", "block"),
    [
        (64, 48_000, 64),
        (64, 4_800, 64),
        (1024, 600, 128),
        (7, 900, None),
        (64, 30, None),
        (48, 9_600, 48),
    ],
)
def test_a_block_is_what_costs_least(hop, taps, block):
    assert block_of(hop, taps) == block


@pytest.mark.slow
def test_a_reverb_of_three_seconds_keeps_its_spectra_and_no_more():
    offline = onnx_offline(filtered(room(1, 48_000)), name="room")
    model = stream(offline, hop=64)
    shapes = {pair.input: None for pair in model.states}
    sizes = [np.prod([int(d) for d in v.shape]) for v in model.ir.graph.inputs if v.name in shapes]
    assert sum(sizes) == 64 + 749 * 65 * 2


def test_a_computed_response_is_refused():
    net = Net()
    y = net.add("PartitionedFIR", "x", "response", domain="edgekit", channels=2)
    data = net.model([1, 2, "T"], y, more={"response": [2, 4]})
    with pytest.raises(ModelError, match=r"PartitionedFIR .*its response is computed"):
        stream(onnx_offline(data, name="room"))


def layer():
    torch.manual_seed(0)
    made = PartitionedFIR(200)
    with torch.no_grad():
        made.response.copy_(torch.from_numpy(room(1, 200)))
    return made, (torch.randn(1, 1, 60),)


@pytest.mark.slow
def test_a_module_with_the_layer_is_imported_and_streams():
    model = stream(torch_offline(f"{__name__}:layer", name="layer", time_axes={"x": 2}), hop=32)
    assert model.stream.delay_samples == 0 and len(model.states) == 2
