"""Values that a user sets for inputs by name: one value, values by time, or a range to sweep over."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_array
from edgekit.base.setting_texts import FORM, STEP
from edgekit.base.tables import TABLES, is_table, read_table

FILES = (".npy", ".npz", *TABLES)
_PART = re.compile(r"(?:(\d+(?:\.\d+)?)s:)?(.+)")
_NEXT = re.compile(r",(?=\d+(?:\.\d+)?s:)")  # a comma in front of the next time
_NUMBER = r"[-+.\w]+"
_RANGES = re.compile(rf"(?!\d+(?:\.\d+)?s:){_NUMBER}:{_NUMBER}(,{_NUMBER}:{_NUMBER})*")
MOST_HOPS = 10_000_000


@dataclass(frozen=True)
class Steps:
    """Values by time: from which second on, rising from 0, and the value, a number or an array."""

    values: tuple[tuple[float, Array], ...]


@dataclass(frozen=True)
class Range:
    """Values from least to most: (least, most) for all values of an input, or one pair for each of them."""

    bounds: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        """The text as on the command line."""
        return ",".join(f"{least:g}:{most:g}" for least, most in self.bounds)


Setting = Steps | Range
Settings = Mapping[str, Setting]


@dataclass(frozen=True)
class InputSettings:
    """Values of inputs that calibration clips lack.

    Attributes:
        settings: the user's, by name.
        ranges: of controls without a setting: those that a plug-in's knobs declare.
        examples: of session constants without a setting, (*shape): those of the factory.
    """

    settings: Settings = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    examples: Mapping[str, Array] = field(default_factory=dict)


NO_SETTINGS = InputSettings()


def read_settings(given: Iterable[str] | Mapping[str, object]) -> dict[str, Setting]:
    """Read the values set for inputs.

    Args:
        given: texts as ``knob=0.3``, ``knob=0s:0.3,2.5s:0.8``, ``knob=0:1``, ``a=0:1,5:9`` (a range for each value of
            `a`) or ``voice=embedding.npy``. A value is a number, a JSON list or a file. Or such values by name, where a
            tuple of two numbers is a range, and arrays and paths are values.

    Returns:
        Name -> setting.

    Raises:
        UsageError: each one that has another form, does not begin at 0 s and go on, or names a file that cannot be
            read.
    """
    rows: list[tuple[str, str, object]]
    if isinstance(given, Mapping):
        rows = [(f"--set {name}", name, value) for name, value in given.items()]
    else:
        parts = ((text, text.partition("=")) for text in given)
        rows = [(f"--set '{text}'", name, value) for text, (name, _, value) in parts]
    settings, problems = dict[str, Setting](), list[Problem]()
    for where, name, value in rows:
        try:
            if name in settings:
                raise ValueError("given 2 times")
            settings[name] = _read_value(name, value)
        except UsageError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(Problem(where, str(error), FORM, STEP))
    if problems:
        raise UsageError(problems)
    return settings


def _read_value(name: str, value: object) -> Setting:
    if not name:
        raise ValueError("no name")
    if isinstance(value, str):
        return _read_text(name, value)
    if isinstance(value, tuple):
        pairs = value if value and all(isinstance(pair, tuple) for pair in value) else (value,)
        return _range(pairs)
    return Steps(((0.0, _file(name, value) if isinstance(value, Path) else _numbers(value)),))


def _read_text(name: str, text: str) -> Setting:
    if _RANGES.fullmatch(text) and not text.lower().endswith(FILES):
        return _range(tuple(part.split(":")) for part in text.split(","))
    parts = tuple(_part(name, part) for part in _NEXT.split(text))
    times = [time for time, _ in parts]
    if times[0] != 0 or sorted(set(times)) != times:
        raise ValueError("times that do not rise from 0 s")
    return Steps(parts)


def _range(pairs: Iterable[Iterable[str | float]]) -> Range:
    bounds = []
    for pair in pairs:
        try:
            least, most = map(float, pair)
        except (ValueError, TypeError):
            raise ValueError("a range of other than two numbers") from None
        if not (math.isfinite(most - least) and least < most):
            raise ValueError(f"a range from {least:g} to {most:g}")
        bounds.append((least, most))
    return Range(tuple(bounds))


def _part(name: str, text: str) -> tuple[float, Array]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError("no value")
    time = float(match[1] or 0)
    if match[2].lower().endswith(FILES):
        return time, _file(name, Path(match[2]))
    try:
        return time, _numbers(json.loads(match[2]))
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("neither a number, a JSON list nor a .npy or .csv") from None


def _numbers(value: object) -> Array:
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiub" or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError("neither a number nor numbers")
    return numbers


def _file(name: str, path: Path) -> Array:
    return _numbers(read_table(path).values if is_table(path) else read_array(path, name))


def value_of(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """Return a number, or as many numbers as an input has, in its `shape`.

    Raises:
        UsageError: another count of numbers.
    """
    if value.ndim == 0:
        return np.broadcast_to(value, shape)
    if value.size != math.prod(shape):
        found, allowed = f"{value.size} numbers", f"a number or {math.prod(shape)} of them"
        raise UsageError(Problem(f"--set {name}", found, allowed, "correct it"))
    return value.reshape(shape)


def _hop_of_time(time_s: float, hop: int | None, rate: int | None) -> int:
    return math.floor(time_s * rate / hop) if rate and hop else 0


def steps_in_hops(
    name: str, steps: Steps, shape: tuple[int, ...], hop: int | None, rate: int | None
) -> Array:
    """Return the values of an input, (hops, *shape); the last one holds after that.

    A value stands from the hop on in which its time lies.

    Args:
        name: of the input.
        steps: its values.
        shape: of one hop of it.
        hop: samples of a hop, None where it is not known.
        rate: Hz, None where it is not known.

    Raises:
        UsageError: values of another size, or times without a hop and a rate, or after `MOST_HOPS` hops.
    """
    if len(steps.values) > 1 and (hop is None or rate is None):
        step = "export with --sample-rate"
        raise UsageError(Problem(f"--set {name}", "times", "a build with a sample rate", step))
    starts = [_hop_of_time(time, hop, rate) for time, _ in steps.values]
    if starts[-1] > MOST_HOPS:
        found = f"{max(time for time, _ in steps.values):g} s"
        raise UsageError(
            Problem(f"--set {name}", found, f"at most {MOST_HOPS} hops", "turn it earlier")
        )
    rows = [value_of(name, value, shape) for _, value in steps.values]
    ends = [*starts[1:], starts[-1] + 1]
    counts = [end - start for start, end in zip(starts, ends, strict=True)]
    return np.repeat(np.stack(rows), counts, axis=0)
