"""What the parser of the command line refuses, in EdgeKit's form: found, allowed, next."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from edgekit.base.errors import Problem

# Of click, or of the copy of it that typer has.
ParserError: type[Exception] = typer.BadParameter.__mro__[1]
# Words of other tools for a verb.
SYNONYMS = {
    "convert": "export",
    "compile": "export",
    "build": "export",
    "deploy": "export",
    "lower": "export",
    "benchmark": "bench",
    "profile": "bench",
    "measure": "bench",
    "info": "inspect",
    "show": "inspect",
    "summary": "inspect",
    "infer": "run",
    "play": "run",
    "predict": "run",
    "train": "finetune",
    "devices": "targets",
    "boards": "targets",
    "check": "doctor",
    "version": "--version",
}
MODELS = (".onnx", ".pt2")
NEAREST = 3


def verb_problem(word: str, verbs: Sequence[str]) -> Problem:
    """Return the problem of a word that is no verb."""
    if Path(word).suffix.lower() in MODELS or ":" in word:
        step = f"edgekit export {word} --target host -o build"
        return Problem(f"'{word}'", "a network, not a command", "a command first", step)
    where, near = f"command '{word}'", get_close_matches(word.lower(), verbs, n=1)
    verb = SYNONYMS.get(word.lower()) or (near[0] if near else None)
    step = f"'{verb}' is nearest: edgekit {verb} --help" if verb else "edgekit --help"
    return Problem(where, "unknown", ", ".join(verbs), step)


def parse_problems(error: Exception, context: Any, words: Sequence[str]) -> tuple[Problem, ...]:
    """Return what an error of the parser says.

    Args:
        error: a `ParserError`.
        context: that of the verb.
        words: of the command line, after the verb.
    """
    command = context.command
    name = getattr(error, "option_name", None)
    if name is not None and hasattr(error, "possibilities"):
        return (_option_problem(name, context),)
    if name is not None:
        return (_value_problem(name, command),)
    if isinstance(error, typer.BadParameter) and error.message:
        where = parameter_name(error.param) if error.param else "a word"
        return (Problem(where, error.message, "see the help", _help(context)),)
    found = [*_problems_of_words(context, words)]
    return tuple(found) or (Problem("the command", str(error), _usage(context), _help(context)),)


def parameter_name(parameter: Any) -> str:
    """Return an option as it is written, an argument as the help names it."""
    if parameter.param_type_name == "option":
        return max(parameter.opts, key=len)
    return parameter.metavar or parameter.name.upper()


def _problems_of_words(context: Any, words: Sequence[str]) -> Iterator[Problem]:
    """All parameters that are missing, and all words that belong to none."""
    command = context.command
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    swallowed = [
        parameter for parameter in command.params if values.get(parameter.name) in _flags(command)
    ]
    for parameter in swallowed:
        found = f"no value: '{values[parameter.name]}' follows"
        yield Problem(parameter_name(parameter), found, "a value", "write its value after it")
    for parameter in command.params:
        if parameter.required and values.get(parameter.name) in (None, (), []):
            name = parameter_name(parameter)
            short = "".join(f", {opt}" for opt in parameter.opts if opt != name and "-" in opt)
            about = (getattr(parameter, "help", None) or "").partition(".")[0] or "a value"
            yield Problem(f"{name}{short}", "not given", about, f"{_usage(context)}")
    for word in () if swallowed else rest:
        step = "name the option it belongs to, or leave it out"
        yield Problem(f"'{word}'", "one word too many", _usage(context), step)


def _flags(command: Any) -> set[str]:
    return {opt for parameter in command.params for opt in parameter.opts if opt.startswith("-")}


def _option_problem(name: str, context: Any) -> Problem:
    """An option that the verb does not have."""
    flags = sorted(flag for flag in _flags(context.command) if flag.startswith("--"))
    if name.startswith("--"):
        near = get_close_matches(name, flags, n=NEAREST)
        near += [flag for flag in flags if len(name) > NEAREST and flag.startswith(name)]
    else:
        near = [flag for flag in flags if flag.startswith(f"--{name[1:2]}")]
    allowed = ", ".join(dict.fromkeys(near)) or f"the options of {context.command_path}"
    if near:
        return Problem(f"option {name}", "unknown", allowed, f"write {near[0]}")
    return Problem(f"option {name}", "unknown", allowed, _help(context))


def _value_problem(name: str, command: Any) -> Problem:
    """An option without its value, or a switch with one."""
    parameter = next((p for p in command.params if name in p.opts), None)
    if parameter is not None and parameter.is_flag:
        return Problem(f"option {name}", "has a value", "a switch without one", f"write {name}")
    form = (parameter.metavar if parameter else None) or "VALUE"
    return Problem(f"option {name}", "no value", "a value after it", f"write {name} {form}")


def _usage(context: Any) -> str:
    """The verb with its arguments and required options."""
    parameters = context.command.params
    arguments = [parameter_name(p) for p in parameters if p.param_type_name == "argument"]
    required = [
        f"{min(p.opts, key=len)} {p.metavar or p.name.upper()}"
        for p in parameters
        if p.param_type_name == "option" and p.required
    ]
    return " ".join(["edgekit", context.command.name, *arguments, *required])


def _help(context: Any) -> str:
    return f"edgekit {context.command.name} --help-all lists them"
