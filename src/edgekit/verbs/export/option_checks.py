"""Options that a program gives become typed values: whether each exists, is of its declared type, and can be read."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Literal, TypeVar, Union, get_args, get_origin

from edgekit.base.errors import Problem, UsageError
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.keywords import check_keywords, option_names

T = TypeVar("T")
V = TypeVar("V")
# The types accepted for a declared type: a path is a text, and numbers of other packages are numbers.
WIDER_TYPES: Mapping[object, object] = {
    str: str | os.PathLike,
    Path: str | os.PathLike,
    int: Integral,
    float: Real,
    Literal: str | os.PathLike,  # readers know the names, and say which is nearest
}


@dataclass(frozen=True)
class OptionValues:
    """The options of a user after reading.

    Attributes:
        user_options: as they were given, without those that are None.
        values: of valid options, as a request holds them.
        problems_by_name: of the other options.
    """

    user_options: Mapping[str, object]
    values: Mapping[str, object]
    problems_by_name: Mapping[str, tuple[Problem, ...]]

    @property
    def problems(self) -> list[Problem]:
        """All problems, in the order of the declaration."""
        return [problem for found in self.problems_by_name.values() for problem in found]

    def group(self, make: Callable[..., T], **more: object) -> T:
        """Return `make` called with the values of its parameters' names, and with `more`."""
        names = signature(make).parameters
        values = {name: value for name, value in self.values.items() if name in names}
        return make(**{**values, **more})


def read_options(options: Mapping[str, object], known: type) -> OptionValues:
    """Read options as their rows declare them.

    Args:
        options: keywords.
        known: the class that declares them.

    Raises:
        TypeError: no such option, in Python's words for functions.
        UsageError: every option whose value has another type.
    """
    check_options(options, known)
    user_options = {name: value for name, value in options.items() if value is not None}
    values, problems = dict[str, object](), dict[str, tuple[Problem, ...]]()
    for name, row in option_specs(known).items():
        if name not in user_options:
            continue
        try:
            values[name] = row.read(user_options[name])
        except UsageError as error:
            problems[name] = error.problems
    return OptionValues(user_options, values, problems)


def check_options(options: Mapping[str, object], known: type) -> None:
    """Refuse keywords that are no options, and values of other types.

    Raises:
        TypeError: no such option, in Python's words for functions.
        UsageError: every option whose value has another type.
    """
    check_keywords(options, option_names(known))
    rows = option_specs(known)
    if problems := [
        Problem(f"option {name}", repr(value), type_text(rows[name].type), "give such a value")
        for name, value in options.items()
        if value is not None and not _is_of_type(value, rows[name].type)
    ]:
        raise UsageError(problems)


def value_or_problems(read: Callable[[V], T], value: V | None) -> tuple[T | None, list[Problem]]:
    """Return a value where there is one, or the reason why it cannot be read."""
    if value is None:
        return None, []
    try:
        return read(value), []
    except UsageError as error:
        return None, list(error.problems)


def texts_of(option: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return an option that is one text, or several, as a tuple; each text once."""
    return tuple(dict.fromkeys([option] if isinstance(option, str) else option or ()))


def _is_of_type(value: object, hint: object) -> bool:
    """Whether a value is of a declared type; its contents are read later."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is_of_type(value, arm) for arm in get_args(hint))
    kind = get_origin(hint) or hint
    if kind is Sequence and isinstance(value, str):
        return False
    kind = WIDER_TYPES.get(kind, kind)
    return not isinstance(kind, type | UnionType) or isinstance(value, kind)


def type_text(hint: object) -> str:
    """A declared type as it is written in Python, without the names of modules."""
    if get_origin(hint) is Literal:
        return " | ".join(repr(name) for name in get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(type_text(arm) for arm in get_args(hint))
    if hint is type(None):
        return "None"
    return re.sub(r"[a-z_]+\.", "", str(hint) if get_args(hint) else getattr(hint, "__name__", ""))
