"""Flags of the contract that this version does not have: parsed, and refused by name."""

from typing import Any

from edgekit.errors import UsageError
from edgekit.later import not_yet


def refuse_given(**flags: Any) -> None:
    """Refuse every flag that was given: all that are neither None, False nor empty.

    Raises:
        UsageError: one problem for each.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value]
    if given:
        raise UsageError([not_yet(flag) for flag in given])
