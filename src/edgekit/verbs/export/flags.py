"""How an option of a verb is given on the command line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Flag:
    """How an option is given on the command line.

    Attributes:
        help: what it is, for both.
        metavar: what stands for its value.
        name: of the flag, where it is not that of the option.
        minimum: of a number.
        many: of a repeatable flag: what its parsed texts become.
        parse: one text of a repeatable flag to what `many` takes.
        takes: which texts are this option's, where two options share a flag.
    """

    help: str
    metavar: str | None = None
    name: str | None = None
    minimum: int | None = None
    many: Callable[[Iterable[Any]], Any] | None = None
    parse: Callable[[str], Any] = str
    takes: Callable[[str], bool] = bool
