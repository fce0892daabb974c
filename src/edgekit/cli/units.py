"""Numbers of the command line with their units: ``16k``, ``8ms``, ``64KiB``, ``20dB``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from edgekit.base.errors import Problem, UsageError

NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?) ?([a-z]*)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Unit:
    """What an option counts.

    Attributes:
        name: of what it counts.
        example: values that it takes.
        factors: endings of a number, in lower case -> what one of them is.
        seconds: endings that are a time -> seconds; the number of samples follows from --sample-rate.
        most: the largest number; None for any.
    """

    name: str
    example: str
    factors: Mapping[str, int]
    seconds: Mapping[str, Fraction] | None = None
    most: int | None = None


KIB = 1024
TIMES = {"s": Fraction(1), "ms": Fraction(1, 1000), "us": Fraction(1, 10**6)}
PLAIN = Unit("", "", {"": 1})
# By the placeholder of an option's value.
UNITS = {
    "SAMPLES": Unit("samples", "128, or 8ms with --sample-rate", {"": 1}, TIMES),
    "HZ": Unit("Hz", "16000, 16k or 44.1kHz", {"": 1, "hz": 1, "k": 1000, "khz": 1000}, most=10**8),
    "BYTES": Unit(
        "bytes",
        "65536, 64KiB or 64kB",
        {"": 1, "b": 1, "kb": 1000, "kib": KIB, "mb": 10**6, "mib": KIB**2},
    ),
    "DB": Unit("dB", "20", {"": 1, "db": 1}),
}


@dataclass(frozen=True)
class Duration:
    """A time that becomes samples when the sample rate is known; `text` is as it was given."""

    text: str
    seconds: Fraction


def number_reader(
    flag: str, metavar: str | None = None, least: int | None = None, most: int | None = None
) -> Callable[[str], int]:
    """Return a reader of whole numbers of one option, in the unit that its placeholder names.

    It returns a `Duration` of a time; it raises a UsageError of anything else.
    """
    unit = UNITS.get(metavar or "", PLAIN)

    def read(text: str) -> int:
        value = _parse(str(text), unit)
        if isinstance(value, Duration) and value.seconds > 0:
            return value  # type: ignore[return-value]  # with_options makes samples of it
        if (
            not isinstance(value, Fraction)
            or value.denominator > 1
            or (least is not None and value < least)
            or (most is not None and value > most)
        ):
            raise UsageError(_number_problem(flag, str(text), unit, least, most))
        return int(value)

    return read


def decibel_reader(flag: str) -> Callable[[str], float]:
    """Return a reader of dB."""

    def read(text: str) -> float:
        value = _parse(str(text), UNITS["DB"])
        if not isinstance(value, Fraction):
            raise UsageError(
                Problem(f"{flag} '{text}'", "not a number", "a number of dB", f"write {flag} 20")
            )
        return float(value)

    return read


def samples_of(flag: str, duration: Duration, sample_rate_hz: int | None) -> int:
    """Return the samples of a time.

    Raises:
        UsageError: no sample rate is known, or they are no whole number.
    """
    where = f"{flag} '{duration.text}'"
    if sample_rate_hz is None:
        step = "add --sample-rate, as 16k; 8ms at 16k are 128 samples"
        found, allowed = "a time, but no --sample-rate", "samples, or a time and --sample-rate"
        raise UsageError(Problem(where, found, allowed, step))
    samples = duration.seconds * sample_rate_hz
    if samples.denominator > 1 or samples < 1:
        near = max(1, round(samples))
        found = f"{float(samples):g} samples at {sample_rate_hz:,} Hz"
        raise UsageError(Problem(where, found, "whole samples", f"write {flag} {near}"))
    return int(samples)


def _parse(text: str, unit: Unit) -> Fraction | Duration | None:
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    value, ending = Fraction(match[1]), match[2].lower()
    if ending in unit.factors:
        return value * unit.factors[ending]
    if unit.seconds is not None and ending in unit.seconds:
        return Duration(text, value * unit.seconds[ending])
    return None


def _number_problem(
    flag: str, text: str, unit: Unit, least: int | None, most: int | None
) -> Problem:
    what = f"a whole number{f' of {unit.name}' if unit.name else ''}"
    if least is not None and most is not None:
        what += f" from {least} to {most}"
    elif least is not None:
        what += f", at least {least}"
    step = f"write {unit.example}" if unit.example else "give such a number"
    return Problem(f"{flag} '{text}'", "not such a number", what, step)
