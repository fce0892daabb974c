"""The flags of a verb out of the options that its function in `edgekit.api` takes."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Annotated, Any

import typer

from edgekit.base.json_values import JsonObject
from edgekit.cli.completion import COMPLETIONS
from edgekit.cli.repetition import refuse_repeated
from edgekit.cli.units import UNITS, Duration, decibel_reader, number_reader, samples_of
from edgekit.verbs.export.flags import OptionRow, option_specs
from edgekit.verbs.export.option_groups import GROUP_OF, ORDER

MANY = " ..."  # after the placeholder of an option that may be repeated


def flag(row: OptionRow, help_text: str | None = None) -> Any:
    """Return the typer option of a declared one."""
    spec, group = row.flag, GROUP_OF[row.name]
    return typer.Option(
        row.flag_name,
        metavar=_metavar(row),
        parser=_reader(row),
        help=help_text or spec.help,
        hidden=row.name in group.rare,
        rich_help_panel=group.name,
        autocompletion=COMPLETIONS.get(row.name),
    )


def with_options(options: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb a flag for each option of a class of keywords; it gets what was given as ``options``.

    ``--json`` stays last.
    """
    rows = sorted(option_specs(options).values(), key=lambda row: ORDER.index(row.name))

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def command(**given: Any) -> None:
            own = {name: given.pop(name) for name in parameters if name in given}
            verb(**own, options=_collect_options(rows, given))

        parameters = dict(inspect.signature(verb).parameters)
        del parameters["options"]
        as_json = parameters.pop("as_json")
        flags = {_variable(row): row for row in rows}
        made = [_parameter(name, row) for name, row in flags.items()]
        every = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in (*parameters.values(), *made, as_json)
        ]
        parameters["as_json"] = as_json
        set_parameters(command, every)
        return command

    return decorate


def set_parameters(command: Callable[..., None], parameters: list[inspect.Parameter]) -> None:
    """Give a wrapper of a verb the parameters that typer is to see."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    vars(command).pop("__wrapped__", None)  # typer would look at the verb itself


def _reader(row: OptionRow) -> Callable[[str], int | float | str] | None:
    """The reader of a number; None of other options."""
    kind = _plain(row.type)
    if kind == int | None:
        metavar = row.flag.metavar or ""
        most = UNITS[metavar].most if metavar in UNITS else None
        return number_reader(row.flag_name, metavar, row.flag.minimum, most)
    if row.flag.metavar == "SAMPLES":
        read = number_reader(
            row.flag_name, least=1
        )  # no times: after a front end a step is a frame
        return lambda text: text if ":" in text else read(text)  # the form of versions up to 0.3
    return decibel_reader(row.flag_name) if row.flag.metavar in UNITS else None


def _metavar(row: OptionRow) -> str | None:
    """The placeholder of a value, with dots where several may be given; a switch has none."""
    if _plain(row.type) is bool:
        return ""
    return f"{row.flag.metavar}{MANY}" if row.flag.many else row.flag.metavar


def _variable(row: OptionRow) -> str:
    return row.flag_name.removeprefix("--").replace("-", "_")


def _parameter(name: str, row: OptionRow) -> inspect.Parameter:
    kind = list[str] | None if row.flag.many else _plain(row.type)
    default = False if kind is bool else None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, flag(row)],
    )


def _plain(kind: Any) -> Any:
    """A type that the command line knows: a path is a text."""
    for known in (bool, int, float):
        if kind is known or kind == known | None:
            return kind
    return str | None


def _collect_options(rows: Iterable[OptionRow], given: Mapping[str, Any]) -> JsonObject:
    """What was given, as keywords; a repeatable flag's texts are parsed, a time becomes samples."""
    options: JsonObject = {}
    for row in rows:
        value, spec = given[_variable(row)], row.flag
        if value is None or value is False:  # 0 is a value
            continue
        if isinstance(value, Duration):
            options[row.name] = samples_of(row.flag_name, value, given["sample_rate"])
        elif spec.many is None:
            options[row.name] = value
        elif texts := [text for text in value if spec.takes(text)]:
            parsed = [spec.parse(text) for text in texts]
            refuse_repeated(row.flag_name, parsed)
            options[row.name] = spec.many(parsed)
    return options
