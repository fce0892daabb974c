"""The digit generator: its estimate of v."""

import torch

from edgekit.demos.digits import NULL, build


@torch.no_grad()
def test_from_a_noisy_digit_the_estimate_depends_on_time_and_label() -> None:
    network, example = build()
    v = network(**example)
    assert v.shape == example["x"].shape
    for name, other in {"t": torch.tensor([10.0]), "label": torch.tensor([NULL])}.items():
        assert (network(**{**example, name: other}) - v).abs().max() > 0.1


@torch.no_grad()
def test_noise_alone_is_told_as_noise() -> None:
    """At the last time x is noise, and v = sqrt(ab) eps - sqrt(1 - ab) x0 is about minus a digit."""
    network, example = build()
    x0 = -network(**{**example, "t": torch.tensor([999.0])})
    assert x0[0, 0, 0].max() < -0.8 and x0[0, 0, 8:20, 8:20].max() > -0.2
