"""The bundled speech enhancer by diffusion on voices and noises of your own: SI-SDR, and STOI where pystoi is.

    python bench speech_diffusion VOICES NOISES [--snr DB] [--seconds S] [--steps 5 10 30] [--recipes float w8a8]

VOICES and NOISES are folders of .wav files (any rate; resampled to 16 kHz). The first seconds of every voice are mixed
with every noise at the given SNR and enhanced in as many steps as asked for: by the float network in torch, and by
the generated C of a w8a8 build, calibrated and recordings cut into pieces as `edgekit.demos.enhance_speech` tells. With
``corrector`` in the place of a number, SGMSE+'s own 30 steps of predictor and corrector. Prints means over all
mixtures.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from published_signals import mixture
from tables import Table

from edgekit import api
from edgekit.base import sampler_loop
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import Arrays
from edgekit.base.wav import Samples, read_wav
from edgekit.demos import speech_diffusion
from edgekit.demos.enhance_speech import (
    HOP,
    LEAST,
    LOOK_BACK,
    SAMPLE_RATE,
    analysis,
    enhance,
    pieces,
    synthesis,
)
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.export.diffusion.description import read_sampler
from edgekit.export.diffusion.step_tables_sde import Ouve
from edgekit.runtime.sampler import Sampler

SAMPLER = Path(speech_diffusion.__file__).with_name("speech_diffusion.toml")
NETWORK = "edgekit.demos.speech_diffusion:build"
CORRECTOR = "corrector"
Enhance = Callable[[Samples], Samples]
Pairs = Sequence[tuple[Samples, Samples]]  # noisy and clean


def sampler(text: str) -> Ouve:
    """The bundled sampler with other steps, or SGMSE+'s."""
    found = read_sampler(SAMPLER)
    assert isinstance(found, Ouve)
    if text == CORRECTOR:
        return replace(found, steps=30, t_min=0.03, eta=0.0, solver="predictor-corrector")
    return replace(found, steps=int(text))


def exact(text: str) -> Enhance:
    """The float network, piece by piece as a build does it."""
    import torch

    network, table = speech_diffusion.build()[0], sampler(text).table()

    def call(inputs: Arrays, step: Step) -> Sequence[Samples]:
        x, y = (torch.from_numpy(inputs[name]) for name in ("x", "y"))
        with torch.inference_mode():
            return [network(x, y, torch.full((len(x),), step.time)).numpy()]

    def run(samples: Samples) -> Samples:
        peak = max(float(np.abs(samples).max()), LEAST)
        y = analysis(samples / peak)
        cut = np.stack(list(pieces(y, speech_diffusion.FRAMES, LOOK_BACK)))
        drawn = sampler_loop.sample(table, call, cut.shape[1:], len(cut), 0, {"y": cut})
        whole = [piece[..., LOOK_BACK if i else 0 :] for i, piece in enumerate(drawn)]
        joined = np.concatenate(whole, axis=-1)[..., : y.shape[-1]]
        return np.asarray(peak * synthesis(joined, len(samples)), np.float32)

    return run


def integer(text: str, folder: Path) -> Enhance:
    """A w8a8 build."""
    chosen = vars(sampler(text))
    names = ("solver", "prediction", "sigma_data", "steps", "t_min", "eta")
    lines = ['kind = "ouve"', *(f"{name} = {json.dumps(chosen[name])}" for name in names)]
    path = folder / f"{text}.toml"
    path.write_text("\n".join(lines))
    build = folder / text
    api.export(
        NETWORK,
        "host",
        build,
        recipe="w8a8",
        sampler=path,
        calibration="edgekit.demos.enhance_speech:calibration",
    )
    running = Sampler.open(build)
    print(f"{text}: {running.stream.manifest.memory}", file=sys.stderr)
    return lambda samples: enhance(running, samples)


def mixtures(voices: Path, noises: Path, snr_db: float, seconds: float) -> Pairs:
    """Every voice with every noise, and the voice alone."""
    size = int(seconds * SAMPLE_RATE) // HOP * HOP
    pairs = []
    for voice_file in sorted(voices.glob("*.wav")):
        voice = read_wav(voice_file, SAMPLE_RATE).samples[:size]
        for noise_file in sorted(noises.glob("*.wav")):
            noise = read_wav(noise_file, SAMPLE_RATE).samples
            pairs.append((mixture(voice, noise, snr_db), voice - voice.mean()))
    return pairs


def stoi(samples: Samples, clean: Samples) -> float:
    """Short-time objective intelligibility (Taal et al., 2011), or no number without pystoi."""
    if find_spec("pystoi") is None:
        return float("nan")
    from pystoi import stoi as measure

    return float(measure(clean, samples, SAMPLE_RATE, extended=False))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("noises", type=Path)
    parser.add_argument("--snr", type=float, default=5.0, metavar="DB")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--steps", nargs="+", default=["5", "10", "30"])
    parser.add_argument("--recipes", nargs="+", default=["float", "w8a8"])
    given = parser.parse_args()
    pairs = mixtures(given.voices, given.noises, given.snr, given.seconds)
    table = Table(
        "recipe",
        "steps",
        "SI-SDR, dB",
        "gain, dB",
        "STOI",
        title=f"{len(pairs)} mixtures at {given.snr:g} dB SNR",
    )
    before = np.array([(si_sdr_db(noisy, clean), stoi(noisy, clean)) for noisy, clean in pairs])
    table.add_row("input", "", f"{before[:, 0].mean():.2f}", "", f"{before[:, 1].mean():.3f}")
    with tempfile.TemporaryDirectory() as folder:
        for recipe in given.recipes:
            for text in given.steps:
                run = exact(text) if recipe == "float" else integer(text, Path(folder))
                out = [(run(noisy), clean) for noisy, clean in pairs]
                after = np.array([(si_sdr_db(got, clean), stoi(got, clean)) for got, clean in out])
                gain = after[:, 0] - before[:, 0]
                numbers = (
                    f"{after[:, 0].mean():.2f}",
                    f"{gain.mean():+.2f}",
                    f"{after[:, 1].mean():.3f}",
                )
                table.add_row(recipe, text, *numbers)
                print(recipe, text, *numbers, f"worst {gain.min():+.2f}", file=sys.stderr)
    table.show()


if __name__ == "__main__":
    main()
