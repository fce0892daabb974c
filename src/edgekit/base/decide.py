"""Decisions of a build on the scores of its labels: smoothing, thresholds, and the hold time after a detection."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError

FORM = (
    "on=SCORE[:off=SCORE][:smooth=TIME|:pole=TIME][:hold=TIME][:start=TIME][:labels=A,B,...]"
    "[:ignore=A,...][:softmax|:sigmoid], a TIME as 0.3s, 300ms or a number of hops"
)
DETECTED, LABEL, SCORE = "detected", "label", "score"  # the outputs
FUNCTIONS = ("softmax", "sigmoid")
TIMES = ("smooth", "pole", "hold", "start")
MAX_LABELS, MAX_HOPS = 4096, 1 << 20
_LABEL = re.compile(r"[\w .+-]{1,64}")
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|ms|)")


@dataclass(frozen=True)
class Time:
    """A time, in seconds or in hops."""

    value: float
    unit: str

    def hops(self, hop_s: float | None) -> float:
        """Return the time in hops of this length; None where that is unknown, which only a number of hops allows."""
        if not self.unit:
            return self.value
        assert hop_s is not None
        return self.value / hop_s / (1000 if self.unit == "ms" else 1)


@dataclass(frozen=True)
class Decide:
    """The decision rule that `read_decide` returns.

    Attributes:
        text: as it was given.
        on: a label is detected once its smoothed score reaches this value.
        off: the detection ends below this one.
        smooth: the scores are averaged over this time.
        pole: or they follow by one pole of this time constant.
        hold: for this time after a detection no other is reported.
        start: for this time at the start of a stream no label is on.
        labels: names of the scores; None where they only have numbers.
        ignore: labels that are never detected, as silence.
        function: the conversion of the network's output to scores, one of `FUNCTIONS`; None where it gives scores.
    """

    text: str
    on: float
    off: float
    smooth: Time | None = None
    pole: Time | None = None
    hold: Time | None = None
    start: Time | None = None
    labels: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    function: str | None = None

    @property
    def times(self) -> dict[str, Time]:
        """Return the given times, by their word."""
        given = {word: getattr(self, word) for word in TIMES}
        return {word: time for word, time in given.items() if time is not None}


def read_decide(text: str) -> Decide:
    """Read `FORM`.

    Raises:
        UsageError: every part that is wrong.
    """
    words, problems = _words(text)
    on, off = (_score(words, word, problems) for word in ("on", "off"))
    times = {word: _time(words, word, problems) for word in TIMES if word in words}
    labels, ignore = (_labels(words, word, problems) for word in ("labels", "ignore"))
    if "on" not in words:
        problems.append(("on", "not given", "on=SCORE, as on=0.8"))
    on = math.inf if on is None else on
    off = on if off is None else off
    function = next((name for name in FUNCTIONS if name in words), None)
    made = Decide(text, on, off, **times, labels=labels or None, ignore=ignore, function=function)
    if problems := [*problems, *_conflicts(made)]:
        step = "correct it"
        raise UsageError(Problem(f"--decide, {w}", found, may, step) for w, found, may in problems)
    return made


_Problems = list[tuple[str, str, str]]


def _conflicts(made: Decide) -> Iterator[tuple[str, str, str]]:
    """Parts that are right alone and do not fit each other."""
    if made.off > made.on:
        yield "off", f"{made.off:g}", f"at most {made.on:g}, where a label begins"
    if made.labels and (strange := sorted(set(made.ignore) - set(made.labels))):
        yield "ignore", ", ".join(strange), f"some of {', '.join(made.labels)}"


def _words(text: str) -> tuple[dict[str, str], _Problems]:
    """Return the parts by their word, and the unknown ones."""
    words, problems = dict[str, str](), _Problems()
    known = ("on", "off", *TIMES, "labels", "ignore")
    for part in text.split(":"):
        word, sign, value = part.partition("=")
        if word in words or word not in (known if sign else FUNCTIONS):
            problems.append((part or "an empty part", "given twice or not known", FORM))
        words[word] = value
    if {"smooth", "pole"} <= words.keys() or {*FUNCTIONS} <= words.keys():
        problems.append((text, "two of a kind", "smooth or pole, softmax or sigmoid"))
    return words, problems


def _score(words: dict[str, str], word: str, problems: _Problems) -> float | None:
    if word not in words:
        return None
    try:
        value = float(words[word])
    except ValueError:
        value = math.nan
    if not abs(value) < 1e30:
        problems.append((word, words[word] or "nothing", "a number, as 0.8"))
        return None
    return value


def _time(words: dict[str, str], word: str, problems: _Problems) -> Time | None:
    match = _TIME.fullmatch(words[word])
    if match is None or not float(match[1]) > 0:
        problems.append((word, words[word] or "nothing", "a time above 0: 0.3s, 300ms, or hops"))
        return None
    return Time(float(match[1]), match[2])


def _labels(words: dict[str, str], word: str, problems: _Problems) -> tuple[str, ...]:
    if word not in words:
        return ()
    names = tuple(words[word].split(","))
    if len(set(names)) < len(names) or not all(map(_LABEL.fullmatch, names)):
        allowed = "names with commas, each once: letters, digits, space, point, plus, minus"
        problems.append((word, words[word] or "nothing", allowed))
    return names
