"""Networks as people write them, streamed: Conv-TasNet, conv-GRU U-Net, WaveNet, windowed attention."""

from pathlib import Path

import numpy as np
import pytest
import torch
from slices import slow_except
from stream_modules import ConvGruUnet, ConvTasNet, WaveNet, WindowedAttention, exported
from stream_networks import check, least_delay

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import analyse, rewrite, stream
from edgekit.export.stream.sources import onnx_offline, torch_offline


def delay_of(models):
    (delay,) = {model.streaming.outputs[0].delay_samples for model in models}
    return delay


@pytest.mark.slow
def test_conv_tasnet():
    torch.manual_seed(0)
    data = exported(ConvTasNet(), (1, 1, 160), 2, 8)
    models = check(data, (1, 7), samples=1200)
    assert delay_of(models) == 8 == least_delay(data, 8, 160)
    assert models[0].stream.hop_samples == 8
    states = {tuple(value.shape) for value in models[0].ir.graph.inputs}
    assert (1, 24, 256) in states  # dilation 128, 3 taps


@pytest.mark.slow
@pytest.mark.skipif(
    torch.__version__.startswith("2.8."),
    reason="torch 2.8 writes its .onnx for one length: pip install 'torch>=2.13'",
)
def test_conv_gru_unet():
    torch.manual_seed(0)
    models = check(exported(ConvGruUnet(), (1, 2, 20, 31), 2), (1, 3))
    assert delay_of(models) == 0
    assert models[0].end_state is None


@pytest.mark.slow
def test_wavenet():
    torch.manual_seed(0)
    models = check(exported(WaveNet(), (1, 1, 100), 2), (1, 2), samples=200)
    assert delay_of(models) == 0
    assert models[0].end_state is None


@pytest.mark.parametrize("ahead", slow_except(lambda ahead: ahead == 3, [0, 3]))
def test_windowed_attention(ahead):
    torch.manual_seed(0)
    models = check(exported(WindowedAttention(10, ahead), (1, 40, 16), 1), (1, 2, 7))
    assert delay_of(models) == ahead
    assert (models[0].end_state is None) == (ahead == 0)


@pytest.mark.slow
def test_a_window_longer_than_the_first_length_that_is_read():
    torch.manual_seed(0)
    offline = onnx_offline(exported(WindowedAttention(500), (1, 40, 16), 1), name="net")
    with pytest.raises(ModelError, match="attention over all of time"):
        rewrite(analyse(offline), 40)
    model = stream(offline, hop=40)
    assert delay_of([model]) == 0
    assert (1, 2, 499, 8) in {tuple(value.shape) for value in model.ir.graph.inputs}


@pytest.mark.slow
def test_attention_without_a_window_is_refused():
    data = exported(WindowedAttention(10**6), (1, 40, 16), 1)
    with pytest.raises(
        ModelError, match=r"MatMul .*: attention over all of time; .* mask with a band"
    ):
        stream(onnx_offline(data, name="net"))


def factory():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 3, padding=1), torch.nn.Tanh())
    return net, torch.randn(1, 2, 50)


def test_a_torch_factory_with_a_named_time_axis(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    offline = torch_offline(f"{__name__}:factory", name="net", time_axes={"input": 2})
    model = stream(offline, hop=4)
    assert (model.stream.hop_samples, model.stream.delay_samples) == (4, 1)
    assert model.source.name == "net"
    assert len(analyse(offline).short.graph) == 2
    assert np.isfinite(model.ir.graph.initializers["0.weight"].const_value.numpy()).all()


class Grouped(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter = torch.nn.Conv1d(2, 4, 1)
        self.norms = torch.nn.ModuleList([torch.nn.GroupNorm(2, 4)])

    def forward(self, x):
        return self.norms[0](self.enter(x))


def grouped():
    return Grouped(), torch.randn(1, 2, 50)


def test_a_refusal_names_the_module_of_a_node_that_was_taken_apart():
    offline = torch_offline(f"{__name__}:grouped", name="net", time_axes={"x": 2})
    with pytest.raises(ModelError, match=r"of module 'norms\.0': a norm over all of time"):
        stream(offline)
