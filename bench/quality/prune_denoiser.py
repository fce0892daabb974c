"""The bundled denoiser, pruned to N:M and trained on: MdGf-Exponential on its own data.

    python bench prune_denoiser DATA OUT.npz --pattern 1:4 --steps 1000

DATA is the folder that `edgekit.demos.train_denoise` describes. Starts from the bundled weights, prints the gain of
SI-SDR on held clips: dense, pruned by magnitude alone, and while it trains. The weights outside the mask fade over the
first half of the steps. A run that was stopped goes on from OUT.checkpoint. Letters of the evaluation are left out.
At the end OUT.onnx is there too, for `denoise.py --network`. `denoiser_1_4.onnx` is what 3,200 steps left.
"""

import argparse
from copy import deepcopy
from pathlib import Path

import onnx
import torch
from demonstrations.recordings import EVALUATION_LETTERS

from edgekit.demos import denoise_data
from edgekit.demos.denoise import Denoiser, build
from edgekit.demos.denoise_data import Corpus, Mixer, load_corpora
from edgekit.demos.export_denoise import one_hop
from edgekit.demos.train_denoise import (
    SEED,
    save,
    training_loss,
    validation_clips,
    validation_gain_db,
)
from edgekit.demos.training import Run, follow
from edgekit.sparsity import GradualPruning

FADING = 0.5  # share of the steps
STRENGTH = 8.0  # the weights outside the mask end at e^-8, then at 0
RATE = 1.2e-3
SPEEDS = (0.72, 0.88, 1.0)  # fewer than the dense training has: they take memory


def without_evaluation(corpus: Corpus) -> Corpus:
    """The corpus without the letters that figures are measured on."""
    voices = {
        name: clips
        for name, clips in corpus.voices.items()
        if not any(f"-{language}-" in name for language in EVALUATION_LETTERS)
    }
    return Corpus(voices, corpus.noises)


def pruned(network: Denoiser, pattern: str) -> Denoiser:
    """A copy of which the mask alone is left."""
    copy = deepcopy(network)
    GradualPruning(copy, pattern).finish()
    return copy


def train(data: Path, out: Path, pattern: str, steps: int, batch: int) -> None:
    """Train for so many steps of all runs together and leave the best pruned weights in `out`."""
    torch.manual_seed(SEED)
    denoise_data.VOICE_SPEEDS = SPEEDS
    train_corpus, held_corpus = map(without_evaluation, load_corpora(data))
    held = validation_clips(held_corpus, 64)
    network = build()[0].train()
    print(f"dense {validation_gain_db(network, *held):+.2f} dB", flush=True)
    print(f"pruned {validation_gain_db(pruned(network, pattern), *held):+.2f} dB", flush=True)
    average = deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.0)
    run = Run(out.with_suffix(".checkpoint"), network, average, optimizer, best=-1e9)
    pruning = GradualPruning(network, pattern, decay=STRENGTH)
    mixer = Mixer(train_corpus, SEED + 7 + run.step)
    total = 0.0
    for step in range(run.step + 1, steps + 1):
        progress = step / steps
        fall = min(1.0, step / 50) * min(1.0, 2.2 * (1.02 - progress))
        optimizer.param_groups[0]["lr"] = RATE * fall
        optimizer.zero_grad()
        noisy, clean = mixer.batch(batch)
        with pruning.masked(progress / FADING if progress < FADING else float("inf")):
            loss = training_loss(network, noisy, clean)
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, min(0.98, step / (step + 20)))
        total += float(loss.detach())
        if step % 50 == 0 or step == steps:
            candidate = pruned(average, pattern)
            gain_db = validation_gain_db(candidate, *held)
            line = f"{progress:5.2f} step {step} loss {total / 50:.4f} pruned {gain_db:+.2f} dB"
            print(line, flush=True)
            total = 0.0
            if gain_db > run.best:
                run.best = gain_db
                save(candidate, out)
            run.keep(step)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pattern", default="1:4")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.data, given.out, given.pattern, given.steps, given.batch)
    onnx.save(one_hop(given.out), given.out.with_suffix(".onnx"))


if __name__ == "__main__":
    main()
