"""What the parser of the command line refuses, in EdgeKit's form: found, allowed, next."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from edgekit.base.errors import Problem

# Of click, or of the copy of it that typer has.
ParserError: type[Exception] = typer.BadParameter.__mro__[1]
Parameter = Any  # of click, or of that copy
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
# Words of other tools for an option; the first one that the verb has is named.
OPTION_SYNONYMS = {
    **dict.fromkeys(("quantize", "quantization", "dtype", "bits", "int8"), ("--recipe",)),
    **dict.fromkeys(("sr", "rate", "fs", "samplerate"), ("--sample-rate", "--device-rate")),
    **dict.fromkeys(("overwrite", "replace-build", "clobber"), ("--force",)),
    **dict.fromkeys(("num", "count", "samples", "number"), ("-n",)),
    **dict.fromkeys(("output", "output-dir", "out-dir", "dest", "directory"), ("--out",)),
    **dict.fromkeys(("iterations", "iters", "runs", "repeat"), ("--hops", "--steps")),
}
MODELS = (".onnx", ".pt2", ".tflite")
NEAREST = 3
ALIKE = 0.65  # of words: below that they have letters in common by chance


def verb_problem(word: str, verbs: Sequence[str]) -> Problem:
    """Return the problem of a word that is no verb."""
    if Path(word).suffix.lower() in MODELS or ":" in word:
        step = f"edgekit export {word} --target host -o build"
        return Problem(f"'{word}'", "a network, not a command", "a command first", step)
    where, near = f"command '{word}'", get_close_matches(word.lower(), verbs, n=1)
    verb = SYNONYMS.get(word.lower()) or (near[0] if near else None)
    step = f"'{verb}' is nearest: edgekit {verb} --help" if verb else "edgekit --help"
    return Problem(where, "unknown", ", ".join(verbs), step)


def parse_problems(
    error: Exception, context: typer.Context, words: Sequence[str]
) -> tuple[Problem, ...]:
    """Return what an error of the parser says.

    Args:
        error: a `ParserError`.
        context: that of the verb.
        words: of the command line, after the verb.
    """
    name = getattr(error, "option_name", None)
    if name is not None and hasattr(error, "possibilities"):
        return (_option_problem(name, context),)
    if name is not None:
        return (_value_problem(name, context),)
    if isinstance(error, typer.BadParameter) and error.message:
        where = parameter_name(error.param) if error.param else "a word"
        return (Problem(where, error.message, "another value", _help(context)),)
    found = tuple(_problems_of_words(context, words))
    return found or (Problem("the command", str(error), _usage(context), _help(context)),)


def parameter_name(parameter: Parameter) -> str:
    """Return an option as it is written, an argument as the help names it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def _problems_of_words(context: typer.Context, words: Sequence[str]) -> list[Problem]:
    """All parameters that are missing, and all words that belong to none."""
    parameters: list[Parameter] = context.command.params
    values, rest, _ = context.command.make_parser(context).parse_args(list(words))
    flags = _flags(context)
    swallowed = [
        Problem(
            parameter_name(parameter),
            f"no value: '{values[parameter.name]}' follows",
            "a value",
            "write its value after it",
        )
        for parameter in parameters
        if isinstance(values.get(parameter.name), str) and values[parameter.name] in flags
    ]
    missing = [
        _missing_problem(parameter, context)
        for parameter in parameters
        if parameter.required and values.get(parameter.name) in (None, (), [])
    ]
    step = "name the option it belongs to, or leave it out"
    surplus = [Problem(f"'{word}'", "one word too many", _usage(context), step) for word in rest]
    return [*swallowed, *missing, *(() if swallowed else surplus)]


def _missing_problem(parameter: Parameter, context: typer.Context) -> Problem:
    """A parameter that has to be given."""
    name = parameter_name(parameter)
    short = "".join(f", {opt}" for opt in parameter.opts if opt != name and "-" in opt)
    about = re.split(r"\.(?:\s|$)", parameter.help or "")[0] or "a value"
    return Problem(f"{name}{short}", "not given", about, _usage(context))


def _flags(context: typer.Context) -> set[str]:
    return {opt for parameter in context.command.params for opt in parameter.opts if opt[0] == "-"}


def _option_problem(name: str, context: typer.Context) -> Problem:
    """An option that the verb does not have."""
    near = _nearest_flags(
        name, sorted(flag for flag in _flags(context) if flag[:2] == "--" or flag == "-n")
    )
    if near:
        return Problem(f"option {name}", "unknown", ", ".join(near), f"write {near[0]}")
    allowed = f"the options of {context.command_path}"
    return Problem(f"option {name}", "unknown", allowed, _help(context))


def _nearest_flags(name: str, flags: Sequence[str]) -> list[str]:
    """The options that one which does not exist may stand for: of a letter all that begin with it."""
    if not name.startswith("--"):
        return [flag for flag in flags if flag.startswith(f"--{name[1:2]}")]
    known = set(OPTION_SYNONYMS.get(name[2:], ())).intersection(flags)
    words = [flag.removeprefix("--") for flag in flags]  # dashes would count as equal letters
    near = [f"--{word}" for word in get_close_matches(name[2:], words, NEAREST, ALIKE)]
    more = [flag for flag in flags if len(name) > NEAREST and flag.startswith(name)]
    return list(dict.fromkeys([*sorted(known, reverse=True), *near, *more]))


def _value_problem(name: str, context: typer.Context) -> Problem:
    """An option without its value, or a switch with one."""
    parameter: Parameter | None = next((p for p in context.command.params if name in p.opts), None)
    if parameter is not None and parameter.is_flag:
        return Problem(f"option {name}", "has a value", "a switch without one", f"write {name}")
    form = (parameter.metavar if parameter else None) or "VALUE"
    return Problem(f"option {name}", "no value", "a value after it", f"write {name} {form}")


def _usage(context: typer.Context) -> str:
    """The verb with its arguments and required options."""
    parameters: list[Parameter] = context.command.params
    arguments = [parameter_name(p) for p in parameters if p.param_type_name == "argument"]
    required = [
        f"{min(p.opts, key=len)} {p.metavar or p.name.upper()}"
        for p in parameters
        if p.param_type_name == "option" and p.required
    ]
    return " ".join(["edgekit", context.command.name or "", *arguments, *required])


def _help(context: typer.Context) -> str:
    return f"edgekit {context.command.name} --help-all lists them"
