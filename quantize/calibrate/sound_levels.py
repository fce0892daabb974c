"""Levels of sound in a calibration: every clip is brought to the level at which speech fills the range of samples.

A device meets sound at all levels, and recordings have whichever level their microphone gave. Ranges from clips at
mixed levels depend on how many are loud. At one level they do not, and levels that are judged are absolute.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.recordings import sound_inputs

LOUD_DBFS = -16.0  # of active speech whose peaks reach full scale
SILENT_DBFS = -70.0  # quieter clips hold the noise of their recorder
HIGHEST_PEAK = 0.99  # of full scale
ACTIVE_DB = 15.9  # below the level of what is active: the margin of ITU-T P.56
LOWEST_RATE_HZ = 8000  # slower samples are of sensors, whose full scale is unknown
FRAME_SECONDS = 0.02
NOTED_DB = 6.0  # smaller gains need no note
ROUNDS = 20


def at_common_level(model: Model, calibration: Calibration) -> Calibration:
    """Return the calibration with every clip of sound raised to `LOUD_DBFS`, as far as its peak allows.

    Louder clips stay as they are, and clips below `SILENT_DBFS`, and networks without sound input. Several sound
    inputs of one clip, as a microphone and a loudspeaker, get the same gain.
    """
    names, rate = list(sound_inputs(model)), model.stream.sample_rate_hz
    if not names or rate is None or rate < LOWEST_RATE_HZ or model.sampler is not None:
        return calibration
    gains = [_gain([clip[name] for name in names], rate) for clip in calibration.clips]
    pairs = zip(calibration.clips, gains, strict=True)
    clips = tuple(_with_gain(clip, names, gain) for clip, gain in pairs)
    clean = {n: samples * gains[n] for n, samples in calibration.clean.items()}
    notes = (*calibration.notes, *_gain_notes(gains))
    return replace(calibration, clips=clips, clean=clean, notes=notes)


def active_dbfs(hops: Array, rate: int) -> float:
    """Return the mean level of a clip's active frames in dB relative to full scale; minus infinity of zeros.

    Frames are active down to `ACTIVE_DB` below that mean (the activity of ITU-T P.56, on frames of 20 ms).

    Args:
        hops: (hops, *shape) of PCM.
        rate: samples per second.
    """
    power = _frame_powers(hops, rate)
    level = float(power.mean())
    for _ in range(ROUNDS):
        active = power[power >= level * 10 ** (-ACTIVE_DB / 10)]
        if not active.size or math.isclose(level, float(active.mean()), rel_tol=1e-3):
            break
        level = float(active.mean())
    return 10 * math.log10(level) if level > 0 else -math.inf


def silent_clips(clips: Iterable[Clip], name: str, rate: int) -> frozenset[int]:
    """Return the numbers of the clips whose sound is below `SILENT_DBFS`."""
    found = enumerate(clips)
    return frozenset(n for n, clip in found if active_dbfs(clip[name], rate) < SILENT_DBFS)


def _with_gain(clip: Clip, names: list[str], gain: Float32) -> Clip:
    return clip if gain == 1 else {**clip, **{name: clip[name] * gain for name in names}}


def _gain(sounds: list[Array], rate: int) -> Float32:
    level = max(active_dbfs(hops, rate) for hops in sounds)
    if level < SILENT_DBFS:
        return np.asarray(1, np.float32)
    peak = max(float(np.abs(hops).max()) for hops in sounds)
    wanted = min(10 ** ((LOUD_DBFS - level) / 20), HIGHEST_PEAK / peak)
    return np.asarray(max(wanted, 1.0), np.float32)


def _gain_notes(gains: list[Float32]) -> list[str]:
    raised = [20 * math.log10(float(gain)) for gain in gains]
    if max(raised, default=0.0) < NOTED_DB:
        return []
    return [
        f"calibration: clips were raised by up to {max(raised):.0f} dB, to {LOUD_DBFS:.0f} dBFS where their peaks "
        "allow it: ranges then hold loud sound, too"
    ]


def _frame_powers(hops: Array, rate: int) -> Float64:
    """Return the mean square of each frame, of whole hops; the last ones may share a shorter frame."""
    rows = np.square(hops.reshape(len(hops), -1), dtype=np.float64)
    each = max(round(FRAME_SECONDS * rate / rows.shape[1]), 1)
    sums = np.add.reduceat(rows.sum(axis=1), np.arange(0, len(rows), each))
    counts = np.diff([*range(0, len(rows), each), len(rows)])
    return np.asarray(sums / (counts * rows.shape[1]))
