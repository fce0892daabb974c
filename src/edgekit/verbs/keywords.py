"""Keywords of Python's verbs: a misspelt one is refused, and the nearest is named."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache, wraps
from inspect import Parameter, signature
from typing import Any, TypeVar, cast, get_args

from edgekit.verbs.export.flags import option_specs

F = TypeVar("F", bound=Callable[..., Any])


def suggest_keywords(verb: F) -> F:
    """Have a function refuse an unknown keyword with the nearest of its own, also in Python before 3.13."""

    @wraps(verb)
    def checked(*arguments: object, **keywords: object) -> object:
        check_keywords(keywords, known_keywords(verb))
        return verb(*arguments, **keywords)

    return cast(F, checked)


def check_keywords(keywords: Mapping[str, object], known: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse names that are no keywords.

    Args:
        keywords: of a call.
        known: each keyword, and the other names that people try for it: that of its flag.

    Raises:
        TypeError: with the nearest keyword of each unknown one, in Python's words for functions.
    """
    if unknown := sorted(keywords.keys() - known.keys()):
        near = dict.fromkeys(name for keyword in unknown for name in _nearest(keyword, known))
        nearest = f"; {', '.join(near)} is nearest" if near else ""
        raise TypeError(f"no option {', '.join(unknown)}{nearest}; there are {', '.join(known)}")


@cache
def known_keywords(verb: Callable[..., object]) -> Mapping[str, tuple[str, ...]]:
    """Return the keywords of a function, those of its unpacked options too; see `check_keywords`."""
    names = dict[str, tuple[str, ...]]()
    for name, parameter in signature(verb).parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            names |= option_names(*get_args(parameter.annotation))
        elif name != "self":
            names[name] = ()
    return names


@cache
def option_names(options: type) -> Mapping[str, tuple[str, ...]]:
    """Return the keywords that a class of options declares; see `check_keywords`."""
    rows = option_specs(options)
    return {
        name: (row.flag_name.removeprefix("--").replace("-", "_"),) for name, row in rows.items()
    }


def _nearest(keyword: str, known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the keywords whose flag has this name, else the one whose own name is most alike."""
    by_flag = [name for name, others in known.items() if keyword in others]
    return by_flag or get_close_matches(keyword, known, n=1)
