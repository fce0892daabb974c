"""Example inputs of an offline network, cut into hops."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape


def cut(examples: Mapping[str, NDArray[Any]], model: Model) -> Mapping[str, NDArray[Any]] | None:
    """Return (hops, *shape) for each stream input of a streamed network, (*shape) for a session constant.

    Args:
        examples: one array for each input, at any length of its time axis.
        model: what the rewrite gave.

    Returns:
        As many whole hops as every array holds; None where that is none.
    """
    whole, hops = {}, []
    for value in model.stream_inputs:
        name, shape = str(value.name), static_shape(value) or ()
        if name in model.timing:
            axis = model.timing[name].axis
            hops.append(examples[name].shape[axis] // shape[axis])
            whole[name] = (axis, shape[axis])
    count = min(hops, default=1)
    if count == 0:
        return None
    results = {}
    for value in model.stream_inputs:
        name = str(value.name)
        if name not in whole:
            results[name] = np.repeat(examples[name][None], count, axis=0)
            continue
        axis, frames = whole[name]
        part = np.take(examples[name], range(count * frames), axis)
        results[name] = np.stack(np.split(part, count, axis))
    return results | {name: examples[name] for name in model.constants}
