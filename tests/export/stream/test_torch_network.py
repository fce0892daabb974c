"""A torch module at any length, and lengths at which it fails."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.stream.torch_network import TooShort, load_network


class Frames(nn.Module):
    """Means of ten samples; two such frames at least."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-1] >= 20, "two frames"
        return nn.functional.avg_pool1d(x, 10)


def frames() -> tuple[nn.Module, tuple[Tensor]]:
    return Frames(), (torch.arange(30.0).reshape(1, 1, 30),)


def test_the_example_is_repeated_to_every_length():
    network = load_network(f"{__name__}:frames", {"x": -1}, {}, {})
    assert network.axes == {"x": 2}
    assert network.inputs(40)["x"][0, 0, 28:32].tolist() == [28, 29, 0, 1]
    (found,) = network.run({"x": np.ones((1, 1, 20), np.float32)})
    assert found.tolist() == [[[1, 1]]]
    assert network.probe(20) is network.probe(20)


def test_a_length_at_which_forward_fails_is_too_short():
    network = load_network(f"{__name__}:frames", {"x": 2}, {}, {})
    words = r"(?s)at 10 frames of x: forward fails: .*two frames.*check that --time-axis names"
    with pytest.raises(TooShort, match=words):
        network.probe(10)


def test_a_time_axis_of_no_input_is_refused():
    with pytest.raises(ModelError, match="--time-axis y:2: not an axis of an input"):
        load_network(f"{__name__}:frames", {"y": 2}, {}, {})
