"""Voices by source and filter, whose glottal closure instants are known.

Pulses of a glottis, one for each period, go through five formants that wander from vowel to vowel. Two models of the
pulse: Rosenberg's (JASA 49, 1971, form B), and that of Liljencrants and Fant (STL-QPSR 26, 1985). Aspiration noise
sounds while the glottis is open; between voiced stretches there are fricatives and silence.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import signal  # type: ignore[import-untyped]

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.voice_source.closures import RATE

BLOCK = 160  # samples that the formants stay the same
RAMP = 80  # samples in which a voiced stretch begins and ends
LOWEST_HZ, HIGHEST_HZ = 70.0, 350.0
Pulse = Callable[[Float64, float, float, float], Float64]  # phase, open share, skew, period -> flow


def rosenberg(phase: Float64, opened: float, skew: float, period: float) -> Float64:
    """The derivative of the flow at phases 0 to 1 of a period that ends with the closure."""
    rise = opened * skew
    x = phase - (1 - opened)
    rising = np.pi / (2 * rise) * np.sin(np.pi * x / rise)
    falling = -np.pi / (2 * (opened - rise)) * np.sin(np.pi * (x - rise) / (2 * (opened - rise)))
    return np.where(x < 0, 0, np.where(x < rise, rising, falling)) / 4


def liljencrants(phase: Float64, opened: float, skew: float, period: float) -> Float64:
    """Return pulses as `rosenberg`: a growing sine that ends at its peak, then an exponential return."""
    turn, back = np.pi / (opened * skew), _return_time(opened)
    growth = _growth(opened, skew)
    x = phase - (1 - opened)
    scale = 1 / abs(np.sin(turn * opened))
    open_ = scale * np.exp(growth * (x - opened)) * np.sin(turn * x)
    return np.where(x < 0, -np.exp(-phase / back), open_)


def _return_time(opened: float) -> float:
    """Return the time constant of the return, in periods."""
    return 0.02 + 0.03 * (1 - opened)


@lru_cache(maxsize=64)
def _growth(opened: float, skew: float) -> float:
    """Return the growth of the sine at which the flow ends where it began."""
    places, turn = np.linspace(0, opened, 400), np.pi / (opened * skew)
    growth, low, high = 0.0, 0.0, 60.0
    for _ in range(40):
        growth = (low + high) / 2
        wave = np.exp(growth * (places - opened)) * np.sin(turn * places)
        area = wave.sum() * places[1] / abs(wave[-1]) - _return_time(opened)
        low, high = (growth, high) if area > 0 else (low, growth)
    return growth


def periods(random: np.random.Generator, seconds: float) -> Float64:
    """Closure instants in seconds: a pitch that glides, and jitter."""
    base = np.exp(random.uniform(np.log(LOWEST_HZ * 1.2), np.log(HIGHEST_HZ / 1.2)))
    knots = base * 2 ** random.uniform(-0.3, 0.3, 6)
    jitter = random.choice([0.002, 0.01, 0.025])
    at, out = float(random.uniform(0.002, 0.01)), []
    while at < seconds:
        out.append(at)
        hertz = np.interp(at / seconds * 5, np.arange(6), knots)
        period = (1 + jitter * random.standard_normal()) / hertz
        at += float(np.clip(period, 1 / HIGHEST_HZ, 1 / LOWEST_HZ))
    return np.array(out)


def source(random: np.random.Generator, closed: Float64, size: int, pulse: Pulse) -> Float64:
    """The derivative of the flow, with aspiration."""
    opened, skew = random.uniform(0.4, 0.85), random.uniform(0.6, 0.8)
    shimmer = random.choice([0.02, 0.1, 0.2])
    flow, breath = np.zeros(size), np.zeros(size)
    time = np.arange(size) / RATE
    for begin, end in pairwise(closed):
        first, last = int(np.ceil(begin * RATE)), min(int(np.ceil(end * RATE)), size)
        phase = (time[first:last] - begin) / (end - begin)
        level = 1 + shimmer * random.standard_normal()
        flow[first:last] = level * pulse(phase, opened, skew, end - begin)
        breath[first:last] = np.where(phase > 1 - opened, 1.0, 0.3)
    tilt = np.exp(-2 * np.pi * random.uniform(900, 6000) / RATE)
    flow = np.asarray(signal.lfilter([1 - tilt], [1, -tilt], flow))
    loud = 10 ** (random.uniform(-35, -12) / 20) * np.sqrt(np.mean(flow**2) + 1e-12)
    return np.asarray(flow + loud * breath * random.standard_normal(size))


def through_formants(random: np.random.Generator, sound: Float64) -> Float64:
    """The sound through five resonances that go from vowel to vowel."""
    size = random.uniform(0.85, 1.2)  # of the throat, over its usual one
    lowest = np.array([250, 700, 2000, 3100, 4200]) * size
    highest = np.array([900, 2400, 3200, 3900, 5000]) * size
    blocks = -(-sound.size // BLOCK)
    vowels = random.uniform(lowest, highest, (blocks // 12 + 2, 5))
    hertz = np.stack(
        [np.interp(np.arange(blocks) / 12, np.arange(len(vowels)), row) for row in vowels.T], 1
    )
    width = random.uniform([40, 50, 80, 120, 150], [120, 140, 200, 300, 400])
    radius = np.exp(-np.pi * width / RATE)
    states, out = np.zeros((5, 2)), np.empty_like(sound)
    for block in range(blocks):
        part = sound[block * BLOCK : (block + 1) * BLOCK]
        for n in range(5):
            poles = [1, -2 * radius[n] * np.cos(2 * np.pi * hertz[block, n] / RATE), radius[n] ** 2]
            part, states[n] = signal.lfilter([sum(poles)], poles, part, zi=states[n])
        out[block * BLOCK : (block + 1) * BLOCK] = part
    return out


def fricative(random: np.random.Generator, size: int) -> Float64:
    """Noise of a band."""
    low = random.uniform(800, 5000)
    taps = signal.butter(2, [low, min(low * 2.5, 7800)], "bandpass", fs=RATE, output="sos")
    return np.asarray(signal.sosfilt(taps, random.standard_normal(size)))


def voice(
    random: np.random.Generator, seconds: float, pulse: Pulse = rosenberg
) -> tuple[Float32, Float64]:
    """A recording at 16 kHz, and its closure instants in seconds."""
    size = int(seconds * RATE)
    out, closed, at = np.zeros(size), [np.zeros(0)], 0
    while at < size:
        kind = random.random()
        if kind < 0.25:
            length = int(random.uniform(0.05, 0.2) * RATE)
            noise = fricative(random, length) * np.hanning(length) * (kind < 0.17)
            part = 10 ** (random.uniform(-30, -5) / 20) * noise / (np.abs(noise).max() + 1e-9)
        else:
            length = int(random.uniform(0.2, 0.8) * RATE)
            instants = periods(random, length / RATE)
            part = through_formants(random, source(random, instants, length, pulse))
            ramp = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / RAMP)
            part = part * ramp / np.abs(part).max() * 10 ** (random.uniform(-10, 0) / 20)
            closures = instants[1:] + at / RATE  # nothing flows before the first instant
            closed.append(closures[closures < size / RATE])
        out[at : at + length] = part[: size - at]
        at += length
    cut = np.exp(-2 * np.pi * random.uniform(20, 90) / RATE)
    out = np.asarray(signal.lfilter([1, -1], [1, -cut], out))
    return add_noise(random, out), np.concatenate(closed)


def add_noise(random: np.random.Generator, sound: Float64) -> Float32:
    """The sound with white noise, at some level."""
    snr_db = random.uniform(15, 50)
    noise = random.standard_normal(sound.size) * np.sqrt(np.mean(sound**2)) * 10 ** (-snr_db / 20)
    noisy = sound + noise
    peak = 10 ** (random.uniform(-30, -1) / 20)
    return np.asarray(noisy * peak / max(np.abs(noisy).max(), 1e-9), np.float32)
