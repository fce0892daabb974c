"""What a build makes of clips whose clean form is known: SI-SDR, and PESQ and STOI where their packages are."""

import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.wav import Samples
from edgekit.runtime.stream import Stream

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.calibrate.clips import Calibration

Metric = Callable[[Samples, Samples], float]
WIDE_BAND_HZ = 16000


@dataclass(frozen=True)
class MetricMeans:
    """The mean of a metric over clips: of the noisy input, the float network's output and the build's."""

    metric: str
    clips: int
    noisy: float
    exact: float
    built: float


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
    """Return the metrics that there are for this rate, each of (output, clean), the higher the better."""
    found: dict[str, Metric] = {"SI-SDR, dB": si_sdr_db}
    stoi, pesq = (_package(name) for name in ("pystoi", "pesq"))
    if stoi and sample_rate_hz:
        found["STOI"] = lambda output, clean: float(stoi.stoi(clean, output, sample_rate_hz))
    if pesq and sample_rate_hz == WIDE_BAND_HZ:
        found["PESQ"] = lambda output, clean: _pesq(pesq, output, clean)
    return found


def _pesq(package: Any, output: Samples, clean: Samples) -> float:
    """PESQ, wide band; not a number for what it has no value of, less than 1/4 s or no utterance."""
    try:
        return float(package.pesq(WIDE_BAND_HZ, clean, output, "wb"))
    except package.PesqError:
        return math.nan


def speech_metrics(
    stream: Stream, reference: "Model", calibration: "Calibration | None"
) -> list[MetricMeans]:
    """Run the clips with a clean form through a build and its float network; empty without such clips."""
    from edgekit.export.hop_runner import run_hops

    manifest = stream.manifest
    ports = *manifest.stream_inputs, *manifest.stream_outputs
    if calibration is None or not calibration.clean or [t.pcm_channels for t in ports] != [1, 1]:
        return []
    delay = stream.manifest.stream["delay_samples"] or 0
    rows: dict[str, list[tuple[float, ...]]] = {}
    for index, clean in calibration.clean.items():
        clip = dict(calibration.clips[index])
        stream.reset()
        three = [
            np.ravel(next(iter(clip.values()))),
            _samples(run_hops(reference, clip), delay),
            _samples(stream.run(clip), delay),
        ]
        length = min(len(clean), *map(len, three))
        for name, metric in metrics(stream.manifest.stream["sample_rate_hz"]).items():
            values = tuple(metric(samples[:length], clean[:length]) for samples in three)
            if not any(map(math.isnan, values)):
                rows.setdefault(name, []).append(values)
    return [
        MetricMeans(name, len(values), *map(float, np.mean(values, axis=0)))
        for name, values in rows.items()
    ]


def _samples(outputs: Mapping[str, Array], delay: int) -> Samples:
    (array,) = outputs.values()
    return np.ravel(array)[delay:]


def _package(name: str) -> Any:
    """A package, if it is installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None
