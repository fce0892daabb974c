"""Measures of speech for a build and its float network, on clips whose clean form is known."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.wav import Samples
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.judge.speech_quality import metrics
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream


@dataclass(frozen=True)
class MetricMeans:
    """The mean of a metric over clips: of the noisy input, the float network's output and the build's."""

    metric: str
    clips: int
    noisy: float
    exact: float
    built: float


def speech_metrics(
    stream: Stream, reference: Model, calibration: Calibration | None
) -> list[MetricMeans]:
    """Run the clips with a clean form through a build and its float network; empty without such clips."""
    manifest = stream.manifest
    ports = *manifest.stream_inputs, *manifest.stream_outputs
    if calibration is None or not calibration.clean or [t.pcm_channels for t in ports] != [1, 1]:
        return []
    rows: dict[str, list[tuple[float, ...]]] = {}
    for index, clean in calibration.clean.items():
        three = _three_forms(stream, reference, calibration.clips[index])
        length = min(len(clean), *map(len, three))
        for name, metric in metrics(manifest.stream["sample_rate_hz"]).items():
            values = tuple(metric(samples[:length], clean[:length]) for samples in three)
            if not any(map(math.isnan, values)):
                rows.setdefault(name, []).append(values)
    return [
        MetricMeans(name, len(values), *map(float, np.mean(values, axis=0)))
        for name, values in rows.items()
    ]


def _three_forms(stream: Stream, reference: Model, clip: Mapping[str, Array]) -> list[Samples]:
    """The noisy input, the float network's output and the build's, without the delay."""
    delay = stream.manifest.stream["delay_samples"] or 0
    stream.reset()
    return [
        np.ravel(next(iter(clip.values()))),
        _samples(run_hops(reference, clip), delay),
        _samples(stream.run(clip), delay),
    ]


def _samples(outputs: Mapping[str, Array], delay: int) -> Samples:
    (array,) = outputs.values()
    return np.ravel(array)[delay:]
