"""Inputs and outputs of a network on pictures: values of pixels, the fit of a picture, the kind of outputs."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError

COLOURS = {"rgb": 3, "bgr": 3, "grey": 1}  # with the channels that each has
FITS = ("letterbox", "stretch", "crop")
GIVES = ("boxes", "classes", "map", "picture")
SCORES = ("softmax", "sigmoid", "none")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "colour": tuple(COLOURS),
    "fit": FITS,
    "gives": GIVES,
    "scores": SCORES,
}
FORM = "range=LOW,HIGH[:mean=A,B,C][:std=A,B,C][:least=SCORE][:labels=A,B,...]" + "".join(
    f"[:{word}={'|'.join(values)}]" for word, values in CHOICES.items()
)
PICTURE_FILES = (".png", ".jpg", ".jpeg")
LEAST = 0.3  # score of a box that is shown
MAX_LABELS = 4096
_LABEL = re.compile(r"[\w .+-]{1,64}")
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Pictures:
    """The picture format that `read_pictures` returns.

    A pixel of 0 to 255 is ``(low + (high - low) * pixel / 255 - mean) / std`` in the network.

    Attributes:
        low: the value of black, before mean and std.
        high: the value of white.
        mean: one for all channels, or one for each.
        std: alike.
        colour: order of the channels, one of `COLOURS`; None where their number decides: grey, or rgb.
        fit: the way to fit a picture of another size, one of `FITS`.
        gives: the kind of outputs, one of `GIVES`; None where it is not known.
        scores: the function that converts outputs to scores, one of `SCORES`.
        least: score of a box that is shown.
        labels: names of the classes; none where they only have numbers.
    """

    low: float
    high: float
    mean: Numbers = (0.0,)
    std: Numbers = (1.0,)
    colour: str | None = None
    fit: str = FITS[0]
    gives: str | None = None
    scores: str | None = None
    least: float = LEAST
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that `read_pictures` takes, without the labels."""
        numbers = {"range": (self.low, self.high), "mean": self.mean, "std": self.std}
        words = {word: ",".join(map(repr, values)) for word, values in numbers.items()}
        words["least"] = repr(self.least)
        words |= {word: getattr(self, word) or "" for word in CHOICES}
        return ":".join(f"{word}={value}" for word, value in words.items() if value)

    def label(self, number: int) -> str:
        """The name of a class."""
        return self.labels[number] if number < len(self.labels) else f"class {number}"


def read_pictures(text: str) -> Pictures:
    """Read `FORM`.

    Raises:
        UsageError: every part that is wrong.
    """
    words, problems = _words(text)
    low, high = _numbers(words, "range", (2,), (0.0, 1.0), problems)
    mean, std = (
        _numbers(words, word, (1, 3), (default,), problems)
        for word, default in (("mean", 0.0), ("std", 1.0))
    )
    (least,) = _numbers(words, "least", (1,), (LEAST,), problems)
    if low == high or not all(std):
        problems.append(("range and std", "0 wide", "two different values, and std above 0"))
    labels = _labels(words, problems)
    if problems:
        step = "correct it, as range=-1,1"
        raise UsageError(Problem(f"--picture, {w}", found, may, step) for w, found, may in problems)
    chosen = {word: words[word] for word in CHOICES if word in words}
    return Pictures(low, high, mean, std, least=least, labels=labels, **chosen)


_Problems = list[tuple[str, str, str]]


def _words(text: str) -> tuple[dict[str, str], _Problems]:
    """Return the parts by their word, the unknown or missing ones, and invalid choices."""
    words, problems = dict[str, str](), _Problems()
    known = ("range", "mean", "std", "least", "labels", *CHOICES)
    for part in text.split(":"):
        word, _, value = part.partition("=")
        if word in words or word not in known:
            problems.append((part or "an empty part", "given twice or not known", FORM))
        words[word] = value
    if "range" not in words:
        problems.append(("range", "not given", "range=LOW,HIGH: the values of black and white"))
    for word, values in CHOICES.items():
        if word in words and words[word] not in values:
            problems.append((word, words[word] or "nothing", ", ".join(values)))
    return words, problems


def _labels(words: Mapping[str, str], problems: _Problems) -> tuple[str, ...]:
    if "labels" not in words:
        return ()
    labels = tuple(words["labels"].split(","))
    if len(labels) > MAX_LABELS or not all(map(_LABEL.fullmatch, labels)):
        allowed = "names with commas: letters, digits, space, point, plus, minus"
        problems.append(("labels", words["labels"] or "nothing", allowed))
    return labels


def _numbers(
    words: Mapping[str, str],
    word: str,
    counts: tuple[int, ...],
    default: Numbers,
    problems: _Problems,
) -> Numbers:
    if word not in words:
        return default
    try:
        values = tuple(map(float, words[word].split(",")))
    except ValueError:
        values = ()
    if len(values) not in counts or not all(abs(v) < 1e30 and math.isfinite(v) for v in values):
        allowed = " or ".join(map(str, counts)) + " numbers with commas"
        problems.append((word, words[word] or "nothing", allowed))
        return default
    return values
