"""Declarations of a verb's options: the flag on the command line, and the reader of its value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral
from pkgutil import resolve_name
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Flag:
    """The declaration of an option: its form on the command line, and its reader.

    Attributes:
        help: its description, for both.
        metavar: the placeholder of its value.
        name: of the flag, where it differs from the option's name.
        minimum: of a number.
        many: of a repeatable flag: converts its parsed texts to the value.
        parse: converts one text of a repeatable flag to an element for `many`.
        takes: selects the texts of this option, where two options share a flag.
        read: ``module:function`` from the keyword's value to the one that a request holds, or a UsageError. It is
            imported when an option is read: the command line knows all flags without it.
    """

    help: str
    metavar: str | None = None
    name: str | None = None
    minimum: int | None = None
    many: Callable[[Iterable[Any]], object] | None = None
    parse: Callable[[str], object] = str
    takes: Callable[[str], bool] = bool
    read: str | None = None


@dataclass(frozen=True)
class OptionRow:
    """One option: its name as a keyword, its type, and its flag."""

    name: str
    type: object
    flag: Flag

    @property
    def flag_name(self) -> str:
        """The flag as on the command line."""
        return f"--{self.flag.name or self.name.replace('_', '-')}"

    def read(self, value: object) -> object:
        """Return the value as a request holds it.

        Args:
            value: of the declared type.

        Raises:
            UsageError: everything that is wrong with it.
        """
        if self.flag.read is not None:
            return resolve_name(self.flag.read)(value)
        if self.flag.many is tuple and isinstance(value, Iterable) and not isinstance(value, str):
            return tuple(value)
        is_number = isinstance(value, Integral) and not isinstance(value, bool)
        return int(value) if is_number else value  # type: ignore[call-overload]


def option_specs(options: type) -> dict[str, OptionRow]:
    """Return the options of a class of keywords, by name."""
    hints = get_type_hints(options, include_extras=True)
    rows = {}
    for name, hint in hints.items():
        (flag,) = hint.__metadata__
        rows[name] = OptionRow(name, hint.__origin__, flag)
    return rows
