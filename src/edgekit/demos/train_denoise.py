"""Trains the demo denoiser from Debian packages of speech and noise.

Get the data (190 MB; `gresource` is in the package libglib2.0-bin; PyAV decodes every format):

    mkdir data && cd data
    apt-get download asterisk-core-sounds-{en,es,fr}-g722 klettres-data ktuberling-data blanket
    for d in *.deb; do dpkg-deb -x "$d" "${d%%_*}"; done
    for n in $(gresource list blanket/usr/share/blanket/blanket.gresource | grep ogg); do
        gresource extract blanket/usr/share/blanket/blanket.gresource $n > blanket/${n##*/}; done

Then, with torch, av, scipy and soxr installed and `flite` (Debian package flite) on the path:

    python -m edgekit.demos.train_denoise data --minutes 45

Held out from training and from the choice of the checkpoint: every voice of pocketsphinx-testdata
and the blanket noises `stream` and `city`. The checkpoint is chosen on one utterance in twelve of
the training voices with the last sixth of each training noise. Some of the recordings are
ShareAlike or GPL: they are used in training and not bundled. The recorded voices have a median
pitch near 200 Hz, the held-out ones near 105 Hz; a first run failed on those, so flite's male
voices and slower speeds were added. In that respect the held-out voices were not unseen.

A run that was stopped goes on from OUT.checkpoint. Seeds are fixed, but a run is limited by time, so
its number of steps depends on the machine. The committed weights took 1,300 steps (90 minutes of a
two-core machine that others used) from those of version 0.2.0 (``--start-from``), which had some 7,000
steps on sound of -35 to -3 dB full scale, with the Italian and Russian voices of asterisk among them,
and made sound worse that was quieter. Since then levels reach down to -65 dB, rooms are larger and
babble is more frequent. bench/demonstrations/denoise.py measures the weights at several levels.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import fold
from torch.utils.data import DataLoader, IterableDataset

from edgekit.demos.denoise import HOP, N_FFT, POWER_FLOOR, WEIGHTS, Denoiser
from edgekit.demos.denoise_data import Corpus, Mixer, load_corpora
from edgekit.demos.training import Run, follow

BATCH = 32
SEED = 20_250


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of batches, drawn in a worker process."""

    def __init__(self, corpus: Corpus, seed: int = SEED, size: int = BATCH) -> None:
        """Mixes ``size`` clips of ``corpus`` at a time."""
        self.mixer = Mixer(corpus, seed)
        self.size = size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Draws for ever."""
        while True:
            yield self.mixer.batch(self.size)


def window() -> Tensor:
    """The analysis and synthesis window."""
    return torch.sqrt(torch.hann_window(N_FFT))


def spectrum(signal: Tensor) -> Tensor:
    """(batch, samples) to complex (batch, frames, 257), without padding."""
    frames: Tensor = signal.unfold(1, N_FFT, HOP)
    bins: Tensor = torch.fft.rfft(frames * window())
    return bins


def overlap_add(frames: Tensor) -> Tensor:
    """The inverse of `spectrum` wherever four frames overlap."""
    pieces = (torch.fft.irfft(frames, N_FFT) * (window() / 2)).transpose(1, 2)
    samples = (frames.shape[1] - 1) * HOP + N_FFT
    return fold(pieces, (1, samples), (1, N_FFT), stride=(1, HOP))[:, 0, 0]


def enhance(network: Denoiser, noisy: Tensor) -> tuple[Tensor, Tensor]:
    """The enhanced signal, and the power of its frames before overlap-add."""
    frames = spectrum(noisy)
    power = (frames.real**2 + frames.imag**2).clamp_min(POWER_FLOOR)
    gain = network(power.log10(), *network.initial_states(noisy.shape[0]))[0]
    enhanced = torch.complex(gain * frames.real, gain * frames.imag)
    return overlap_add(enhanced), gain**2 * power


def si_sdr(estimate: Tensor, clean: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., 2019), per clip."""
    scale = (estimate * clean).sum(1, keepdim=True) / clean.square().sum(1, keepdim=True)
    target = scale * clean
    return 10 * torch.log10(target.square().sum(1) / (estimate - target).square().sum(1))


