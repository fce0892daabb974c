r"""Enhances speech with a build of the demo's diffusion model, a whole recording at a time.

    edgekit export edgekit.demos.speech_diffusion:build --target host --recipe w8a8 \
        --calibration edgekit.demos.enhance_speech:calibration \
        --sampler src/edgekit/demos/speech_diffusion.toml -o build
    python -m edgekit.demos.enhance_speech build noisy.wav enhanced.wav

The spectrum is that of SGMSE+ (Richter et al., 2023): 510 samples every 128, periodic Hann window, centred frames,
``0.15 |X|^0.5 e^(j arg X)`` of the recording over its largest sample. A build has a fixed number of frames; longer
recordings are cut into pieces that share the frames the causal network looks back at.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float32
from edgekit.base.wav import read_wav, write_wav
from edgekit.runtime.sampler import Progress, Sampler

SAMPLE_RATE = 16_000
N_FFT = 510
HOP = 128
LEVEL, POWER = 0.15, 0.5
LOOK_BACK = 39  # frames before its own that the network's output depends on
LEAST = 1e-6  # of the largest sample, for silence
CLIPS = Path(__file__).with_name("clips")
Signal = NDArray[np.floating[Any]]


def window() -> Signal:
    """The periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)


def analysis(samples: Signal) -> Float32:
    """(samples,) to the compressed spectrum (2, 256, 1 + samples // 128): real and imaginary part."""
    padded = np.pad(samples.astype(np.float64), N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    bins = np.fft.rfft(frames * window()).T
    small = LEVEL * np.abs(bins) ** POWER * np.exp(1j * np.angle(bins))
    return np.stack([small.real, small.imag]).astype(np.float32)


def synthesis(spectrum: Signal, samples: int) -> Float32:
    """The inverse of `analysis`: (2, 256, frames) to (samples,)."""
    small = spectrum[0] + 1j * spectrum[1].astype(np.float64)
    bins = (np.abs(small) / LEVEL) ** (1 / POWER) * np.exp(1j * np.angle(small))
    frames = np.fft.irfft(bins.T, N_FFT) * window()
    out = np.zeros((len(frames) - 1) * HOP + N_FFT)
    weight = np.zeros_like(out)
    for i, frame in enumerate(frames):
        out[i * HOP : i * HOP + N_FFT] += frame
        weight[i * HOP : i * HOP + N_FFT] += window() ** 2
    inner = slice(N_FFT // 2, N_FFT // 2 + samples)
    return np.asarray(out[inner] / np.maximum(weight[inner], 1e-8), np.float32)


def enhance(
    sampler: Sampler, samples: Signal, seed: int = 0, progress: Progress | None = None
) -> Float32:
    """Return a recording without its noise, (samples,).

    Args:
        sampler: a build of `edgekit.demos.speech_diffusion`, whose condition y is (2, 256, frames).
        samples: 16 kHz, more than 255 of them.
        seed: of the noise that the sampling starts from; piece i of the recording is sample i of it.
        progress: as `Sampler.sample` has it.
    """
    peak = max(float(np.abs(samples).max()), LEAST)
    y = analysis(samples / peak)
    frames = sampler.shape[-1]
    shared = min(LOOK_BACK, frames // 2)
    cut = list(pieces(y, frames, shared))
    drawn = sampler.sample(len(cut), seed, {"y": np.stack(cut)}, progress)
    whole = [piece[..., shared if i else 0 :] for i, piece in enumerate(drawn)]
    return peak * synthesis(np.concatenate(whole, axis=-1)[..., : y.shape[-1]], len(samples))


def pieces(spectrum: Signal, frames: int, shared: int) -> Iterator[Signal]:
    """Cut (2, 256, any) into pieces of `frames`, each with `shared` of the one before; zeros after the last."""
    first = 0
    while True:
        piece = spectrum[..., first : first + frames]
        yield np.pad(piece, ((0, 0), (0, 0), (0, frames - piece.shape[-1])))
        if first + frames >= spectrum.shape[-1]:
            return
        first += frames - shared


def calibration(frames: int = 128) -> Iterator[dict[str, Float32]]:
    """The conditions of the bundled clips, for ``--calibration``: y (pieces, 1, 2, 256, frames) of each."""
    for path in sorted((CLIPS / "calibration").glob("*.wav")):
        samples = read_wav(path, SAMPLE_RATE).samples
        y = analysis(samples / max(float(np.abs(samples).max()), LEAST))
        yield {"y": np.stack(list(pieces(y, frames, 0)))[:, None].astype(np.float32)}


def main() -> None:
    """Reads the command line and enhances."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "build", type=Path, help="folder of an export; its C code is compiled and run"
    )
    parser.add_argument("noisy", type=Path, help="a mono .wav")
    parser.add_argument("out", type=Path, help="the .wav to write")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    clip = read_wav(given.noisy, SAMPLE_RATE)
    enhanced = enhance(Sampler.open(given.build), clip.samples, given.seed)
    write_wav(given.out, enhanced, SAMPLE_RATE, clip.subtype)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
