"""The texts of repeatable flags, as ``NAME=VALUE``, read one by one."""

import json
from collections.abc import Iterable

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import FORM, Layout, parse_layout
from edgekit.base.setting_texts import FORM as SETTING
from edgekit.base.setting_texts import STEP

STATE_STEP = "name the state's input and the output that follows it"
CONSTANT = "An input that is constant for a session; or fixed, such as sr=16000 or v=1,2,3."


def has_value(text: str) -> bool:
    """Whether a text gives a value to a name."""
    return "=" in text


def has_no_value(text: str) -> bool:
    """Whether a text is a name alone."""
    return "=" not in text


def parse_state(text: str) -> tuple[str, str]:
    """Split ``IN:OUT`` at its middle colon, since names may contain colons."""
    parts = text.split(":")
    half = len(parts) // 2
    names = ":".join(parts[:half]), ":".join(parts[half:])
    if len(parts) % 2 or not all(names):
        step = f"write a colon, as {text.replace('=', ':')}" if "=" in text else STATE_STEP
        raise UsageError(Problem(f"--state '{text}'", "not a pair", "IN:OUT", step))
    return names


def parse_time_axis(text: str) -> tuple[str, int]:
    """Split ``INPUT:AXIS``."""
    name, _, axis = text.rpartition(":")
    if not name or not axis.removeprefix("-").isdecimal():
        step = "name an input and the number of its time axis, from 0"
        raise UsageError(Problem(f"--time-axis '{text}'", "no axis", "INPUT:AXIS", step))
    return name, int(axis)


def parse_rate(text: str) -> tuple[str, str]:
    """Split ``INPUT=SAMPLES``; the number is read with those of other callers."""
    name, _, samples = text.rpartition("=")
    if not name:
        step = "write how many samples one frame of it lasts, as f0=64"
        raise UsageError(Problem(f"--rate '{text}'", "no input", "INPUT=SAMPLES", step))
    return name, samples


def parse_layout_option(text: str) -> tuple[str, Layout]:
    """Split ``NAME=LETTERS``."""
    name, _, letters = text.rpartition("=")
    try:
        if name:
            return name, parse_layout(letters)
        found = "no name"
    except ValueError as error:
        found = str(error)
    step = "write a letter for each axis, as --layout pcm=NCT"
    raise UsageError(Problem(f"--layout '{text}'", found, FORM, step))


def collect_frontends(texts: Iterable[str]) -> str | dict[str, str]:
    """One text for all streams, or ``NAME=SPEC`` of each."""
    given = list(texts)
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    named = [(name, spec) for name, _, spec in (text.rpartition("=") for text in given)]
    names = [name for name, _ in named]
    if "" in names or len(set(names)) < len(names):
        found = "several without a name" if "" in names else "a name given twice"
        step = "name the stream of each, as --frontend mic=mel:512:160:hann:40"
        raise UsageError(Problem("--frontend", found, "one SPEC, or NAME=SPEC for each", step))
    return dict(named)


def collect_settings(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values by name, each name once."""
    given = list(pairs)
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        found, step = "given 2 times", "write --set knob=0s:0.3,2.5s:0.8 for values by time"
        raise UsageError(Problem(f"--set {name}", found, SETTING, step) for name in twice)
    return dict(given)


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Split ``INPUT=DIMS``; dims are separated by commas or x."""
    name, _, dims = text.rpartition("=")
    numbers = dims.replace("x", ",").split(",")
    if not name or not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        step = "give every dimension of the input, as x=1,16,257"
        raise UsageError(Problem(f"--shape '{text}'", "no dimensions", "INPUT=DIMS", step))
    return name, tuple(int(number) for number in numbers)


def parse_package(text: str) -> tuple[str, str]:
    """Split ``KIND[=VERSION]``."""
    kind, _, version = text.partition("=")
    return kind, version


def parse_knob(text: str) -> tuple[str, str]:
    """Split ``CONTROL=RANGES``, which `edgekit.targets.c.plugin.knobs` reads."""
    name, _, ranges = text.partition("=")
    if not name or not ranges:
        allowed, step = "CONTROL=LEAST:MOST:DEFAULT", "write --knob gain=-60:0:-20"
        raise UsageError(Problem(f"--knob '{text}'", "no range", allowed, step))
    return name, ranges


def parse_setting(text: str) -> tuple[str, str]:
    """Split ``NAME=VALUE``; the value is read with those of other callers, see `edgekit.base.settings`."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise UsageError(Problem(f"--set '{text}'", "no value", SETTING, STEP))
    return name, value


def parse_constant(text: str) -> tuple[str, object]:
    """Split ``INPUT=VALUE``; the value is a number, numbers with commas, or a nested JSON list."""
    name, _, value = text.partition("=")
    try:
        content = json.loads(value if value.startswith("[") or "," not in value else f"[{value}]")
    except ValueError:
        content = None
    if not name or not isinstance(content, int | float | list):
        step = "write a number, 1,2,3 or [[1, 2], [3, 4]]"
        raise UsageError(Problem(f"--constant '{text}'", "no value", "INPUT=VALUE", step))
    return name, content


def parse_noise(text: str) -> tuple[str, str]:
    """Split ``INPUT[=DISTRIBUTION]``; without one it is normal."""
    from edgekit.base.random_normals import DISTRIBUTIONS

    name, _, distribution = text.partition("=")
    if not name or (distribution or "normal") not in DISTRIBUTIONS:
        found = "no name" if not name else f"'{distribution}'"
        allowed = " or ".join(DISTRIBUTIONS)
        step = "write --noise z, or --noise z=uniform"
        raise UsageError(Problem(f"--noise '{text}'", found, f"INPUT=({allowed})", step))
    return name, distribution or "normal"
