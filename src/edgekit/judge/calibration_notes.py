"""Notes on calibrations in which a network finds nothing: what it lets through, or detects, is not in the clips."""

import math
from collections.abc import Mapping

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.judge.decisions import THRESHOLD, probabilities
from edgekit.quantize.calibrate.observers import Observer, minmax_range
from edgekit.quantize.calibrate.rest import pcm_input

SUPPRESSED_DB = 12.0  # below its input: speech at 0 dB in noise comes out 8 dB below at most


def one_sided_notes(model: Model, observers: Mapping[str, Observer]) -> tuple[str, ...]:
    """Return notes on sound that the network suppresses throughout, and on outputs that never decide otherwise.

    The ranges of such a calibration know only one answer of the network.
    """
    name = pcm_input(model)
    if name is None or name not in observers:
        return ()
    ends = probabilities(model)
    found = []
    for output in model.stream_outputs:
        key = str(output.name)
        if key not in observers:
            continue
        if ends.get(key) == "Sigmoid":
            found += _decision_notes(key, observers[key])
        elif pcm_layout(model, output) is not None:
            found += _suppression_notes(observers[name], observers[key])
    return tuple(f"calibration: {text}" for text in found)


def _decision_notes(name: str, seen: Observer) -> list[str]:
    low, high = minmax_range(seen)
    if low < THRESHOLD <= high:
        return []
    side = "below" if high < THRESHOLD else "above"
    return [
        f"output '{name}' stays {side} {THRESHOLD:g} on all clips; add recordings on which it does not"
    ]


def _suppression_notes(given: Observer, seen: Observer) -> list[str]:
    below = _power_db(given.sample) - _power_db(seen.sample)
    if not below > SUPPRESSED_DB:
        return []
    return [
        f"the network removes most of these clips ({below:.0f} dB quieter on average); add recordings with what it "
        "keeps, such as speech"
    ]


def _power_db(sample: Float32) -> float:
    power = float(np.mean(np.square(sample, dtype=np.float64))) if sample.size else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf
