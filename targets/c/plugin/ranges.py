"""The ranges of knobs, in the form of ``--knob``."""

import math
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError

STEP = "write --knob gain=-60:0:-20, for a control of several values one or as many, with commas"


@dataclass(frozen=True)
class Range:
    """The useful range of a knob: ``least <= default <= most``."""

    least: float
    most: float
    default: float


def read_ranges(name: str, text: str) -> list[Range]:
    """Read ``LEAST:MOST:DEFAULT`` of a control; one for each of its values with commas.

    Raises:
        UsageError: a part that is no range.
    """
    return [_range(name, part) for part in text.split(",")]


def _range(name: str, text: str) -> Range:
    try:
        least, most, default = map(float, text.split(":"))
    except ValueError:
        least = most = default = math.nan
    if not (math.isfinite(most - least) and least < most and least <= default <= most):
        allowed = "LEAST:MOST:DEFAULT, finite numbers, LEAST < MOST, DEFAULT from one to the other"
        raise UsageError(Problem(f"--knob '{name}'", f"'{text}'", allowed, STEP))
    return Range(least, most, default)
