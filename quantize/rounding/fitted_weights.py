"""Results of a fit for the weights of a layer."""

from dataclasses import dataclass

from edgekit.base.arrays import Float32, Float64, Int8
from edgekit.quantize.rounding.moments import Key


@dataclass(frozen=True)
class FittedWeight:
    """Integers of one weight, as a fit returns them.

    Attributes:
        q: (channel, ...).
        scales: (channel,).
        shift: addend of the bias, (channel,), or None.
        noise: power that rounding adds relative to that of the output, both without their means; averaged over the
            channels. None if not measured.
    """

    q: Int8
    scales: Float32
    shift: Float64 | None
    noise: float | None = None


Fitted = dict[Key, FittedWeight]
