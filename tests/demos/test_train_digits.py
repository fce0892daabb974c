"""What the digit generator is trained on."""

import pytest
import torch
from torch import nn

from edgekit.demos.train_digits import loss_of, row_rates, row_time, signal_rates, split


class Exact(nn.Module):
    """Knows the image: gives v of it."""

    def __init__(self, image: torch.Tensor, rates: torch.Tensor) -> None:
        super().__init__()
        self.image, self.rates = image, rates

    def forward(self, x: torch.Tensor, t: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        ab = self.rates[t.long()][:, None, None, None]
        noise = (x - ab.sqrt() * self.image) / (1 - ab).sqrt()
        return ab.sqrt() * noise - (1 - ab).sqrt() * self.image


def test_the_share_of_the_signal_falls() -> None:
    rates = signal_rates()
    assert rates[0] > 0.99 and rates[-1] < 0.01 and (rates.diff() < 0).all()


def test_who_knows_the_image_has_no_loss() -> None:
    torch.manual_seed(0)
    rates, images = signal_rates(), torch.randn(1, 1, 28, 28).repeat(4, 1, 1, 1)
    loss = loss_of(Exact(images, rates), rates, images, torch.zeros(4, dtype=torch.int64))
    assert float(loss) == pytest.approx(0, abs=1e-4)


def test_parts_are_apart_and_whole() -> None:
    images, labels = torch.arange(60_000.0)[:, None], torch.zeros(60_000)
    first, second = split(images, labels)
    values = torch.cat([first[0], second[0]]).flatten()
    assert len(values.unique()) == len(values) == len(images)


def test_the_rows_of_few_steps_go_from_noise_to_the_image() -> None:
    times = [row_time(4, row) for row in range(4)]
    assert times == sorted(times, reverse=True)
    now, then = row_rates(signal_rates(), 4, 3)
    assert now < then
