"""Options that are given twice: one of one value, or a name of a repeatable one.

Click would take the last one, silently.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

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


class VerbCommand(TyperCommand):
    """A verb that refuses an option of one value that is given more than once.

    A switch may be repeated: it says the same again.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the words of the command line.

        Raises:
            UsageError: each option of one value that is given more than once.
        """
        if not ctx.resilient_parsing:  # a shell that completes a word parses half a command
            _, _, parameters = self.make_parser(ctx).parse_args(list(args))
            self._refuse(parameters)
        return super().parse_args(ctx, args)

    def _refuse(self, parameters: Sequence[Any]) -> None:
        single = [
            parameter
            for parameter in parameters
            if parameter.param_type_name == "option"
            and not (parameter.multiple or parameter.is_flag or parameter.count)
        ]
        if problems := [
            Problem(
                max(option.opts, key=len), f"given {single.count(option)} times", "one value", STEP
            )
            for option in repeated_items(single)
        ]:
            raise UsageError(problems)
