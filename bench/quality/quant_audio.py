"""Mixtures for calibration, tuning and evaluation, disjoint in voices and noises, and what is measured on them.

Parameters and defaults of the package are chosen on `TUNING`; what is reported is measured on `EVALUATION`.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demonstrations.recordings import (
    EVALUATION_NOISES,
    EVALUATION_VOICES,
    refuse_heard,
    refuse_unlisted,
)
from published_signals import mixture

from edgekit.base.wav import Samples, read_wav
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.export.hop_runner import snr_db
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.trials import Trials

RATE = 16000
SECONDS = 4
SHORT = 3  # seconds, of many mixtures
SNRS_DB = (0, 5, 10)  # of them
FULL_SCALE = 0.99  # louder mixtures are brought down to it: PCM has no more
CALIBRATION = (
    ("en", "rain", 5),
    ("es", "birds", 0),
    ("es", "coffee-shop", 10),
    ("en", "waves", 5),
    ("en", "fireplace", 0),
    ("es", "train", 5),
    ("es", "boat", 3),
    ("en", "pink-noise", 8),
)


@dataclass(frozen=True)
class MixtureSet:
    """Voices and noises of mixtures; `level_dbfs` is the level of the speech, None for that of the recordings."""

    voices: tuple[str, ...]
    noises: tuple[str, ...]
    level_dbfs: float | None = None


TUNING = MixtureSet(("fr",), ("city", "stream", "storm", "summer-night"))
# recorded at many levels
EVALUATION = MixtureSet(EVALUATION_VOICES, EVALUATION_NOISES, level_dbfs=-24.0)
SETS = {"evaluation": EVALUATION, "tuning": TUNING}


@dataclass(frozen=True)
class Mixture:
    """A voice, and the same in noise, (samples,) each."""

    name: str
    clean: Samples
    noisy: Samples


@dataclass(frozen=True)
class Loss:
    """What a network loses against its float form, in dB (PESQ: points); of all mixtures.

    `snr_db` is that of its output against the float output, all mixtures together. `pesq` and `stoi`
    are None where the package is not installed.
    """

    mean_db: float
    worst_db: float
    snr_db: float
    pesq: float | None
    stoi: float | None


def speech(data: Path, voice: str, seconds: float, skip: int) -> Samples:
    """Return recordings of a voice one after another, every seventh from `skip` on."""
    files = sorted((data / "voices" / voice).glob("*.wav"))
    files = files[skip % 7 :: 7] if len(files) > 7 else files[skip % len(files) :] + files
    joined = np.concatenate([read_wav(path, RATE).samples for path in files[:24]])
    return np.resize(joined, int(seconds * RATE))


def noise(data: Path, name: str, seconds: float, start: float) -> Samples:
    """Return a stretch of a noise from `start` seconds on."""
    samples = read_wav(data / "noises" / f"{name}.wav", RATE).samples
    return np.resize(np.roll(samples, -int(start * RATE)), int(seconds * RATE))


def mixtures(data: Path, of: MixtureSet, snr_db: float, gain_db: float = 0.0) -> list[Mixture]:
    """Return 16 mixtures of a set.

    Raises:
        UsageError: those of the evaluation would have what something here was trained or tuned on.
    """
    made = []
    for number in range(16):
        pair = of.voices[number % len(of.voices)], of.noises[number // 2 % len(of.noises)]
        mixed = _mixed(data, of, pair, number, snr_db, SECONDS)
        gain = np.float32(10 ** (gain_db / 20))
        made.append(Mixture(mixed.name, gain * mixed.clean, gain * mixed.noisy))
    return made


def varied(data: Path, of: MixtureSet, count: int) -> list[Mixture]:
    """Return short mixtures, of every voice in every noise, at each of `SNRS_DB` in turn.

    Raises:
        UsageError: as `mixtures`.
    """
    pairs, made = len(of.voices) * len(of.noises), []
    for number in range(count):
        voice = of.voices[number % len(of.voices)]
        pair = voice, of.noises[number // len(of.voices) % len(of.noises)]
        ratio = SNRS_DB[(number + number // pairs) % len(SNRS_DB)]
        made.append(_mixed(data, of, pair, number, ratio, SHORT))
    return made


def _mixed(
    data: Path, of: MixtureSet, pair: tuple[str, str], number: int, snr_db: float, seconds: float
) -> Mixture:
    """The mixture of this number: a voice in a noise."""
    check = refuse_heard if of is EVALUATION else refuse_unlisted
    check(of.voices, of.noises)
    voice, name = pair
    clean = speech(data, voice, seconds, number)
    if of.level_dbfs is not None:
        clean = clean * np.float32(10 ** (of.level_dbfs / 20) / np.sqrt(np.mean(clean**2)))
    noisy = mixture(clean, noise(data, name, seconds, 3.0 * number), snr_db)
    gain = np.float32(min(1.0, FULL_SCALE / np.abs(noisy).max()))
    said = f"{voice} in {name}, {snr_db:g} dB"
    return Mixture(said, gain * (clean - clean.mean()), gain * noisy)


def calibration(data: Path, model: Model) -> Calibration:
    """Return the clips of `CALIBRATION`, with their clean form, for a network that takes PCM."""
    clips, clean, hop = [], {}, model.stream.hop_samples
    assert hop
    for number, (spoken, heard) in enumerate(calibration_sound(data)):
        clips.append(in_hops(model, heard))
        clean[number] = spoken[: len(spoken) // hop * hop]
    return Calibration(tuple(clips), "speech in noise", clean=clean)


def calibration_sound(data: Path) -> Iterator[tuple[Samples, Samples]]:
    """Yield the voice of each clip of `CALIBRATION`, and the same in noise as a file has it, (samples,)."""
    refuse_unlisted([voice for voice, *_ in CALIBRATION], [name for _, name, _ in CALIBRATION])
    for number, (voice, name, ratio) in enumerate(CALIBRATION):
        spoken = speech(data, voice, SECONDS, number)
        yield spoken, as_16_bit_file(mixture(spoken, noise(data, name, SECONDS, 2.0), ratio))


def as_16_bit_file(samples: Samples) -> Samples:
    """Return samples as a file of 16 bits has them: no more than full scale, and few steps where they are quiet."""
    steps = 32768
    return np.asarray(np.clip(np.round(samples * steps) / steps, -1, 1), np.float32)


def in_hops(model: Model, samples: Samples) -> dict[str, np.ndarray]:
    """Return samples as the hops of the one PCM input."""
    (value,), hop = model.stream_inputs, model.stream.hop_samples
    assert hop
    cut = samples[: len(samples) // hop * hop]
    return {str(value.name): np.ascontiguousarray(cut.reshape(-1, *dims(value)), np.float32)}


def outputs(model: Model, heard: Sequence[Mixture]) -> list[Samples]:
    """Return what the generated C makes of each mixture, (samples,), its delay taken away."""
    delay = model.stream.delay_samples or 0
    trials = Trials(model, [in_hops(model, m.noisy) for m in heard])
    (name,) = trials.outputs
    (made,) = trials.run(lambda _, found: np.ravel(found[name]))
    return [samples[delay:] for samples in made]


def loss(
    heard: Sequence[Mixture],
    exact: Sequence[Samples],
    found: Sequence[Samples],
    listened: bool = True,
) -> Loss:
    """Compare outputs of a quantized network with those of its float form; `listened` by PESQ and STOI, too.

    These have no value for silence.
    """

    def lost(metric: Callable[[Samples, Samples], float]) -> list[float]:
        pairs = zip(heard, exact, found, strict=True)
        return [metric(a, m.clean[: len(a)]) - metric(b, m.clean[: len(b)]) for m, a, b in pairs]

    drops = lost(si_sdr_db)
    metrics: Mapping[str, float | None] = {
        name: None if metric is None or not listened else float(np.mean(lost(metric)))
        for name, metric in (("pesq", pesq()), ("stoi", stoi()))
    }
    ratio = snr_db(np.concatenate(list(exact)), np.concatenate(list(found)))
    return Loss(float(np.mean(drops)), max(drops), ratio, **metrics)


def pesq() -> Callable[[Samples, Samples], float] | None:
    """PESQ of (output, clean), wide band; None without the package."""
    try:
        module = importlib.import_module("pesq")
    except ImportError:
        return None
    return lambda output, clean: float(module.pesq(RATE, clean, output, "wb"))


def stoi() -> Callable[[Samples, Samples], float] | None:
    """STOI of (output, clean); None without the package."""
    try:
        module = importlib.import_module("pystoi")
    except ImportError:
        return None
    return lambda output, clean: float(module.stoi(clean, output, RATE))
