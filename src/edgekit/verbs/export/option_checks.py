"""Whether options that a program gives exist, and are of their declared types."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from edgekit.base.errors import Problem, UsageError
from edgekit.verbs.export.options import declared


def check_options(options: Mapping[str, object], known: type) -> None:
    """Refuse keywords that are no options, and values of other types.

    Raises:
        TypeError: no such option, as Python says it of functions.
        UsageError: every option whose value has another type.
    """
    rows = declared(known)
    if unknown := sorted(options.keys() - rows.keys()):
        close = [name for given in unknown for name in get_close_matches(given, rows, n=1)]
        nearest = f"; {', '.join(close)} is nearest" if close else ""
        raise TypeError(f"no option {', '.join(unknown)}{nearest}; there are {', '.join(rows)}")
    if problems := [
        Problem(f"option {name}", repr(value), _words(rows[name].type), "give such a value")
        for name, value in options.items()
        if value is not None and not _fits(value, rows[name].type)
    ]:
        raise UsageError(problems)


def texts_of(option: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return an option that is one text, or several, as a tuple; each text once."""
    return tuple(dict.fromkeys([option] if isinstance(option, str) else option or ()))


def snr_problems(min_snr_db: float | None) -> list[Problem]:
    """Return why a least fidelity is no number of dB, if it is none."""
    if min_snr_db is None or math.isfinite(min_snr_db):
        return []
    return [Problem("--min-snr", str(min_snr_db), "a number of dB", "give one, as 20")]


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a declared type; what is inside of it is read later."""
    if arms := get_args(hint) if get_origin(hint) in (Union, UnionType) else ():
        return any(_fits(value, arm) for arm in arms)
    kind = get_origin(hint) or hint
    if kind is Sequence and isinstance(value, str):
        return False
    if kind in (str, Path):
        return isinstance(value, str | os.PathLike)
    kind = {int: Integral, float: Real}.get(kind, kind)
    return not isinstance(kind, type) or isinstance(value, kind)


def _words(hint: Any) -> str:
    """A declared type as it is written in Python, without the names of modules."""
    return re.sub(r"[a-z_]+\.", "", str(hint) if get_args(hint) else hint.__name__)
