"""The switches that every verb has: `--quiet`, `--verbose` and `--help-all`."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Annotated, Any

import typer

from edgekit.base.errors import Problem, UsageError
from edgekit.cli.console import OUTPUT, json_alone_on_stdout, out, verbosity
from edgekit.cli.options import set_parameters


def _set_quiet(value: bool) -> bool:
    verbosity.quiet = out.quiet = value
    return value


def _set_verbose(value: bool) -> bool:
    if value and verbosity.quiet:
        raise UsageError(
            Problem("--verbose", "given with --quiet", "one of them", "leave one of them out")
        )
    verbosity.verbose = value
    return value


def _show_help(context: typer.Context, value: bool) -> None:
    if value and not context.resilient_parsing:
        context.command.show_all()  # type: ignore[attr-defined]
        if text := context.get_help():
            print(text)
        raise typer.Exit


def _switch(*names: str, callback: Callable[..., object], about: str, eager: bool = False) -> Any:
    option = typer.Option(
        *names,
        callback=callback,
        expose_value=False,
        is_eager=eager,
        metavar="",
        rich_help_panel=OUTPUT,
        help=about,
    )
    return Annotated[bool, option]


SWITCHES = {
    "quiet": _switch("--quiet", "-q", callback=_set_quiet, about="Print only errors."),
    "verbose": _switch(
        "--verbose",
        "-v",
        callback=_set_verbose,
        about="Print times, and tracebacks of errors in your code.",
    ),
    "help_all": _switch("--help-all", callback=_show_help, about="Show every option.", eager=True),
}


def with_common_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the switches of all."""

    @wraps(verb)
    def command(**given: object) -> None:
        with json_alone_on_stdout() if given.get("as_json") else nullcontext():
            verb(**{name: value for name, value in given.items() if name not in SWITCHES})

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(verb, eval_str=True).parameters.values()
    ]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in SWITCHES.items()
    ]
    set_parameters(command, [*own, *more])
    return command
