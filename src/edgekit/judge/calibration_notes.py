"""Notes on calibrations in which a network finds nothing: what it lets through, or detects, is not in the clips."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.judge.decisions import probabilities
from edgekit.quantize.calibrate.observers import Observer, minmax_range
from edgekit.quantize.calibrate.rest import pcm_input

SUPPRESSED_DB = 12.0  # below its input: speech at 0 dB in noise comes out 8 dB below at most
# A detector of speech is sure of speech in 80 to 95 % of the hops of speech in noise, and of none in 1.5 to 5 %. In
# noise alone it is sure of speech in 0.5 %, though it decides so in 8 %.
SURE = 0.9
LEAST_SURE = 0.01  # of the hops, of either answer


def one_sided_notes(model: Model, observers: Mapping[str, Observer]) -> tuple[str, ...]:
    """Return notes on sound that the network suppresses throughout, and on outputs that nearly have one answer alone.

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
        if key in ends:
            found += _decision_notes(key, ends[key], observers[key])
        elif pcm_layout(model, output) is not None:
            found += _suppression_notes(observers[name], observers[key])
    return tuple(f"calibration: {text}" for text in found)


def _decision_notes(name: str, end: str, seen: Observer) -> list[str]:
    """Return a note for each answer of a sigmoid, or of a softmax of two classes, that is nearly missing."""
    shares = _sure_of_sigmoid(name, seen) if end == "Sigmoid" else _mean_of_classes(name, seen)
    return [
        f"{found} {100 * share:.1f} %, and {100 * LEAST_SURE:g} % at least are wanted: ranges and statements know one "
        f"answer alone; add recordings {lacking} what it detects"
        for found, share, lacking in shares
        if share < LEAST_SURE
    ]


def _sure_of_sigmoid(name: str, seen: Observer) -> Iterator[tuple[str, float, str]]:
    """Yield what was found, the share of values that are sure of it, and which recordings have it."""
    low, high = minmax_range(seen)
    if not seen.sample.size:
        return
    above, below = seen.sample > SURE, seen.sample < 1 - SURE
    yield f"output '{name}', {high:.2f} at most, is above {SURE:g} in", float(above.mean()), "of"
    yield (
        f"output '{name}', {low:.2f} at least, is below {1 - SURE:.1f} in",
        float(below.mean()),
        "without",
    )


def _mean_of_classes(name: str, seen: Observer) -> Iterator[tuple[str, float, str]]:
    """Yield the same of both classes, by their mean probability; nothing of more classes."""
    if seen.total is None or seen.total.shape[-1:] != (2,):
        return
    for number, mean in enumerate(seen.total.reshape(-1, 2).mean(axis=0) / seen.hops):
        yield (
            f"class {number} of output '{name}' has a mean probability of",
            float(mean),
            "of all that",
        )


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
