"""Spectra, losses and rates of the denoiser's training."""

import pytest
import torch

from edgekit.demos.denoise import Denoiser
from edgekit.demos.train_denoise import (
    enhance,
    learning_rate,
    overlap_add,
    si_sdr,
    spectrum,
    training_loss,
)


def test_sound_comes_back_from_its_spectrum() -> None:
    torch.manual_seed(0)
    sound = torch.randn(2, 4096)
    found = overlap_add(spectrum(sound))
    assert found.shape == sound.shape
    inner = slice(512, -512)
    torch.testing.assert_close(found[:, inner], sound[:, inner], atol=1e-5, rtol=0)


def test_the_ratio_does_not_see_the_scale() -> None:
    torch.manual_seed(0)
    clean, noise = torch.randn(2, 1, 8000)
    found = si_sdr(clean + 0.1 * noise, clean)
    assert float(found) == pytest.approx(20, abs=0.5)
    assert float(si_sdr(5 * (clean + 0.1 * noise), clean)) == pytest.approx(float(found), abs=1e-3)


def test_a_loss_has_gradients_of_every_weight() -> None:
    torch.manual_seed(0)
    network = Denoiser(width=8)
    noisy = 0.1 * torch.randn(2, 4096)
    loss = training_loss(network, noisy, 0.5 * noisy)
    torch.autograd.backward(loss)
    assert all(weight.grad is not None for weight in network.parameters())
    assert enhance(network, noisy)[0].shape[0] == 2


def test_the_rate_rises_and_falls() -> None:
    rates = [learning_rate(done / 10) for done in range(11)]
    assert rates[0] < rates[1] and rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0)
