"""A verb and the group of verbs: what each does with the words of the command line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from edgekit.base.errors import Problem, UsageError
from edgekit.cli.common_options import with_common_options
from edgekit.cli.options import MANY
from edgekit.cli.parse_problems import (
    Parameter,
    ParserError,
    parameter_name,
    parse_problems,
    verb_problem,
)
from edgekit.cli.repetition import STEP, repeated_items


class VerbCommand(TyperCommand):
    """A verb that refuses an option of one value that is given more than once.

    A switch may be repeated: it says the same again. Options of rare use are hidden from ``--help``.
    """

    def __init__(self, name: str | None, **facts: Any) -> None:
        """Take what typer gives; the last line of the help says how many options it does not show."""
        super().__init__(name, **facts)
        paragraphs = (self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        lines = []
        if any((parameter.metavar or "").endswith(MANY) for parameter in self.params):
            lines.append(f"An option with{MANY} may be repeated.")
        if hidden := sum(getattr(parameter, "hidden", False) for parameter in self.params):
            lines.append(f"edgekit {self.name} --help-all shows {hidden} more options.")
        self.epilog = " ".join(lines)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the words of the command line.

        Raises:
            UsageError: all problems with them.
        """
        if ctx.resilient_parsing:  # a shell that completes a word parses half a command
            return super().parse_args(ctx, args)
        words = list(args)
        try:
            values, _, parameters = self.make_parser(ctx).parse_args(list(words))
            _refuse(parameters, values)
            return super().parse_args(ctx, args)
        except ParserError as error:
            raise UsageError(parse_problems(error, ctx, words)) from error

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> object:  # type: ignore[override]
        """Complete rare options too."""
        self.show_all()
        return super().shell_complete(ctx, incomplete)

    def show_all(self) -> None:
        """Show the options of rare use in the help."""
        for parameter in self.params:
            parameter.hidden = False  # type: ignore[attr-defined]
        self.epilog = (self.epilog or "").partition("edgekit ")[0]


def _refuse(parameters: Sequence[Parameter], values: Mapping[str, object]) -> None:
    """Refuse options of one value that are given twice, and empty values, as those of an unset variable."""
    single = [
        parameter
        for parameter in parameters
        if parameter.param_type_name == "option"
        and not (parameter.multiple or parameter.is_flag or parameter.count)
    ]
    problems = [
        Problem(parameter_name(option), f"given {single.count(option)} times", "one value", STEP)
        for option in repeated_items(single)
    ]
    step = "write a value, or leave the option out"
    problems += [
        Problem(parameter_name(option), "an empty text", "a value", step)
        for option in single
        if values.get(option.name) == ""
    ]
    if problems:
        raise UsageError(problems)


class VerbGroup(TyperGroup):
    """All verbs; a word that is none of them is refused with the nearest."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> object:  # type: ignore[override]
        """Return the verb that the first word names.

        Raises:
            UsageError: it names none.
        """
        if not ctx.resilient_parsing and args and self.get_command(ctx, args[0]) is None:
            raise UsageError(verb_problem(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the words before the verb.

        Raises:
            UsageError: an option that is none.
        """
        if ctx.resilient_parsing or not args:
            return super().parse_args(ctx, args)
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except ParserError as error:
            raise UsageError(parse_problems(error, ctx, words)) from error


def add_verb(app: typer.Typer, name: str, verb: Callable[..., None], group: str) -> None:
    """Add a verb, with the switches that all verbs have."""
    app.command(name, cls=VerbCommand, rich_help_panel=group)(with_common_options(verb))
