"""Warnings about calibration audio: properties that make ranges which real audio will not keep to.

Each warning states the number that caused it, and the next step. Measured with int8 networks on speech in noise, half
a second costs 3.8 dB, one clip of 12 s 0.35 dB. Four different ones of 3 s cost 0.03 dB, signals 20 dB quieter than
the calibration up to 3 dB.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.decide import SCORE, read_decide
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import Observer, minmax_range
from edgekit.quantize.calibrate.rest import pcm_input

Samples = Float64
SECONDS = 6.0
CLIPS = 3
ALIKE_DB = 3.0  # between spectra: parts of one recording are 2 dB apart at most, voices in several noises 7
FULL_SCALE = 0.999
RUN = 3  # samples at full scale side by side are clipping, a single one may be a peak
CLIPPED = 1e-4
SILENT_DBFS = -60.0
UPPER_BAND = 0.55  # of half the sample rate
EMPTY_DB = -70.0  # of that band against all: a recording at half the rate
LEVELS_DB = 12.0  # between quiet and loud frames of 20 ms
STEADY_DB = 6.0  # the same within a clip: white noise 1.5, rain and pink noise 5, speech at 5 dB SNR 10 or more
BANDS = 24
FRAME_SECONDS = 0.02


def calibration_warnings(model: Model, calibration: Calibration) -> tuple[str, ...]:
    """Return notes on how recordings were changed, and warnings about the audio of a network that reads PCM."""
    name, rate = pcm_input(model), model.stream.sample_rate_hz
    if name is None or rate is None:
        return calibration.notes
    clips = [np.ravel(clip[name]).astype(np.float64) for clip in calibration.clips]
    found = [
        *_length(clips, rate),
        *_clipping_notes(clips),
        *_silence(clips),
        *_bandwidth(clips, rate),
    ]
    return calibration.notes + tuple(
        f"calibration: {text}"
        for text in [*found, *_likeness(clips), *_levels(clips, rate), *_steadiness(clips, rate)]
    )


def no_detection_notes(model: Model, observers: Mapping[str, Observer]) -> tuple[str, ...]:
    """Return the note on a calibration in which a network that decides detects nothing."""
    score = observers.get(SCORE)
    if model.decide is None or score is None or (text := model.decide["text"]) is None:
        return ()
    on, (_, highest) = read_decide(text).on, minmax_range(score)
    if highest >= on:
        return ()
    return (
        f"calibration: nothing in it is detected, the highest score is {highest:.2f} of {on:g}: the integers may cut "
        "off what a detection needs; add recordings of each label",
    )


def _length(clips: Sequence[Samples], rate: int) -> list[str]:
    seconds = sum(map(len, clips)) / rate
    if seconds >= SECONDS:
        return []
    return [f"{seconds:.1f} s of audio in all; give {SECONDS:.0f} s or more, as four clips of 3 s"]


def _likeness(clips: Sequence[Samples]) -> list[str]:
    """Warn about few clips, or clips with equal spectra apart from their level."""
    heard = [clip for clip in clips if np.any(clip)]
    if len(heard) < CLIPS:
        return [
            f"{len(heard)} clip{'s' * (len(heard) != 1)} with sound; give {CLIPS + 1} or more from different places, "
            "or set range_margin = 1.5 in the recipe"
        ]
    spectra = [_band_levels_db(clip) for clip in heard]
    apart = max(
        float(np.sqrt(np.mean((a - b) ** 2))) for i, a in enumerate(spectra) for b in spectra[:i]
    )
    if apart >= ALIKE_DB:
        return []
    return [
        f"its spectra differ by {apart:.1f} dB at most; give clips of different speakers and noises, {ALIKE_DB:.0f} dB "
        "or more apart"
    ]


def _clipping_notes(clips: Sequence[Samples]) -> list[str]:
    found = []
    for number, clip in enumerate(clips, 1):
        full = np.abs(clip) >= FULL_SCALE
        run = np.convolve(full, np.ones(RUN), "valid") == RUN if len(full) >= RUN else full[:0]
        share = float(np.mean(np.convolve(run, np.ones(RUN)) > 0)) if len(run) else 0.0
        if share > CLIPPED:
            found.append(
                f"{100 * share:.2f} % of clip {number} is clipped; record it at a lower level, or leave it out"
            )
    return found


def _silence(clips: Sequence[Samples]) -> list[str]:
    levels = [_level_db(clip) for clip in clips]
    quiet = [(i, level) for i, level in enumerate(levels, 1) if level < SILENT_DBFS]
    return [
        f"clip {number} is silent, {'all zeros' if np.isneginf(level) else f'{level:.0f} dBFS'}; give one with a "
        f"signal above {SILENT_DBFS:.0f} dBFS"
        for number, level in quiet
    ]


def _bandwidth(clips: Sequence[Samples], rate: int) -> list[str]:
    power = np.sum([_power(clip) for clip in clips], axis=0)
    total = float(power.sum())
    if total <= 0:
        return []
    edge = int(UPPER_BAND * len(power))
    share = 10 * np.log10(max(float(power[edge:].sum()) / total, 1e-30))
    if share > EMPTY_DB:
        return []
    return [
        f"above {UPPER_BAND * rate / 2000:.1f} kHz there is nothing ({share:.0f} dB): recorded at a lower rate; give "
        f"recordings made at {rate} Hz"
    ]


def _levels(clips: Sequence[Samples], rate: int) -> list[str]:
    """Warn by the loud and quiet frames of the whole set, without silence."""
    size = max(int(FRAME_SECONDS * rate), 1)
    frames = [clip[: len(clip) // size * size].reshape(-1, size) for clip in clips]
    power = np.concatenate([np.mean(f**2, axis=1) for f in frames])
    heard = 10 * np.log10(power[power > 10 ** (SILENT_DBFS / 10)])
    if len(heard) < 2:
        return []
    low, high = np.percentile(heard, [5, 95])
    if high - low >= LEVELS_DB:
        return []
    return [
        f"levels from {low:.0f} to {high:.0f} dBFS, {high - low:.1f} dB; give quiet and loud clips, {LEVELS_DB:.0f} dB "
        "or more apart, or quieter signals will lose"
    ]


def _steadiness(clips: Sequence[Samples], rate: int) -> list[str]:
    """Warn if all clips have steady sound, like noise, without the ups and downs of speech or music."""
    moving = [_swing_db(clip, rate) for clip in clips if _level_db(clip) >= SILENT_DBFS]
    if not moving or max(moving) >= STEADY_DB:
        return []
    return [
        f"steady noise alone: inside each clip levels differ by {max(moving):.1f} dB at most; give clips with speech, "
        f"or of what else the network will process, with {STEADY_DB:.0f} dB or more between quiet and loud"
    ]


def _swing_db(clip: Samples, rate: int) -> float:
    """Return the level difference between quiet and loud frames of a clip; all frames count."""
    size = max(int(FRAME_SECONDS * rate), 1)
    frames = clip[: len(clip) // size * size].reshape(-1, size)
    if not len(frames):
        return np.inf
    low, high = np.percentile(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12), [5, 95])
    return float(high - low)


def _level_db(clip: Samples) -> float:
    power = float(np.mean(clip**2)) if len(clip) else 0.0
    return 10 * float(np.log10(power)) if power > 0 else -np.inf


def _power(clip: Samples, size: int = 512) -> Samples:
    """Return the mean power spectrum of Hann windows, (size / 2 + 1,)."""
    padded = np.pad(clip, (0, max(size - len(clip), 0)))
    frames = padded[: len(padded) // size * size].reshape(-1, size) * np.hanning(size)
    result: Samples = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    return result


def _band_levels_db(clip: Samples) -> Samples:
    """Return levels of bands that widen with frequency, around their mean: the clip's level does not matter."""
    power = _power(clip)
    edges = np.unique(np.geomspace(1, len(power), BANDS + 1).astype(int))
    bands = np.add.reduceat(power, edges[:-1]) / np.diff(edges)
    levels = 10 * np.log10(bands + 1e-9 * bands.max(initial=1e-30))
    return np.asarray(levels - levels.mean(), np.float64)