def training_loss(network: Denoiser, noisy: Tensor, clean: Tensor) -> Tensor:
    """A soft-limited SNR of the signal, plus the squared error of magnitudes to the power 0.3."""
    level = noisy.square().mean(1, keepdim=True).sqrt()
    estimate, enhanced = enhance(network, noisy)
    inner = slice(N_FFT, estimate.shape[1] - N_FFT)
    target = clean[:, inner] / level
    error = (estimate[:, inner] / level - target).square().mean(1)
    power = target.square().mean(1)
    spoken = power > 1e-6
    ratio = (error + 1e-3 * power + 1e-8)[spoken] / power[spoken]
    reference = spectrum(clean / level)
    got = (enhanced / level[..., None] ** 2 + 1e-5) ** 0.15
    want = (reference.real**2 + reference.imag**2 + 1e-5) ** 0.15
    return torch.log10(ratio).mean() + 1.0 * (got - want).square().mean()


@torch.no_grad()
def validation_gain_db(network: Denoiser, noisy: Tensor, clean: Tensor) -> float:
    """Mean SI-SDR improvement over the validation clips."""
    network.eval()
    estimate = enhance(network, noisy)[0]
    network.train()
    inner = slice(N_FFT, estimate.shape[1] - N_FFT)
    before = si_sdr(noisy[:, inner], clean[:, inner])
    return float((si_sdr(estimate[:, inner], clean[:, inner]) - before).mean())


def validation_clips(corpus: Corpus, count: int) -> tuple[Tensor, Tensor]:
    """Fixed clips that hold speech and noise."""
    noisy, clean = Mixer(corpus, SEED + 1).batch(count)
    spoken = (clean.square().mean(1) > 1e-9) & ((noisy - clean).square().mean(1) > 1e-9)
    return noisy[spoken], clean[spoken]


def learning_rate(progress: float) -> float:
    """A short warm-up, then half a cosine down to almost nothing."""
    return 2.5e-3 * min(1.0, progress / 0.02 + 0.05) * (0.5 + 0.5 * float(np.cos(np.pi * progress)))


def save(network: Denoiser, path: Path) -> None:
    """Writes the weights as plain arrays."""
    arrays = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    np.savez(path, **arrays)


def train(data: Path, minutes: float, out: Path, start_from: Path | None) -> None:
    """Trains for ``minutes`` and leaves the best averaged weights in ``out``.

    A checkpoint next to ``out`` is written every 100 steps; a run that was stopped goes on from it.
    """
    torch.manual_seed(SEED)
    train_corpus, held_corpus = load_corpora(data)
    held = validation_clips(held_corpus, 96)
    network, average = Denoiser(), Denoiser()
    if start_from is not None:
        with np.load(start_from, allow_pickle=False) as arrays:
            network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays})
    average.load_state_dict(network.state_dict())
    print(f"{sum(p.numel() for p in network.parameters())} parameters", flush=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    run = Run(out.with_suffix(".checkpoint"), network, average, optimizer, best=-np.inf)
    first, total = run.step + 1, 0.0
    batches = Batches(train_corpus, SEED + first)
    loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=3)
    for step, (noisy, clean) in enumerate(loader, first):
        progress = run.spent() / (60 * minutes)
        optimizer.param_groups[0]["lr"] = learning_rate(min(progress, 1.0))
        optimizer.zero_grad()
        loss = training_loss(network, noisy, clean)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, min(0.995, step / (step + 20)))
        total += float(loss.detach())
        if step % 100 == 0 or progress >= 1:
            gain_db = validation_gain_db(average, *held)
            line = f"{progress:5.2f} step {step} loss {total / 100:.4f} held {gain_db:+.2f} dB"
            print(line, flush=True)
            total = 0.0
            if gain_db > run.best:
                run.best = gain_db
                save(average, out)
            run.keep(step)
        if progress >= 1:
            run.file.unlink()
            return


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the demo denoiser.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    options = parser.parse_args()
    torch.set_num_threads(1)  # more threads spin against the mixing worker on a small machine
    train(options.data, options.minutes, options.out, options.start_from)


if __name__ == "__main__":
    main()
