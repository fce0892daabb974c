"""The bundled diffusion buffer on voices and noises of your own, through the generated C: SI-SDR, and STOI with pystoi.

    python bench stream_diffusion VOICES NOISES [--snr DB] [--seconds S] [--delays 0 4 7] [--recipes float32 mixed]

VOICES and NOISES are folders of .wav files (any rate; resampled to 16 kHz). The first seconds of every voice are mixed
with every noise at the given SNR, and stream hop by hop, one call a frame, at each delay in frames; the bundled
denoiser is beside it. Prints means over all mixtures, and what share of a hop's 8 ms a call takes in the median.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from demonstrations.speech_diffusion import Pairs, mixtures, stoi
from tables import Table

from edgekit import api
from edgekit.base.wav import Samples
from edgekit.demos import show_denoise
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.demos.stream_diffusion.facts import HOP, RATE
from edgekit.demos.stream_diffusion.show import (
    DELAYS,
    NETWORK,
    RECIPES,
    calibration_clips,
    enhance,
    options,
)
from edgekit.runtime.audio.files import run_samples
from edgekit.runtime.stream import Stream


def judged(heard: Sequence[Samples], pairs: Pairs) -> tuple[str, str, str]:
    """Mean SI-SDR, gain and STOI as text."""
    found = np.mean(
        [(si_sdr_db(x, clean), stoi(x, clean)) for x, (_, clean) in zip(heard, pairs, strict=True)],
        0,
    )
    before = np.mean([si_sdr_db(noisy, clean) for noisy, clean in pairs])
    return f"{found[0]:.2f}", f"{found[0] - before:+.2f}", f"{found[1]:.3f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("noises", type=Path)
    parser.add_argument("--snr", type=float, default=5.0, metavar="DB")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--delays", type=int, nargs="+", default=list(DELAYS))
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    given = parser.parse_args()
    pairs = mixtures(given.voices, given.noises, given.snr, given.seconds)
    title = f"{len(pairs)} mixtures at {given.snr:g} dB SNR"
    table = Table("recipe", "delay", "SI-SDR, dB", "gain, dB", "STOI", "of a hop, %", title=title)
    table.add_row("input", "", *judged([noisy for noisy, _ in pairs], pairs), "")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        calibration = calibration_clips(folder / "clips")
        for recipe in given.recipes:
            api.export(str(NETWORK), "host", folder / recipe, **options(recipe, calibration))
            stream = Stream.open(folder / recipe)
            for delay in given.delays:
                runs = [enhance(stream, noisy, delay) for noisy, _ in pairs]
                share = 1e-4 * float(np.median(np.concatenate([us for _, us in runs]))) * RATE / HOP
                row = judged([heard for heard, _ in runs], pairs)
                table.add_row(recipe, f"{delay}", *row, f"{share:.0f}")
        front = show_denoise.OPTIONS
        api.export(
            str(show_denoise.NETWORK),
            "host",
            folder / "denoiser",
            recipe="float32",
            sample_rate=RATE,
            frontend=str(front.frontend),
        )
        stream = Stream.open(folder / "denoiser")
        heard = [run_samples(stream, noisy) for noisy, _ in pairs]
        table.add_row("denoiser, float32", "", *judged(heard, pairs), "")
    table.show()


if __name__ == "__main__":
    main()
