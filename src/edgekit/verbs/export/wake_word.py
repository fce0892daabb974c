"""Wake words of microWakeWord, as Home Assistant has them: a manifest .json beside its .tflite."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.micro_tables import BANDS, SAMPLE_RATE
from edgekit.export.tflite_file.file import read_tflite

LARGEST_FILE = 1 << 20  # bytes of a manifest; the official ones have under 500
WINDOW_MS, V1_STEP_MS = 30, 20
FIRST_FRAMES = 74  # after a start, and after a detection, in which ESPHome detects nothing
LEVELS = 255  # ESPHome's probability 1; the network's integers stand for 256
MOST_WINDOW = 1000
SET_BY_MANIFEST = ("frontend", "sample_rate", "hop", "states", "layouts", "then", "time_axes")
AVERAGES = {1: "sliding_window_average_size", 2: "sliding_window_size"}  # of each version


@dataclass(frozen=True)
class WakeWord:
    """What a manifest states of its network.

    Attributes:
        name: the words.
        model: the .tflite.
        cutoff: the mean probability above which the words are detected.
        window: calls whose probabilities are averaged.
        step_ms: between frames of features.
    """

    name: str
    model: Path
    cutoff: float
    window: int
    step_ms: int

    @property
    def frontend(self) -> str:
        """The front end, as ``--frontend`` takes it."""
        return f"micro:{WINDOW_MS}:{self.step_ms}:{BANDS}"

    @property
    def decide(self) -> str:
        """The decision, as ``--decide`` takes it."""
        label = re.sub(r"[^\w .+-]", "_", self.name)[:64]
        words = {
            "on": f"{self.threshold:.9g}",
            "smooth": str(self.window),
            "hold": f"{FIRST_FRAMES * self.step_ms}ms",
            "start": f"{(FIRST_FRAMES - 1) * self.step_ms}ms",
            "labels": label,
        }
        return ":".join(f"{word}={text}" for word, text in words.items())

    @property
    def threshold(self) -> float:
        """The mean of the network's outputs from which on the words are detected.

        ESPHome sums integers and asks, in float32, whether ``sum / (255 window) > cutoff``. Outputs are integers of
        256, so that the threshold lies halfway between the last sum that is too small and the next.
        """
        whole = np.float32(LEVELS * self.window)
        sums = np.arange(LEVELS * self.window + 1, dtype=np.float32)
        least = int(np.argmax(sums / whole > np.float32(self.cutoff)))
        return (least - 0.5) / ((LEVELS + 1) * self.window)


def is_wake_word(source: str) -> bool:
    """Whether `source` names a manifest rather than a network."""
    return Path(source).suffix.lower() == ".json"


def with_wake_word(
    source: str, options: Mapping[str, Json]
) -> tuple[str, JsonObject, WakeWord | None]:
    """Return the network of a manifest, the options that it states, and the manifest; another source as it is.

    A decision that the user gives is used in place of the manifest's.

    Raises:
        UsageError: everything that is wrong with the manifest, and options that it states itself.
    """
    if not is_wake_word(source):
        return source, dict(options), None
    given = {name: value for name, value in options.items() if value}
    problems = [
        Problem(
            f"option {name}", f"given with '{source}'", "what the manifest states", "leave it out"
        )
        for name in SET_BY_MANIFEST
        if name in given
    ]
    if problems:
        raise UsageError(problems)
    word = read_wake_word(Path(source))
    stated = {"frontend": word.frontend, "sample_rate": SAMPLE_RATE, "decide": word.decide}
    return str(word.model), {**stated, **given}, word


def check_network(word: WakeWord) -> None:
    """Check that a network gives probabilities as integers of 256, which the cutoff is for.

    Raises:
        ModelError: it does not, or is no .tflite.
    """
    where = f"model '{word.model}'"
    try:
        file = read_tflite(word.model.read_bytes())
    except ModelError as error:
        raise ModelError(replace(problem, where=where) for problem in error.problems) from error
    graph = file.graphs[file.signatures[0].graph if file.signatures else 0]
    held = graph.tensors[graph.outputs[0]]
    grid, levels = held.grid, LEVELS + 1
    if len(graph.outputs) == 1 and math.prod(held.shape) == 1 and grid is not None:
        zero = {"uint8": 0, "int8": -128}.get(held.dtype)
        if zero == int(grid.zero.ravel()[0]) and abs(grid.scale.ravel()[0] * levels - 1) < 1e-6:
            return
    found = f"output '{held.name}', {held.dtype} {list(held.shape)}"
    allowed = f"one probability of 8 bits, with scale 1/{levels}"
    step = "take a network of microWakeWord, or export the .tflite with --frontend and --decide"
    raise ModelError(Problem(where, found, allowed, step))


def read_wake_word(path: Path) -> WakeWord:
    """Return what a manifest of version 1 or 2 states.

    Raises:
        UsageError: everything that is wrong with it.
    """
    where = f"wake word '{path}'"
    facts = _read_object(path, where)
    if problems := [*_version_problems(facts, where)]:
        raise UsageError(problems)
    micro = facts["micro"]
    problems = [*_number_problems(facts, micro, where), *_text_problems(facts, path, where)]
    if problems:
        raise UsageError(problems)
    version = facts["version"]
    return WakeWord(
        facts["wake_word"],
        path.parent / facts["model"],
        float(micro["probability_cutoff"]),
        micro[AVERAGES[version]],
        micro["feature_step_size"] if version > 1 else V1_STEP_MS,
    )


def _read_object(path: Path, where: str) -> JsonObject:
    step = "give the manifest of a wake word, as okay_nabu.json"
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise ValueError(f"more than {LARGEST_FILE:,} bytes")
        facts = json.loads(data)
    except OSError as error:
        found = error.strerror or "cannot be read"
        raise UsageError(Problem(where, found, "a readable file", "check the path")) from error
    except (ValueError, RecursionError) as error:
        found = f"no JSON: {error}"
        raise UsageError(Problem(where, found, "a JSON object", step)) from error
    if not isinstance(facts, dict) or facts.get("type") != "micro":
        found = f"type {facts.get('type')!r}" if isinstance(facts, dict) else "no object"
        raise UsageError(Problem(where, found, 'an object with "type": "micro"', step))
    return facts


def _version_problems(facts: JsonObject, where: str) -> Iterator[Problem]:
    version, step = facts.get("version"), "take a manifest of one of these"
    if type(version) is not int or version not in AVERAGES:
        yield Problem(where, f"version {version!r}", "version 1 or 2", step)
    if not isinstance(facts.get("micro"), dict):
        yield Problem(where, "no object 'micro'", "one with its numbers", "add it")


def _number_problems(facts: JsonObject, micro: JsonObject, where: str) -> Iterator[Problem]:
    cutoff = micro.get("probability_cutoff")
    if not _is_part(cutoff):
        yield _unfit(where, "probability_cutoff", cutoff, "a number above 0 and below 1")
    counts = {AVERAGES[facts["version"]]: MOST_WINDOW}
    if facts["version"] > 1:
        counts["feature_step_size"] = WINDOW_MS - 1
    for name, most in counts.items():
        count = micro.get(name)
        if type(count) is not int or not 1 <= count <= most:
            yield _unfit(where, name, count, f"a whole number, 1 to {most}")


def _text_problems(facts: JsonObject, path: Path, where: str) -> Iterator[Problem]:
    words, model = facts.get("wake_word"), facts.get("model")
    if not isinstance(words, str) or not words.strip():
        yield _unfit(where, "wake_word", words, "the words")
    if not isinstance(model, str) or not model.lower().endswith(".tflite"):
        yield _unfit(where, "model", model, "the name of a .tflite in the same folder")
        return
    name = PureWindowsPath(model)  # which takes both separators apart
    if name.drive or name.root or len(name.parts) != 1 or "\0" in model:
        yield _unfit(where, "model", model, "the name of a .tflite in the same folder")
    elif not (path.parent / model).is_file():
        found, step = "does not exist", "put the network into the folder of its manifest"
        yield Problem(f"{where}: model '{model}'", found, "a file", step)


def _is_part(value: Json) -> bool:
    return type(value) in (int, float) and 0 < value < 1


def _unfit(where: str, key: str, value: Json, allowed: str) -> Problem:
    found = "not given" if value is None else json.dumps(value)[:80]
    return Problem(f"{where}: {key}", found, allowed, "correct it in the manifest")
