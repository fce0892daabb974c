"""Measures of speech against its clean form: SI-SDR, and PESQ and STOI if their packages are installed."""

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edgekit.base.wav import Samples

Metric = Callable[[Samples, Samples], float]
WIDE_BAND_HZ = 16000


def si_sdr_db(estimate: Samples, reference: Samples) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB.

    Le Roux et al., "SDR - half-baked or well done?", 2019, equation 3, means removed; over the
    samples that both have.
    """
    length = min(len(estimate), len(reference))
    heard, wanted = (x[:length].astype(np.float64) for x in (estimate, reference))
    heard, wanted = heard - heard.mean(), wanted - wanted.mean()
    target = wanted * (heard @ wanted) / (wanted @ wanted)
    return float(10 * np.log10((target @ target) / ((heard - target) @ (heard - target))))


def metrics(sample_rate_hz: int | None) -> dict[str, Metric]:
    """Return the metrics available for this rate, each of (output, clean), the higher the better."""
    found: dict[str, Metric] = {"SI-SDR, dB": si_sdr_db}
    stoi, pesq = (_package(name) for name in ("pystoi", "pesq"))
    if stoi and sample_rate_hz:
        found["STOI"] = lambda output, clean: float(stoi.stoi(clean, output, sample_rate_hz))
    if pesq and sample_rate_hz == WIDE_BAND_HZ:
        found["PESQ"] = lambda output, clean: _pesq(pesq, output, clean)
    return found


def _pesq(package: Any, output: Samples, clean: Samples) -> float:
    """Return wide-band PESQ; NaN where it is undefined: less than 1/4 s, or no utterance."""
    try:
        return float(package.pesq(WIDE_BAND_HZ, clean, output, "wb"))
    except package.PesqError:
        return math.nan


def _package(name: str) -> Any:
    """A package, if it is installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None
