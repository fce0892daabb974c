"""Cross-layer equalization: the weights that write a channel get the same range as those that read it.

Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction (ICCV 2019), eq. 11:
``s = sqrt(r1 / r2)``, for channels that pass functions with ``f(s x) = s f(x)``, movement, sums and states, repeated
until the factors settle. The network computes the same.
"""

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.graph.model import Model
from edgekit.quantize.prepare.channels import Channels, Site
from edgekit.quantize.prepare.scale_groups import FIXED

ROUNDS = 50
SETTLED = 1e-3  # of the logarithm of a factor


def equalize(model: Model) -> Model:
    """Return the float model with equalized channels; names, shapes and states are the same."""
    result = Model(model.ir.clone())
    channels = Channels(result)
    total = np.zeros(channels.count)  # logarithm of the factor of each channel
    weights = [site for site in channels.sites if site.is_weight]
    for _ in range(ROUNDS):
        step = _step(channels, weights, total)
        total += step
        if np.abs(step).max(initial=0.0) < SETTLED:
            break
    channels.scaled(result, np.exp(total))
    return result


def changes(model: Model) -> bool:
    """Whether any channel could be scaled: a layer writes it, and another reads it."""
    channels = Channels(Model(model.ir.clone()))
    weights = [site for site in channels.sites if site.is_weight]
    written = {int(n) for site in weights for n in np.unique(channels.find(site.written))}
    read = {int(n) for site in weights for n in np.unique(channels.find(site.read))}
    return any(number > FIXED for number in written & read)


def _step(channels: Channels, weights: list[Site], total: Float64) -> Float64:
    """Return the change of each factor's logarithm, towards equal peaks of writers and readers."""
    by_writers, by_readers = peaks(channels, weights, total)
    known = (by_writers > 0) & (by_readers > 0)
    step = np.zeros(len(total))
    step[known] = 0.5 * np.log(by_readers[known] / by_writers[known])
    step[: FIXED + 1] = 0.0
    return 0.5 * step  # neighbouring channels move at once: half a step does not overshoot


def peaks(channels: Channels, weights: list[Site], total: Float64) -> tuple[Float64, Float64]:
    """Return the largest weight that writes, and that reads, each channel, under factors ``exp(total)``.

    Of channels that scale with a power of a factor it is the root of that degree.
    """
    found, groups = np.zeros((2, len(total))), channels.groups
    for site in weights:
        written, read = (groups.logarithms(total, n) for n in (site.written, site.read))
        size = np.abs(site.array.astype(np.float64)) * np.exp(written - read)
        for row, numbers in zip(found, (site.written, site.read), strict=True):
            rooted = size ** (1 / groups.degrees(numbers))
            roots = np.broadcast_to(channels.find(numbers), size.shape)
            np.maximum.at(row, roots.ravel(), rooted.ravel())
    return found[0], found[1]
