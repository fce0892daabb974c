"""What a fit gives for the weights of a layer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.quantize.rounding.moments import Key


@dataclass(frozen=True)
class FittedWeight:
    """Integers (channel, ...) and scales (channel,) of one weight, and what the bias grows by, or None."""

    q: NDArray[np.int8]
    scales: NDArray[np.float32]
    shift: NDArray[np.float64] | None


Fitted = dict[Key, FittedWeight]
