"""The two lengths at which a network is read."""

from dataclasses import replace

import pytest
import torch
from stream_networks import Net
from torch import Tensor, nn

from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.graph.model import Model


class Levels(nn.Module):
    """Levels of a transform with padding at both ends, in place of its sound, which has as many samples as x."""

    def forward(self, x: Tensor) -> Tensor:
        window = torch.hann_window(64)
        spectrum = torch.stft(x, 64, 32, window=window, return_complex=True).abs() + 0j
        y = torch.istft(spectrum, 64, 32, window=window)
        return nn.functional.pad(y, (0, x.shape[1] - y.shape[1]))


def levels() -> tuple[nn.Module, tuple[Tensor]]:
    return Levels(), (torch.randn(1, 640),)


@pytest.mark.slow
def test_frames_that_reach_beyond_the_start_are_counted_exactly() -> None:
    offline = torch_offline(f"{__name__}:levels", name="net", time_axes={"x": 1})
    lengths: list[int] = []

    def at(samples: int) -> Model:
        lengths.append(samples)
        return offline.at(samples)

    assert two_lengths(replace(offline, at=at))[2] == (24 * 32, 48 * 32)
    assert set(lengths) == {24 * 32, 48 * 32}, "no other length is imported"


@pytest.mark.parametrize(("stride", "expected"), [(1, (24, 48)), (3, (72, 141)), (5, (120, 235))])
def test_frames_enough_of_the_slowest_tensor_and_no_common_multiple(stride, expected):
    net = Net()
    data = net.model([1, 2, "T"], net.conv("x", 2, 2, stride, stride=stride))
    short, long, samples = two_lengths(onnx_offline(data, name="net"))
    assert samples == expected
    assert [model.graph.inputs[0].shape[2] for model in (short, long)] == list(samples)


def test_so_many_times_the_least():
    net = Net()
    offline = onnx_offline(net.model([1, 2, "T"], net.conv("x", 2, 2, 1)), name="net")
    assert two_lengths(offline, 10)[2] == (240, 480)
