"""What the command line's contract names and this version does not have: refused by name."""

from collections.abc import Iterable

from edgekit.errors import Problem

NOT_YET = "not in this version"


def unavailable(what: str, name: str, here: Iterable[str], later: Iterable[str]) -> Problem:
    """Return the problem of a name that is not there: announced for later, or unknown."""
    found = NOT_YET if name in later else "unknown"
    return Problem(f"{what} '{name}'", found, ", ".join(here), "choose one of these")
