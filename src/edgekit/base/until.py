"""The end of calls: the rule by which a step network has settled, and the longest recording of a stream."""

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


def read_until(samples: int | str) -> int | Until:
    """Read the samples after which recordings have ended.

    Versions up to 0.3 read the rule of a step network here, so that is read, too.

    Raises:
        UsageError: the text has another form.
    """
    text = str(samples)
    if text.isdecimal() and 1 <= int(text) <= MOST:
        return int(text)
    if ":" in text:
        return read_iterate(text)
    allowed = f"a whole number of samples from 1 to {MOST}"
    step = "write --until SAMPLES; the rule of a step network is --iterate OUTPUT:TOLERANCE:MOST"
    raise UsageError(Problem(f"--until '{text}'", "no number of samples", allowed, step))


def read_iterate(text: str) -> Until:
    """Read ``OUTPUT:TOLERANCE:MOST``, as ``change:1e-6:50``; a name may contain colons.

    Raises:
        UsageError: the text has another form.
    """
    output, _, rest = text.rpartition(":")
    output, _, tolerance = output.rpartition(":")
    try:
        made = Until(output, float(tolerance), int(rest))
    except ValueError:
        made = Until("", 0.0, 0)
    if not made.output or not 0 <= made.tolerance < math.inf or not 1 <= made.most <= MOST:
        allowed = "OUTPUT:TOLERANCE:MOST, such as change:1e-6:50"
        step = "name the scalar output, a number from 0 up, and how many calls at most"
        raise UsageError(Problem(f"--iterate '{text}'", "no such limits", allowed, step))
    return made
