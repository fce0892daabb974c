"""Front ends in float64, frame by frame: what their nodes are compared with."""

import numpy as np

from edgekit.export.frontend.features import cosines
from edgekit.export.frontend.spec import parse_spec


def offline(text: str, pcm: np.ndarray, sample_rate: int) -> np.ndarray:
    """The formulas in float64: (frames, width)."""
    form = parse_spec(text)
    features = form.features
    assert features is not None
    padded = np.concatenate([np.zeros(form.overlap), pcm])
    starts = range(0, len(padded) - form.length + 1, form.hop)
    frames = np.stack([padded[start : start + form.length] for start in starts])
    power = np.abs(np.fft.rfft(frames * form.windows()[0])) ** 2
    bank = features.bank_matrix(form.length, sample_rate)
    if features.scale == "pcen":
        energy = np.sqrt(power) @ bank * 2**31
        smooth, found = np.ones(features.bands), []
        frames_in = 0.4 * sample_rate / form.hop
        step = (np.sqrt(1 + 4 * frames_in**2) - 1) / (2 * frames_in**2)
        for row in energy:
            smooth = (1 - step) * smooth + step * row
            found.append((row / (1e-6 + smooth) ** 0.98 + 2) ** 0.5 - 2**0.5)
        return np.stack(found)
    value = power @ bank
    if features.scale != "power":
        unit = 10 / np.log(10) if features.scale == "db" else 1
        value = unit * np.log(np.maximum(value, 1e-10))
    return (
        value if features.coefficients is None else value @ cosines(features.bands, features.width)
    )
