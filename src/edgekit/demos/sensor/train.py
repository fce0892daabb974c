"""Trains the hierarchy and the flat network on recordings of the simulated sensor, which it draws itself.

    python -m edgekit.demos.sensor.train

Both get the same recordings in the same order, the same number of steps, and the same learning rates. A run that was
stopped goes on from OUT's checkpoint. The weights that are kept are those of the last step, averaged. report.md
describes the committed ones.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.sensor.data import CHUNK, RATE, recordings
from edgekit.demos.sensor.network import HERE, KINDS, fresh
from edgekit.demos.training import Run, follow
from edgekit.demos.weights import save

BATCH, SECONDS, STEPS, POOL = 2, 120, 400, 40  # recordings of a step; steps; of a pool
SEED = 50
RATE_OF_LEARNING = 4e-3
UNJUDGED = 50  # labels at the start of a recording: nothing is known of the drift yet


def train(kind: str, steps: int, out: Path, samples: int = SECONDS * RATE) -> float:
    """Train up to this number of steps, those of earlier runs included; return the error on held-out recordings."""
    torch.manual_seed(SEED)
    held = [torch.from_numpy(part) for part in recordings(np.random.default_rng(1), 12, samples)]
    network, average = fresh(kind), fresh(kind)
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), RATE_OF_LEARNING, weight_decay=0.01)
    run = Run((out / kind).with_suffix(".checkpoint"), network, average, optimizer, best=np.inf)
    error = np.inf
    pool: list[list[torch.Tensor]] = []
    for step in range(run.step + 1, steps + 1):
        place = (step - 1) % POOL
        if not pool or not place:
            drawn = recordings(np.random.default_rng((SEED, step - place)), BATCH * POOL, samples)
            pool = [[*torch.split(torch.from_numpy(part), BATCH)] for part in drawn]
        pads, labels = (part[place] for part in pool)
        fall = 0.5 + 0.5 * float(np.cos(np.pi * step / steps))
        optimizer.param_groups[0]["lr"] = RATE_OF_LEARNING * min(1, step / 100) * fall
        loss = F.mse_loss(network(pads)[:, UNJUDGED:], labels[:, UNJUDGED:])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, min(0.99, step / (step + 20)))
        if step % 50 == 0 or step == steps:
            with torch.no_grad():
                found = average(held[0])[:, UNJUDGED:]
            error = float(F.mse_loss(found, held[1][:, UNJUDGED:]))
            print(f"{kind}, step {step}: MSE {error:.4f}, {run.spent():.0f} s", flush=True)
            save(average, out / f"{kind}.npz")
            run.keep(step)
    return error


def main() -> None:
    """Reads the command line and trains both."""
    parser = argparse.ArgumentParser(description="Train the networks of the drifting sensor.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the weights")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--quick", action="store_true", help="two steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for kind in (given.only,) if given.only else KINDS:
        if given.quick:
            train(kind, 2, given.out, 80 * CHUNK)
        else:
            train(kind, given.steps, given.out)


if __name__ == "__main__":
    main()
