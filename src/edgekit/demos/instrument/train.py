"""Trains the instrument's player on lines of `prepare.py`.

    python -m edgekit.demos.instrument.train lines --minutes 40

The loss is DDSP's, of spectra at several lengths. Pitch and loudness come from the listener. A run that was stopped, or
that is given more ``--minutes``, goes on from OUT.checkpoint. The weights that are kept are the best on lines held out.
The seed is fixed, but a run is limited by time, so its number of steps depends on the machine. report.md describes the
committed weights.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgekit.demos.instrument.data import Draw, lines
from edgekit.demos.instrument.listener import HOP, RATE
from edgekit.demos.instrument.player import HARMONICS, WEIGHTS, Player, hold_pitch
from edgekit.demos.training import Plan, run_training, steep_fall

BATCH, FRAMES = 4, 375  # clips of 1.5 s
SEED = 57
RATE_OF_LEARNING = 3e-3
TRANSFORMS = (2048, 1024, 512, 256, 128)
JUDGED_FROM = 25 * HOP  # samples: those before show the cut
ROOM_COST = 0.01  # of the mean square of the room's response

Clips = tuple[Tensor, Tensor, Tensor, Tensor]  # pitch, loudness, noise and sound


def forward_fast(network: Player, f0: Tensor, loudness: Tensor, z: Tensor) -> Tensor:
    """Run the network's forward with sines by complex powers, which is faster where the pitch needs no gradient."""
    amplitudes, magnitudes = network.chosen(f0, loudness)
    turns = torch.cumsum(hold_pitch(f0).repeat_interleave(HOP, 2).double() / RATE, 2)
    phase = (2 * np.pi * (turns - turns.floor())).float()
    one = torch.polar(torch.ones_like(phase), phase)
    waves = torch.cumprod(one.expand(-1, HARMONICS, -1), 1).imag
    batch, rows, frames = amplitudes.shape
    before = torch.cat([torch.zeros_like(amplitudes[..., :1]), amplitudes[..., :-1]], 2)
    rise = network.line[0, 0, :HOP]
    framed = waves.reshape(batch, rows, frames, HOP)
    new, old = (torch.einsum("bkt,bktn->btn", a, framed) for a in (amplitudes, before))
    sound = (rise * new + (1 - rise) * old).reshape(batch, 1, -1)
    return torch.as_tensor(network.room(sound + network.breath(z, magnitudes)))


def spectra(found: Tensor, exact: Tensor) -> Tensor:
    """The mean distance of magnitudes and of their logarithms, over all lengths of `TRANSFORMS`."""
    total = torch.zeros(())
    for size in TRANSFORMS:
        window = torch.hann_window(size)
        scale = 2 / float(window.sum())
        mine, wanted = (
            scale * torch.stft(x, size, size // 4, window=window, return_complex=True).abs()
            for x in (found[:, 0], exact[:, 0])
        )
        total = total + 30 * (mine - wanted).abs().mean()
        total = total + ((mine + 1e-5).log() - (wanted + 1e-5).log()).abs().mean()
    return total / len(TRANSFORMS)


def loss_of(network: Player, clips: Clips) -> Tensor:
    """The loss of some clips."""
    found = forward_fast(network, *clips[:3])
    return spectra(found[..., JUDGED_FROM:], clips[3][..., JUDGED_FROM:])


def loss_with_room(network: Player, clips: Clips) -> Tensor:
    """Return the loss of some clips, and the cost of the room's response."""
    return loss_of(network, clips) + ROOM_COST * network.room.response[:, 1:].square().sum()


def train(folder: Path, minutes: float, out: Path, quick: bool = False) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    frames = 60 if quick else FRAMES
    draw = Draw(lines(folder / "train"), SEED)
    kept = Draw(lines(folder / "held"), SEED + 1).clips(2 if quick else 12, frames)
    network = Player()
    with torch.no_grad():
        fall = torch.exp(-5 * torch.arange(network.room.response.shape[1]) / 4800)
        network.room.response[0, 1:] = 0.01 * (torch.randn(fall.shape) * fall)[1:]

    def batches(first: int) -> Iterator[Clips]:
        draw.random = np.random.default_rng((SEED, first - 1))
        while True:
            yield draw.clips(BATCH, frames)

    def judge(average: Player) -> tuple[float, str]:
        with torch.no_grad():
            return float(loss_of(average, kept)), "spectra of lines held out"

    plan = Plan(
        out,
        RATE_OF_LEARNING,
        minutes,
        1 if quick else None,
        every=50,
        warm_up=50,
        fall=steep_fall,
        longest=3.0,
        decay=0.98,
        weight_decay=0.0,
        betas=(0.9, 0.99),
    )
    run_training(network, plan, batches, loss_with_room, judge)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the instrument's player.")
    parser.add_argument("lines", type=Path, help="folder of edgekit.demos.instrument.prepare")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--quick", action="store_true", help="one step: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.lines, given.minutes, given.out, given.quick)


if __name__ == "__main__":
    main()
