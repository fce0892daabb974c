"""Contracts of kernels: the bytes that each argument of a call stands for."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import CodeType

from edgekit.base.json_values import JsonObject

SHAPE = (
    "in_c",
    "in_h",
    "in_w",
    "out_c",
    "out_h",
    "out_w",
    "k_h",
    "k_w",
    "stride_h",
    "stride_w",
    "dil_h",
    "dil_w",
    "pad_top",
    "pad_left",
    "groups",
)
PROTOTYPE = re.compile(r"^(?:void |const float \*)(ek_\w+)\(([^)]*)\);", re.MULTILINE)
Count = str | Mapping[str, str]


@dataclass(frozen=True)
class Contract:
    """One row of ``contracts.toml``, see there."""

    kernels: str
    args: Mapping[str, Count]
    update: tuple[str, ...] = ()
    scratch: Mapping[str, str] = field(default_factory=dict)
    null: tuple[str, ...] = ()
    alias: tuple[tuple[str, str], ...] = ()
    packed: tuple[str, ...] = ()
    below: Mapping[str, str] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    within: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimeRow:
    """One row of the time of calls in ``contracts.toml``, see there."""

    calls: str
    most: str
    why: str


@cache
def _table() -> JsonObject:
    text = (files("edgekit.runtime") / "contracts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def contracts() -> tuple[Contract, ...]:
    """All rows of kernels."""
    rows: list[JsonObject] = _table()["family"]
    pairs = [tuple((a, b) for a, b in row.get("alias", ())) for row in rows]
    return tuple(
        Contract(**{**row, "alias": alias}) for row, alias in zip(rows, pairs, strict=True)
    )


@cache
def contract_of(kernel: str) -> Contract | None:
    """The row of a kernel."""
    return next((row for row in contracts() if re.fullmatch(row.kernels, kernel)), None)


@cache
def time_rows() -> tuple[TimeRow, ...]:
    """All rows of the time of calls."""
    return tuple(TimeRow(**row) for row in _table()["time"])


@cache
def time_of(call: str) -> TimeRow | None:
    """The row of the time of a kernel or function; None where data does not decide it."""
    return next((row for row in time_rows() if re.fullmatch(row.calls, call)), None)


def why_varied(call: str) -> str:
    """What data decides in a call, in words."""
    row = time_of(call)
    return "not measured" if row is None else row.why


def prototypes(header: str) -> dict[str, list[tuple[str, str, bool]]]:
    """Return (name, type, whether it is a pointer to what is written) of each parameter; a pointer's type ends in *."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return {
        name: [_parameter(part) for part in listed.split(",")]
        for name, listed in PROTOTYPE.findall(text)
    }


def _parameter(text: str) -> tuple[str, str, bool]:
    *words, name = text.replace("*", " * ").split()
    kind = next(word for word in words if word != "const")
    return name, kind + ("*" if "*" in words else ""), "*" in words and "const" not in words


def number(expression: str, kernel: str, values: Mapping[str, object]) -> int:
    """The value of an expression of ``contracts.toml``."""
    int4 = kernel.endswith("_w4")
    known = {
        "min": min,
        "max": max,
        "SPARSE": kernel.endswith("_sparse"),
        "ROW": lambda n: (n + 1) // 2 if int4 else n,
    }
    return int(eval(_compile_once(expression), {"__builtins__": {}}, {**values, **known}))


@cache
def _compile_once(expression: str) -> CodeType:
    return compile(expression, expression, "eval")
