"""Verbs and flags of the contract that this version does not have: parsed, and refused by name."""

from collections.abc import Callable
from typing import Any

import typer

from edgekit.errors import UsageError
from edgekit.later import not_yet

VERBS = ("sample",)
HERE = "export, stream, quantize, run, bench, inspect, targets, doctor, demo"
ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def refusal(verb: str) -> Callable[[typer.Context], None]:
    """Return a command that refuses `verb`, whatever follows it."""

    def refuse(context: typer.Context) -> None:
        raise UsageError(not_yet(f"verb '{verb}'", HERE))

    return refuse


def refuse_given(**flags: Any) -> None:
    """Refuse every flag that was given: all that are neither None, False nor empty.

    Raises:
        UsageError: one problem for each.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value]
    if given:
        raise UsageError([not_yet(flag) for flag in given])
