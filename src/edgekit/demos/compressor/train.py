"""Trains the compressor's network on what `prepare.py` made, to follow the gain of `formula.py`.

    python -m edgekit.demos.compressor.train heard --minutes 40

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. The weights that are kept are
the best on clips of the training's sounds at settings that it does not draw; `python bench compressor` measures on
instruments, voices and noises that it does not hear. The seed is fixed, but a run is limited by time, so its number of
steps depends on the machine. report.md tells of the committed weights.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgekit.demos.compressor.data import Draw, read_sounds
from edgekit.demos.compressor.network import WEIGHTS, Compressor
from edgekit.demos.training import Run, follow
from edgekit.demos.weights import save

BATCH, POOL, PASSES = 16, 256, 4
SEED = 44_100
RATE_OF_LEARNING = 4e-3
SIGNAL_COST = 30.0  # of the error-to-signal ratio, beside the squared error of the gain in dB


def errors(network: Compressor, pcm: Tensor, knobs: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """The squared error of the gain in dB, and the error-to-signal ratio, each of every clip."""
    found = network.gain_db(pcm[:, None], knobs)[:, 0]
    exact, heard = (pcm * 10 ** (each / 20) for each in (gain, found))
    ratio = (exact - heard).square().sum(1) / exact.square().sum(1).clamp(min=1e-6)
    return (found - gain).square().mean(1), ratio


def train(heard: Path, minutes: float, out: Path, quick: bool = False) -> None:
    """Train until so many minutes were spent, those of earlier runs included."""
    torch.manual_seed(SEED)
    sounds = read_sounds(heard)
    size, hops = (8, 32) if quick else (POOL, 256)
    held = [torch.from_numpy(part) for part in Draw(sounds, SEED + 1).clips(min(size, 96), hops)]
    network, average = Compressor(), Compressor()
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.Adam(network.parameters(), RATE_OF_LEARNING)
    run = Run(out.with_suffix(".checkpoint"), network, average, optimizer, best=np.inf)
    step, done = run.step, 0.0
    while done < 1:
        random = np.random.default_rng(SEED + 2 + step)
        drawn = Draw(sounds, SEED + 3 + step)
        pool = [torch.from_numpy(part) for part in drawn.clips(size, hops)]
        for _ in range(PASSES):
            for chosen in random.permutation(size).reshape(-1, min(BATCH, size)):
                step += 1
                done = 1.0 if quick else min(run.spent() / (60 * minutes), 1.0)
                fall = 0.02 + 0.49 * (1 + float(np.cos(np.pi * done)))
                optimizer.param_groups[0]["lr"] = RATE_OF_LEARNING * min(1, step / 100) * fall
                gain_error, ratio = errors(network, *(part[chosen] for part in pool))
                loss = (gain_error + SIGNAL_COST * ratio).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimizer.step()
                follow(average, network, min(0.99, step / (step + 20)))
        with torch.no_grad():
            gain_error, ratio = errors(average, *held)
        score = float((gain_error + SIGNAL_COST * ratio).mean())
        print(
            f"{done:.0%} step {step}: gain error {float(gain_error.mean()) ** 0.5:.3f} dB RMS, "
            f"error to signal {100 * float(ratio.mean()):.2f} % on clips held out",
            flush=True,
        )
        if score < run.best:
            run.best = score
            save(average, out)
        run.keep(step)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the compressor's network.")
    parser.add_argument("heard", type=Path, help="folder of edgekit.demos.compressor.prepare")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--quick", action="store_true", help="two steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.heard, given.minutes, given.out, given.quick)


if __name__ == "__main__":
    main()
