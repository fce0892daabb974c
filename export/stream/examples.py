"""Example inputs of an offline network, cut into hops."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from edgekit.base.arrays import Array
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape


def cut(examples: Mapping[str, Array], model: Model) -> Mapping[str, Array] | None:
    """Return (hops, *shape) for each stream input of a streamed network, (*shape) for a session constant.

    Args:
        examples: one array for each input, at any length of its time axis.
        model: the rewritten network.

    Returns:
        The whole hops that every array holds; None if there are none.
    """
    hop, frames = model.stream.hop_samples or 1, _frames_of_hop(model)
    axes = {name: model.timing[name].axis for name in frames}
    count = min((examples[n].shape[axes[n]] // f for n, f in frames.items()), default=1)
    if count == 0:
        return None
    lengths = (Fraction(examples[n].shape[axes[n]] * hop, f) for n, f in frames.items())
    part = hop / max(lengths, default=Fraction(hop))
    results = {}
    for value in model.stream_inputs:
        name = str(value.name)
        if name in frames:
            whole = np.take(examples[name], range(count * frames[name]), axes[name])
            results[name] = np.stack(np.split(whole, count, axes[name]))
        else:
            results[name] = input_of_each_hop(
                examples[name], static_shape(value) or (), part, count
            )
    return results | {name: examples[name] for name in model.constants}


def _frames_of_hop(model: Model) -> dict[str, int]:
    """Return the number of frames in a hop for each input with a time axis."""
    shapes = {str(value.name): static_shape(value) or () for value in model.stream_inputs}
    return {
        name: shape[model.timing[name].axis]
        for name, shape in shapes.items()
        if name in model.timing
    }


def input_of_each_hop(array: Array, shape: Sequence[int], part: Fraction, hops: int) -> Array:
    """Return an input without time as an array of hops, (hops, *shape): each has the frame in which the hop begins.

    Args:
        array: of the offline network; along one axis it may be longer than `shape`.
        shape: of one hop.
        part: share of the array that is one hop.
        hops: number of hops; the last frame repeats if the array ends earlier.
    """
    grown = [n for n, (a, b) in enumerate(zip(array.shape, shape, strict=True)) if a != b]
    if not grown:
        return np.repeat(array[None], hops, axis=0)
    (axis,) = grown
    frames = array.shape[axis]
    places = [min(int(hop * part * frames), frames - 1) for hop in range(hops)]
    return np.stack([np.take(array, [place], axis) for place in places])


def hold(array: Array, axis: int, frames: int) -> Array:
    """Return the array where every group of `frames` along `axis` repeats its first one."""
    places = np.arange(array.shape[axis])
    return np.asarray(np.take(array, places - places % frames, axis))


def repeat_along_time(array: Array, axis: int | None, frames: int) -> Array:
    """Repeat an input along its time axis until it has `frames`; an input without one is unchanged."""
    if axis is None:
        return np.asarray(array)
    return np.asarray(np.take(array, np.arange(frames) % array.shape[axis], axis))
