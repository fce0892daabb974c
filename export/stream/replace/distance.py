"""Measures how far a network with replaced nodes is from the original one."""

from collections.abc import Sequence

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import Arrays, in_onnxruntime, snr_db
from edgekit.export.random_inputs import draw
from edgekit.export.stream.sources import Offline
from edgekit.graph.model import Distance

SEED = 0


def distances(
    original: Offline, changed: Offline, feeds: Sequence[Arrays], samples: int, of: str
) -> tuple[Distance, ...]:
    """Run both networks over whole recordings and compare their outputs.

    An output that was one for all of time is compared with its last frame, which depends on all input.

    Args:
        original: the original network.
        changed: the same with replaced nodes.
        feeds: inputs by name, each of `samples` samples.
        samples: the length of all of them.
        of: the kind of the feeds: ``examples``, ``calibration`` or ``noise``.
    """
    one, other = (in_onnxruntime(network.at(samples).to_bytes()) for network in (original, changed))
    pairs: dict[str, list[tuple[Array, Array]]] = {}
    for feed in feeds:
        expected, found = one(feed), other(feed)
        for name, array in expected.items():
            pairs.setdefault(name, []).append((array, _last_frame(found[name], array.shape)))
    return tuple(_distance(name, both, of) for name, both in pairs.items())


def noise(original: Offline, samples: int) -> Arrays:
    """Return random inputs, used without other inputs."""
    generator = np.random.default_rng(SEED)
    inputs = original.at(samples).ir.graph.inputs
    return {str(v.name): draw(v, generator, 1, 1)[0] for v in inputs}


def _last_frame(array: Array, shape: tuple[int, ...]) -> Array:
    """Return the last frame of an output that was one for all of time."""
    if array.ndim == len(shape):
        for axis, (frames, size) in enumerate(zip(array.shape, shape, strict=True)):
            if frames != size == 1:
                array = np.take(array, [-1], axis)
    return array.reshape(-1)[-1:].reshape(shape) if array.ndim != len(shape) else array


def _distance(name: str, pairs: Sequence[tuple[Array, Array]], of: str) -> Distance:
    one = np.concatenate([array.ravel() for array, _ in pairs]).astype(np.float64)
    other = np.concatenate([array.ravel() for _, array in pairs]).astype(np.float64)
    ratio = snr_db(one, other)
    error = float(np.abs(one - other).max(initial=0))
    peak = float(np.abs(one).max(initial=0))
    return Distance(name, round(float(ratio), 2) if np.isfinite(ratio) else None, error, peak, of)


def distance_line(distance: Distance) -> str:
    """Return a distance as a line of a report."""
    ratio = (
        "equal"
        if distance.max_error == 0
        else ("no signal" if distance.snr_db is None else f"{distance.snr_db:g} dB")
    )
    share = f", largest error {distance.max_error:.3g} of a peak of {distance.peak:.3g}"
    return f"output '{distance.output}' with what was replaced, against the original on {distance.of}: {ratio}{share}"
