"""The lengths at which an offline network is read: multiples of what its strides along time divide, and short."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_modules import exported
from stream_networks import Net, check
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import analyse, stream
from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.sources import onnx_offline, torch_offline


def up(net: Net, x: str, factor: int) -> str:
    return net.add(
        "Resize",
        x,
        "",
        net.const([1, 1, factor]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def pooled_and_repeated(factors: list[int]) -> bytes:
    net, x = Net(), "x"
    for factor in factors:
        x = net.add("AveragePool", x, kernel_shape=[factor], strides=[factor])
        x = net.add("Tanh", up(net, x, factor))
    return net.model([1, 2, "T"], x)


def test_upsampling_takes_back_what_pooling_gave():
    offline = onnx_offline(pooled_and_repeated([4] * 8), name="net")
    assert max(two_lengths(offline)[2]) < 240
    assert analyse(offline).facts.minimum_hop() == 4
    check(pooled_and_repeated([4] * 8), (1, 3))


@pytest.mark.parametrize("factors", [(3, 3), (5, 3, 3), (7, 3)])
def test_strides_that_divide_no_round_length(factors):
    """Skips around strides fit together at multiples of these alone."""
    net, x, skips = Net(), "x", []
    for factor in factors:
        skips.append(x)
        x = net.add("MaxPool", x, kernel_shape=[factor], strides=[factor])
    for factor in reversed(factors):
        x = net.add("Add", up(net, x, factor), skips.pop())
    (model, *_) = check(net.model([1, 2, "T"], x), (1, 2))
    assert model.stream.minimum_hop_samples == int(np.prod(factors))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=4))
def test_the_lengths_are_multiples_of_the_least_hop_and_differ(factors):
    net, x = Net(), "x"
    for factor in factors:
        x = net.add("MaxPool", x, kernel_shape=[factor], strides=[factor])
    offline = onnx_offline(net.model([1, 1, "T"], x), name="net")
    _, _, (samples, longer) = two_lengths(offline)
    least = int(np.prod(factors))
    assert samples % least == longer % least == 0 and longer > samples <= max(240, 24 * least)
    assert analyse(offline).facts.minimum_hop() == least


def test_strides_that_multiply_to_too_much_are_a_problem_of_the_network():
    net, x = Net(), "x"
    for _ in range(18):
        x = net.add("AveragePool", net.pad(x, 1, 0), kernel_shape=[2], strides=[2])
    with pytest.raises(
        ModelError, match=r"its strides in time multiply to 262144 samples; .*65536"
    ):
        stream(onnx_offline(net.model([1, 1, "T"], x), name="net"))


def test_one_length_whose_strides_are_all_of_it():
    """A stride of 240 samples: the second length was once the first one again."""
    net = Net()
    y = net.conv(net.conv("x", 4, 2, 240, stride=240), 2, 2, 3, left=2)
    (model, *_) = check(net.model([1, 4, "T"], y), (1, 2))
    assert model.stream.hop_samples == 240


class Filled(nn.Module):
    """Fills up to a multiple of 16 behind the end, as U-Nets over samples do."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(2, 4, 16, stride=16)
        self.up = nn.ConvTranspose1d(4, 2, 16, stride=16)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[-1]
        y = F.pad(x, (0, (16 - frames % 16) % 16))
        return self.up(torch.tanh(self.down(y)))[..., :frames]

    @classmethod
    def make(cls) -> tuple[nn.Module, tuple[Tensor]]:
        return cls(), (torch.randn(1, 2, 50),)


def test_a_network_that_fills_up_to_a_multiple():
    model = stream(torch_offline(f"{__name__}:Filled.make", name="net", time_axes={"x": 2}))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (16, 0)


class TwoStates(nn.Module):
    """Two inputs, one gain for each; the factory gives one tensor for both."""

    def forward(self, x: Tensor, left: Tensor, right: Tensor) -> Tensor:
        return x * left - x.flip(1) * right

    @classmethod
    def make(cls) -> tuple[nn.Module, tuple[Tensor, ...]]:
        gain = torch.ones(1, 2, 1)
        return cls(), (torch.randn(1, 2, 50), gain, gain)


def test_one_example_for_two_inputs_is_two_inputs():
    source = f"{__name__}:TwoStates.make"
    model = stream(torch_offline(source, name="net", time_axes={"x": 2}), session=["left", "right"])
    assert [value.name for value in model.constant_inputs] == ["left", "right"]


def test_a_file_of_one_length_is_refused(tmp_path):
    program = torch.export.export(nn.Conv1d(2, 2, 3), (torch.randn(1, 2, 50),))
    path = tmp_path / "net.pt2"
    torch.export.save(program, path)
    with pytest.raises(
        ModelError, match=r"net\.pt2': its inputs have one length; .*give the factory"
    ):
        torch_offline(str(path), name="net", time_axes={"input": 2})


class Scan(nn.Module):
    """Joins pairs, then pairs of pairs, with an operator that is not associative: another form at every length."""

    def forward(self, x: Tensor) -> Tensor:
        step = 1
        while step < x.shape[-1]:
            x = x + torch.tanh(F.pad(x, (step, 0))[..., : x.shape[-1]])
            step *= 2
        return x


@pytest.mark.slow
def test_a_form_that_follows_the_length_is_refused_as_that():
    data = exported(nn.Sequential(nn.Conv1d(1, 1, 1)), (1, 1, 40), 2)
    assert two_lengths(onnx_offline(data, name="net"))[2] == (24, 48)
    with pytest.raises(
        ModelError, match=r"a loop or a scan along time: \d+ nodes at 24 samples, \d+ at 48"
    ):
        stream(torch_offline(f"{__name__}:scan", name="net", time_axes={"x": 2}))


def scan() -> tuple[nn.Module, tuple[Tensor]]:
    return Scan(), (torch.randn(1, 2, 50),)
