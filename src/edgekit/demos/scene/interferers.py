"""Animals and machines by formula: sounds that the network must not report."""

from collections.abc import Callable

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.scene.facts import RATE

SECONDS = 4
SIZE = SECONDS * RATE


def interferer(random: np.random.Generator) -> Float32:
    """Four seconds (samples,) of a bark, a bird, a cricket, a motor, a fan or a hammer, at a peak of 0.3."""
    makers: tuple[Callable[[np.random.Generator], Float64], ...] = (
        bark,
        bird,
        cricket,
        motor,
        fan,
        hammer,
    )
    sound = makers[random.integers(len(makers))](random)
    return np.asarray(0.3 * sound / max(np.abs(sound).max(), 1e-6), np.float32)


def bark(random: np.random.Generator) -> Float64:
    """Short cries whose pitch rises and falls, rough, and brightest at one formant."""
    low = float(np.exp(random.uniform(np.log(150), np.log(700))))
    formant, length = float(random.uniform(600, 2500)), int(random.uniform(0.08, 0.4) * RATE)
    place = np.arange(length) / length
    out = np.zeros(SIZE)
    for start in start_repeats(random, (0.25, 1.2), length):
        hz = low * float(random.uniform(0.85, 1.15)) * (1 + 0.6 * np.sin(np.pi * place))
        phase = 2 * np.pi * np.cumsum(hz) / RATE
        orders = np.arange(1, int(RATE / 2 / hz.max()) + 1)
        gains = 1 / (1 + np.square((orders * low - formant) / 500))
        cry = gains @ np.sin(orders[:, None] * phase)
        rough = 1 + random.uniform(0.2, 1.5) * noise(random, length, 80.0)
        out[start : start + length] += np.sin(np.pi * place) ** 0.5 * cry * rough
    return out


def bird(random: np.random.Generator) -> Float64:
    """Whistles of 2 to 6 kHz that glide and flutter."""
    out = np.zeros(SIZE)
    for start in start_repeats(random, (0.1, 0.7), length := int(random.uniform(0.04, 0.3) * RATE)):
        place = np.arange(length) / length
        glide = random.uniform(-0.4, 0.4) * place
        flutter = random.uniform(0, 0.2) * np.sin(2 * np.pi * random.uniform(2, 12) * place)
        hz = random.uniform(2000, 5500) * (1 + glide + flutter)
        out[start : start + length] += np.hanning(length) * np.sin(2 * np.pi * np.cumsum(hz) / RATE)
    return out


def cricket(random: np.random.Generator) -> Float64:
    """A tone of 3 to 7 kHz in pulses of 20 to 60 a second, which come in bursts."""
    seconds = np.arange(SIZE) / RATE
    pulses = np.maximum(np.sin(2 * np.pi * random.uniform(20, 60) * seconds), 0)
    burst = np.sin(2 * np.pi * random.uniform(0.5, 3) * seconds) > random.uniform(-0.8, 0.6)
    carrier = noise(random, SIZE, random.uniform(50, 400))
    return np.asarray(
        pulses * burst * np.sin(2 * np.pi * random.uniform(3000, 7000) * seconds + 2 * carrier)
    )


def motor(random: np.random.Generator) -> Float64:
    """Harmonics of a speed that drifts, whose loudness changes with each turn, and a broad noise."""
    speed = random.uniform(20, 180) * (1 + 0.15 * noise(random, SIZE, random.uniform(0.2, 2)))
    phase = 2 * np.pi * np.cumsum(speed) / RATE
    orders = np.arange(1, 30)
    gains = random.exponential(1.0, orders.size) / orders ** random.uniform(0.2, 1.2)
    hum = gains @ np.sin(orders[:, None] * phase)
    wide = noise(random, SIZE, random.uniform(500, 4000)) * (1 + 0.8 * np.sin(phase))
    return np.asarray(hum / hum.std() + random.uniform(0.1, 1.5) * wide)


def fan(random: np.random.Generator) -> Float64:
    """Noise below one frequency, with the beat of the blades."""
    beat = np.sin(2 * np.pi * random.uniform(3, 30) * np.arange(SIZE) / RATE)
    return noise(random, SIZE, random.uniform(300, 6000)) * (1 + random.uniform(0, 0.9) * beat)


def hammer(random: np.random.Generator) -> Float64:
    """Knocks: a few damped resonances and a click, at a steady or an uneven pace."""
    out, length = np.zeros(SIZE), int(random.uniform(0.05, 0.3) * RATE)
    seconds = np.arange(length) / RATE
    hertz = np.exp(random.uniform(np.log(120), np.log(3000), 4))[:, None]
    falls = random.uniform(0.005, 0.05, 4)[:, None]
    for start in start_repeats(random, (0.0, 0.8), length):
        rung = np.exp(-seconds / falls) * np.sin(2 * np.pi * hertz * seconds)
        click = np.exp(-seconds / 0.003) * random.standard_normal(length)
        out[start : start + length] += random.uniform(0.4, 1) * (rung.sum(0) + 0.5 * click)
    return out


def start_repeats(
    random: np.random.Generator, rest_s: tuple[float, float], length: int
) -> tuple[int, ...]:
    """Return first samples of repeated sounds of a length; rests of these seconds lie between them."""
    starts, at = list[int](), 0
    while at + length <= SIZE:
        starts.append(at)
        at += length + int(random.uniform(*rest_s) * RATE)
    return tuple(starts)


def noise(random: np.random.Generator, size: int, highest_hz: float) -> Float64:
    """Gaussian noise (size,) below a frequency, of variance 1."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    spectrum[np.fft.rfftfreq(size, 1 / RATE) > max(highest_hz, 2 * RATE / size)] = 0
    drawn = np.fft.irfft(spectrum, size)
    return np.asarray(drawn / drawn.std())
