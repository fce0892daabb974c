"""Results of a fit for the weights of a layer."""

from dataclasses import dataclass

from edgekit.base.arrays import Float32, Float64, Int8
from edgekit.quantize.rounding.moments import Key


@dataclass(frozen=True)
class FittedWeight:
    """Integers of one weight, as a fit gives them.

    Attributes:
        q: (channel, ...).
        scales: (channel,).
        shift: what the bias grows by, (channel,), or None.
        noise: the power of what rounding adds beside that of the output, both without their means: the mean over the
            channels. None where it was not looked at.
    """

    q: Int8
    scales: Float32
    shift: Float64 | None
    noise: float | None = None


Fitted = dict[Key, FittedWeight]
