"""The bundled denoiser on voices and noises of your own, through the generated C.

    python bench denoise VOICES NOISES [--snr DB] [--levels 0 -20 -30] [--network FILE.onnx]

VOICES and NOISES are folders of .wav files (any rate; resampled to 16 kHz). Every voice is mixed with
every noise at the given SNR; each mixture streams hop by hop through the float32 and the w8a8 build, as
it is recorded and at each level of ``--levels``. Prints SI-SDR in, the improvement of both, and what int8
costs, in dB. ``--network`` is another form of the denoiser, as `prune_denoiser.py` writes it.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from published_signals import mixture
from tables import Table

from edgekit import api
from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS, NETWORK, OPTIONS, RECIPES, si_sdr_db
from edgekit.runtime.audio.files import run_samples
from edgekit.runtime.stream import Stream


def cells(row: Sequence[float]) -> list[str]:
    """SI-SDR in, the two gains and the cost as text."""
    before, float_gain, int8_gain, cost = row
    return [f"{before:.2f}", f"{float_gain:+.2f}", f"{int8_gain:+.2f}", f"{cost:.2f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("noises", type=Path)
    parser.add_argument("--snr", type=float, default=5.0, metavar="DB")
    parser.add_argument("--levels", type=float, nargs="+", default=[0.0], metavar="DB")
    parser.add_argument("--network", type=Path, default=NETWORK, metavar="FILE.onnx")
    given = parser.parse_args()
    rate = OPTIONS.sample_rate
    table = Table(
        "voice",
        "noise",
        "level",
        "in",
        *RECIPES,
        "cost",
        title=f"SI-SDR, dB, at {given.snr:g} dB SNR",
    )
    means: dict[float, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        streams = []
        for recipe in RECIPES:
            folder = Path(scratch) / recipe
            api.export(
                str(given.network),
                "host",
                folder,
                recipe=recipe,
                calibration=str(CLIPS / "calibration"),
                sample_rate=rate,
                frontend=str(OPTIONS.frontend),
            )
            streams.append(Stream.open(folder))
        for voice_file in sorted(given.voices.glob("*.wav")):
            voice = read_wav(voice_file, rate).samples
            for noise_file in sorted(given.noises.glob("*.wav")):
                noisy = mixture(voice, read_wav(noise_file, rate).samples, given.snr)
                before = si_sdr_db(noisy, voice)
                for level in given.levels:
                    heard = noisy * np.float32(10 ** (level / 20))
                    gains = [si_sdr_db(run_samples(s, heard), voice) - before for s in streams]
                    means.setdefault(level, []).append([before, *gains, gains[0] - gains[1]])
                    names = voice_file.stem, noise_file.stem, f"{level:g}"
                    table.add_row(*names, *cells(means[level][-1]))
    for level, rows in means.items():
        table.add_row("mean", "", f"{level:g}", *cells(np.mean(rows, axis=0)))
        worst = [*np.min(rows, axis=0)[:3], np.max(rows, axis=0)[3]]
        table.add_row("worst", "", f"{level:g}", *cells(worst))
    table.show()


if __name__ == "__main__":
    main()
