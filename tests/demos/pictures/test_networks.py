"""The networks of the picture systems, with random weights: what their papers say of them."""

import numpy as np
import pytest
import torch

from edgekit.demos.pictures import networks
from edgekit.demos.pictures.export import FORMS, part_of


def test_a_network_without_biases_scales_with_its_input() -> None:
    network, x = networks.Unet(1, 1, bias=False), torch.randn(1, 1, 12, 12)
    with torch.inference_mode():
        torch.testing.assert_close(network(0.01 * x), 0.01 * network(x), rtol=1e-4, atol=1e-7)


def test_a_time_changes_the_answer() -> None:
    network, x = networks.Unet(1, 1, timed=True), torch.randn(2, 1, 12, 12)
    with torch.inference_mode():
        y = network(x, torch.tensor([3.0, 900.0]))
        assert not torch.allclose(y, network(x, torch.tensor([3.0, 3.0])))


@pytest.mark.parametrize("masked", (True, False))
def test_a_masked_network_does_not_see_the_pixel_itself(masked: bool) -> None:
    y = torch.rand(1, 1, 28, 28, requires_grad=True)
    torch.autograd.backward(networks.BlindSpot()(y, masked)[0, 0, 14, 14])
    assert y.grad is not None
    assert bool(y.grad[0, 0, 14, 14] == 0) == masked
    assert np.count_nonzero(y.grad) > 100


def test_compressed_sensing_keeps_its_measurements() -> None:
    network, x = networks.Idm(), torch.randn(2, 1, 28, 28)
    with torch.inference_mode():
        y = network.measure(x)
        torch.testing.assert_close(network.measure(network(y)), y, atol=1e-4, rtol=1e-4)
    assert y.numel() == x.numel() // 4


def test_the_forms_have_fewer_weights_than_a_digit_classifier() -> None:
    for name in FORMS:
        count = sum(weight.numel() for weight in part_of(name)[1].parameters())
        assert 5_000 < count < 50_000, name
