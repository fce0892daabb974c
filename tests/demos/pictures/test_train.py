"""The losses of the picture systems: what each may see, and a step of each."""

import numpy as np
import pytest
import torch

from edgekit.demos.pictures import networks
from edgekit.demos.pictures.data import bundled_digits
from edgekit.demos.pictures.train import TRAININGS, draw_batches, score_loss, score_network
from edgekit.demos.sensor_noise import scene


@pytest.mark.parametrize("name", tuple(TRAININGS))
def test_a_step_of_each_training_has_gradients(name: str) -> None:
    torch.manual_seed(0)
    system, random = TRAININGS[name], np.random.default_rng(0)
    clean = np.stack([scene(1), scene(2)]) if system.dark else bundled_digits()[0][:2]
    network = system.network()
    loss = system.loss(network, torch.from_numpy(clean), random)
    torch.autograd.backward(loss)
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    assert trained and all(weight.grad is not None for weight in trained)
    score, said = system.judge(network.eval(), clean, random)
    assert np.isfinite(score) and said


def test_a_score_is_best_where_it_is_the_noise_s() -> None:
    """Of pictures that are all 0 the noisy ones are normal, with the score -y / (sigma^2 + size^2)."""
    network = score_network()
    assert isinstance(network, networks.Noise2Score)

    class Exact(torch.nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, y: torch.Tensor) -> torch.Tensor:
            return -self.factor * y / network.sigma

    clean, losses = torch.zeros(64, 1, 28, 28), []
    for factor in (0.5, 0.93, 1.5):
        network.network = Exact(factor)
        losses.append(float(score_loss(network, clean, np.random.default_rng(0))))
    assert losses[1] < min(losses[0], losses[2])


def test_a_step_s_batch_depends_on_its_number_alone() -> None:
    pictures = torch.arange(100.0)
    first = [next(draw_batches(pictures, 8, step))[0].tolist() for step in (3, 4, 3)]
    assert first[0] == first[2] != first[1]
