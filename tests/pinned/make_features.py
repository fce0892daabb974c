"""Makes ``features.npz``: what torchaudio and librosa make of half a second of sound, to compare front ends with.

``pip install librosa torchaudio`` is needed to make it, and nothing to read it. An array is named after its front end,
its sample rate and the package, as ``mel:512:160:hann:40 16000 librosa``; it holds (frames, numbers of a frame).
Frames end with a hop, with zeros before the recording; a window that is shorter than N_FFT stands at the frame's end.
"""

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

FILE = Path(__file__).parent / "features.npz"
SAMPLES, N_FFT, HOP = 8000, 512, 160
Sound = NDArray[np.float32]


def sound() -> Sound:
    """A sweep in noise, that swells and fades to silence."""
    t = np.arange(SAMPLES)
    noise = np.random.default_rng(7).normal(size=SAMPLES) * 0.02
    swell = np.sin(np.pi * t / SAMPLES) * (t < 7000)
    return ((noise + 0.5 * np.sin(2e-5 * t**2)) * swell).astype(np.float32)


def padded(pcm: Sound, ahead: int = 0) -> Sound:
    """The sound from the first sample of the first frame on; `ahead` samples later at its end."""
    return np.concatenate([np.zeros(N_FFT - HOP - ahead, np.float32), pcm, np.zeros(ahead)])


def from_torchaudio(pcm: Sound, name: str, rate: int, window: int = N_FFT, **own: Any) -> Sound:
    """Of torchaudio.transforms, with its own defaults but no padding and no clipping at 80 dB."""
    common = {"n_fft": N_FFT, "win_length": window, "hop_length": HOP, "center": False, **own}
    if name == "mfcc":
        count = common.pop("n_mfcc")
        made = torchaudio.transforms.MFCC(rate, count, melkwargs=common)
        made.amplitude_to_DB.top_db = None
    else:
        made = torchaudio.transforms.MelSpectrogram(rate, **common)
    found = made(torch.tensor(padded(pcm, (N_FFT - window) // 2), dtype=torch.float32))
    if name == "db":
        found = torchaudio.transforms.AmplitudeToDB(top_db=None)(found)
    return np.asarray(found.numpy().T, np.float32)


def from_librosa(pcm: Sound, name: str, rate: int, **own: Any) -> Sound:
    """Of librosa.feature, with its own defaults but no padding and no clipping at 80 dB; (frames, width)."""
    count, power = own.pop("n_mfcc", None), 1 if name == "pcen" else 2
    common = {"n_fft": N_FFT, "hop_length": HOP, "center": False, "power": power, **own}
    found = librosa.feature.melspectrogram(y=padded(pcm).astype(np.float32), sr=rate, **common)
    if name == "pcen":
        found = librosa.pcen(found * 2**31, sr=rate, hop_length=HOP)
    if name in ("db", "mfcc"):
        found = librosa.power_to_db(found, top_db=None)
    if name == "mfcc":
        found = librosa.feature.mfcc(S=found, n_mfcc=count)
    return np.asarray(found.T, np.float32)


def main() -> None:
    """Write the file."""
    pcm = sound()
    htk = {"htk": True, "norm": None}
    made = {
        "mel:512:160:hann:40 16000 torchaudio": from_torchaudio(pcm, "power", 16000, n_mels=40),
        "mel:512:160:hann:40 16000 librosa": from_librosa(pcm, "power", 16000, n_mels=40, **htk),
        "mel:512:160:hann:40:slaney 22050 librosa": from_librosa(pcm, "power", 22050, n_mels=40),
        "mel:512:160:hann:40:slaney 16000 torchaudio": from_torchaudio(
            pcm, "power", 16000, n_mels=40, mel_scale="slaney", norm="slaney"
        ),
        "mel:512:160:hann@400:32:60:7600:db 16000 torchaudio": from_torchaudio(
            pcm, "db", 16000, 400, n_mels=32, f_min=60.0, f_max=7600.0
        ),
        "mel:512:160:hann:32:60:7600:db:slaney 16000 librosa": from_librosa(
            pcm, "db", 16000, n_mels=32, fmin=60, fmax=7600
        ),
        "mel:512:160:hann:40:pcen:slaney 16000 librosa": from_librosa(
            pcm, "pcen", 16000, n_mels=40
        ),
        "mfcc:512:160:hann:40:13:slaney 16000 librosa": from_librosa(
            pcm, "mfcc", 16000, n_mels=40, n_mfcc=13
        ),
        "mfcc:512:160:hann:40:13 16000 torchaudio": from_torchaudio(
            pcm, "mfcc", 16000, n_mels=40, n_mfcc=13
        ),
    }
    np.savez_compressed(FILE, pcm=pcm, **made)


if __name__ == "__main__":
    main()
