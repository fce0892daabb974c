"""Migration of ranges: the excess range of an input channel moves into the weights that read it.

Xiao et al., SmoothQuant (ICML 2023), eq. 4: ``s = max|X|^alpha / max|W|^(1 - alpha)`` per input channel. X is divided
by s in its writer (a layer, or the scale of a normalization), W multiplied. Channels without a constant writer stay
unchanged. The network computes the same.
"""

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.export.block_runner import BlockRunner
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import BLOCK_HOPS, Calibration
from edgekit.quantize.prepare.channels import Channels
from edgekit.quantize.prepare.equalize import peaks
from edgekit.quantize.prepare.scale_groups import FIXED


def migrate(model: Model, calibration: Calibration, alpha: float) -> Model:
    """Return the float model with migrated ranges; names, shapes and states are the same.

    Args:
        model: a float model.
        calibration: data for the ranges.
        alpha: 0 leaves all of the range to the input, 1 moves all of it to the weights.
    """
    result = Model(model.ir.clone())
    channels = Channels(result)
    seen = _input_peaks(model, calibration, channels)
    weights = [site for site in channels.sites if site.is_weight]
    _, by_readers = peaks(channels, weights, np.zeros(channels.count))
    written = np.zeros(channels.count, bool)
    for site in channels.sites:
        written[channels.find(site.written)] = True
    known = written & (seen > 0) & (by_readers > 0)
    known[: FIXED + 1] = False
    scale = np.ones(channels.count)
    scale[known] = by_readers[known] ** (1 - alpha) / seen[known] ** alpha
    channels.scaled(result, scale)
    return result


def _input_peaks(model: Model, calibration: Calibration, channels: Channels) -> Float64:
    """Return the largest magnitude of each channel in the inputs of layers, of powers the root of their degree."""
    found = np.zeros(channels.count)
    numbers = {str(value.name): n for value, n in channels.inputs.items()}
    states = {pair.input: pair.output for pair in model.states}
    tapped = [states.get(name, name) for name in numbers]
    runner = BlockRunner(model, tapped)
    for clip in calibration.clips:
        for seen in runner.blocks(clip, BLOCK_HOPS):
            for name, own in numbers.items():
                size = np.abs(seen[states.get(name, name)]).max(axis=0).reshape(own.shape)
                rooted = size.astype(np.float64) ** (1 / channels.groups.degrees(own))
                np.maximum.at(found, channels.find(own).ravel(), rooted.ravel())
    return found
