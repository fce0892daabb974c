"""Options that are given twice: one of one value, or a name of a repeatable one.

Click would take the last one, silently.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from edgekit.base.errors import Problem, UsageError

STEP = "leave out all but one"


def repeated_items(items: Iterable[Any]) -> list[Any]:
    """Return each item that occurs more than once, in the order of its second occurrence."""
    seen, found = set(), dict[Any, None]()
    for item in items:
        if item in seen:
            found[item] = None
        seen.add(item)
    return list(found)


def refuse_repeated(flag: str, parsed: Sequence[Any]) -> None:
    """Refuse a repeatable flag that says something of one name twice.

    Args:
        flag: as on the command line.
        parsed: its values; of ``(name, value)`` pairs the name counts.

    Raises:
        UsageError: each name that is there more than once.
    """
    names = [item[0] if isinstance(item, tuple) else item for item in parsed]
    if problems := [
        Problem(f"{flag} '{name}'", f"given {names.count(name)} times", "once for each name", STEP)
        for name in repeated_items(names)
    ]:
        raise UsageError(problems)
