"""The end of calls: the rule by which a step network has settled, or the longest recording of a stream."""

import math
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError

MOST = 1 << 30


@dataclass(frozen=True)
class Until:
    """A step network is called until its scalar `output`, how much a call changed, is at most `tolerance`.

    Attributes:
        output: its name.
        tolerance: at most so much; integers stop on a grid point near the solution, or go back and forth between two.
        most: calls.
    """

    output: str
    tolerance: float
    most: int


def read_until(text: str) -> Until | int:
    """Read ``OUTPUT:TOLERANCE:MOST``, as ``change:1e-6:50``; a name may contain colons.

    A number alone is the samples after which a stream has ended.

    Raises:
        UsageError: the text has another form.
    """
    if text.isdecimal() and 1 <= int(text) <= MOST:
        return int(text)
    output, _, rest = text.rpartition(":")
    output, _, tolerance = output.rpartition(":")
    try:
        made = Until(output, float(tolerance), int(rest))
    except ValueError:
        made = Until("", 0.0, 0)
    if not made.output or not 0 <= made.tolerance < math.inf or not 1 <= made.most <= MOST:
        allowed = "OUTPUT:TOLERANCE:MOST, as change:1e-6:50, or SAMPLES"
        step = "name the scalar output, a number from 0 up, and how many calls at most"
        raise UsageError(Problem(f"--until '{text}'", "no such limits", allowed, step))
    return made
