"""Every error that EdgeKit raises on purpose.

    EdgeKitError
    +-- UsageError            unusable input or wrong usage: exit code 2
    |   +-- ModelError        the network itself: unreadable, unsupported, left open
    |   +-- CalibrationError  the calibration source: missing, empty, wrong rate or names
    +-- CheckFailed           the input was fine, a check was not: exit code 1
    |   +-- VerificationError an output is outside the stated tolerance
    |   +-- ToolError         a compiler, emulator or runtime is missing or failed
    |   +-- InternalError     EdgeKit itself failed: a defect, to be reported
    +-- Stopped               the user pressed Ctrl-C: exit code 130

A `UsageError` carries every problem, not only the first one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One finding about a user's input.

    Attributes:
        where: the subject: a node as ``Conv 'enc/conv1'``, an input, an option, a file.
        found: the state there.
        allowed: the valid alternative.
        next_step: the step that the user can take.
    """

    where: str
    found: str
    allowed: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; allowed: {self.allowed}; next: {self.next_step}"


class EdgeKitError(Exception):
    """Base of all errors that EdgeKit raises on purpose."""

    exit_code = 1


class UsageError(EdgeKitError):
    """The input or the way it was asked for cannot be used; lists all `problems`."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Take one problem or several; the message has one line for each."""
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ModelError(UsageError):
    """The network cannot be read, or holds something that is not supported."""


class CalibrationError(UsageError):
    """The calibration source is missing, empty or does not fit the network."""


class CheckFailed(EdgeKitError):
    """The input was usable, but a check on the result failed."""


class VerificationError(CheckFailed):
    """The result is not the same network within the stated tolerance."""


class ToolError(CheckFailed):
    """A tool that is needed (compiler, emulator, runtime) is missing or failed."""


class InternalError(CheckFailed):
    """EdgeKit failed where it should have checked: names the stage, and the facts to report."""


class Stopped(EdgeKitError):
    """The user stopped the work."""

    exit_code = 130  # as shells say it of SIGINT


NOT_YET = "not in this version"
MOST_PLACES = 12  # of a problem that a message names


def unavailable(what: str, name: str, here: Iterable[str], later: Iterable[str]) -> Problem:
    """Return the problem of a name that is not there: announced for later, or unknown."""
    found, here = NOT_YET if name in later else "unknown", tuple(here)
    near = get_close_matches(name.lower(), here, n=1)
    step = f"choose one of these; '{near[0]}' is nearest" if near else "choose one of these"
    return Problem(f"{what} '{name}'", found, ", ".join(here), step)


def merge_alike(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with those that differ in their place alone as one, which lists the places.

    ``Softmax 'a'`` and ``Softmax 'b'`` become ``Softmax 'a', 'b'``; from `MOST_PLACES` on, the others are counted.
    """
    places = dict[tuple[str, str, str], list[str]]()
    for problem in problems:
        key = problem.found, problem.allowed, problem.next_step
        places.setdefault(key, []).append(problem.where)
    return [Problem(_list_places(wheres), *key) for key, wheres in places.items()]


def _list_places(wheres: list[str]) -> str:
    places, names = list(dict.fromkeys(wheres)), dict[str, list[str]]()
    for place in places[:MOST_PLACES]:
        kind, _, name = place.partition(" '")
        names.setdefault(kind, []).append(f" '{name}" if name else "")
    listed = "; ".join(kind + ",".join(each) for kind, each in names.items())
    more = len(places) - MOST_PLACES
    return f"{listed} and {more} more" if more > 0 else listed
