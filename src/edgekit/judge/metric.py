"""``--metric package:function``: a measure of the user's own instead of a signal-to-noise ratio."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.user_code import import_attribute, no_exit, user_error

if TYPE_CHECKING:
    from edgekit.quantize.calibrate.clips import Calibration
    from edgekit.quantize.calibrate.held_out import Part

Arrays = Mapping[str, Array]
Samples = Float32
ALLOWED = "package.module:function(outputs, float_outputs, clean) that returns a number"


@dataclass(frozen=True)
class Metric:
    """A function of the user's, and how it was named."""

    name: str
    function: Callable[[Arrays, Arrays, Samples | None], float]

    def __call__(self, outputs: Arrays, exact: Arrays, clean: Samples | None) -> float:
        """Return the function's value for a clip; the higher, the better.

        Args:
            outputs: of the integers, (hops, *shape) by name.
            exact: the same of the float network.
            clean: (samples,) of the clip without noise, as late as the outputs; None where it is unknown.

        Raises:
            UsageError: the function fails, or gives no finite number.
        """
        try:
            with no_exit():
                value = float(self.function(dict(outputs), dict(exact), clean))
        except Exception as error:  # the user's own code
            raise UsageError(self._problem(user_error(error))) from error
        if not math.isfinite(value):
            raise UsageError(self._problem(str(value)))
        return value

    def _problem(self, found: str) -> Problem:
        return Problem(f"--metric '{self.name}'", found, ALLOWED, "correct the function")


RequiredMetric = tuple[Metric, float]  # and the value that it must reach


def read_metric(given: str) -> Metric:
    """Import the function that ``package.module:function`` names; it is the user's own code.

    Raises:
        UsageError: it cannot be imported, or is not a function.
    """
    module, _, name = given.partition(":")
    try:
        function: Callable[..., float] = import_attribute(module, name)
    except Exception as error:  # the user's own code
        step = "check the name, and that the module can be imported"
        raise UsageError(
            Problem(f"--metric '{given}'", user_error(error), ALLOWED, step)
        ) from error
    if not callable(function):
        found = f"a {type(function).__name__}"
        raise UsageError(Problem(f"--metric '{given}'", found, ALLOWED, "name a function"))
    return Metric(given, function)


def clean_of(
    calibration: "Calibration", part: "Part", hops: int, hop: int, delay: int
) -> Samples | None:
    """Return the clean form of a part's hops, `delay` samples late; None where it is unknown."""
    clean = calibration.clean.get(part.clip)
    if clean is None:
        return None
    late = np.concatenate([np.zeros(delay, np.float32), clean[part.first * hop :]])[: hops * hop]
    return np.pad(late, (0, hops * hop - len(late)))
