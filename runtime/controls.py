"""Controls: inputs that hold one value for a hop and are turned while the stream runs, as a knob."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import Manifest, Tensor

FORM = "NAME=VALUE, or NAME=0s:VALUE,2.5s:VALUE"
_PART = re.compile(r"(?:(\d+(?:\.\d+)?)s:)?(.+)")
_NEXT = re.compile(r",(?=\d+(?:\.\d+)?s:)")  # a comma in front of the next time
MOST_HOPS = 10_000_000

Turns = dict[str, list[tuple[float, Any]]]  # by name: from which second on, and the value


class Controls:
    """The values of a build's controls, hop after hop."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        """Start without values."""
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._values: dict[str, NDArray[Any]] = {}  # (hops, *shape); the last one holds
        self._hop = dict.fromkeys(self._tensors, 0)

    def names(self) -> frozenset[str]:
        """Of all controls."""
        return frozenset(self._tensors)

    def turn(self, values: Mapping[str, ArrayLike]) -> None:
        """Set values that hold from the next hop on, or (hops, *shape) of which each hop takes the next.

        Raises:
            UsageError: unknown names, or values of another shape.
        """
        problems, turned = [], {}
        listed = ", ".join(f"{t.name} {list(t.shape)}" for t in self._tensors.values()) or "none"
        for name, value in values.items():
            tensor = self._tensors.get(name)
            if tensor is None:
                step = (
                    "name one of these"
                    if self._tensors
                    else "leave it out, or export with --control"
                )
                problems.append(Problem(f"control '{name}'", "unknown", listed, step))
                continue
            array = np.asarray(value)
            if array.ndim == 0:
                array = np.full(tensor.shape, array)
            if array.shape == tensor.shape:
                array = array[None]
            if array.shape[1:] != tensor.shape or not len(array) or array.dtype.kind not in "fiub":
                found = f"{array.dtype} {list(np.shape(value))}"
                allowed = f"a number, {list(tensor.shape)} or {['hops', *tensor.shape]}"
                step = "give one value, or one for each hop"
                problems.append(Problem(f"control '{name}'", found, allowed.replace("'", ""), step))
                continue
            turned[name] = np.ascontiguousarray(array, tensor.dtype)
        if problems:
            raise UsageError(problems)
        self._values |= turned
        self._hop |= dict.fromkeys(turned, 0)

    def restart(self) -> None:
        """Begin anew with the first value of each."""
        self._hop = dict.fromkeys(self._tensors, 0)

    def next(self) -> dict[str, NDArray[Any]]:
        """The values of the next hop.

        Raises:
            UsageError: a control was never turned.
        """
        if missing := [t for name, t in self._tensors.items() if name not in self._values]:
            raise UsageError(
                Problem(
                    f"control '{tensor.name}'",
                    "not set",
                    f"a value of {list(tensor.shape)}",
                    f"give --set {tensor.name}=VALUE, call turn, or give it beside the inputs",
                )
                for tensor in missing
            )
        found = {}
        for name, values in self._values.items():
            found[name] = values[min(self._hop[name], len(values) - 1)]
            self._hop[name] += 1
        return found


def read_turns(texts: Iterable[str]) -> Turns:
    """Read ``knob=0.3`` or ``knob=0s:0.3,2.5s:0.8``; a value is a number or a JSON list.

    Raises:
        UsageError: all texts that are of another form, do not begin at 0 s and go on, or name a control again.
    """
    turns, problems = Turns(), []
    for text in texts:
        name, _, rest = text.partition("=")
        if name in turns:
            step = f"join them, as --set {name}=0s:VALUE,2.5s:VALUE"
            problems.append(
                Problem(f"--set '{name}'", "given twice", "once for each control", step)
            )
            continue
        try:
            turns[name] = [_part(part) for part in _NEXT.split(rest)]
            times = [time for time, _ in turns[name]]
            if not name or times[0] != 0 or sorted(set(times)) != times:
                raise ValueError("times that do not rise from 0 s")
        except ValueError as error:
            step = "write --set knob=0.3, or --set knob=0s:0.3,2.5s:0.8"
            problems.append(Problem(f"--set '{text}'", str(error), FORM, step))
    if problems:
        raise UsageError(problems)
    return turns


def in_hops(turns: Turns, manifest: Manifest) -> dict[str, NDArray[Any]]:
    """Return what `Controls.turn` takes: a value stands from the hop on in which its time lies.

    Raises:
        UsageError: a build without a sample rate, and times.
    """
    hop, rate = manifest.stream["hop_samples"], manifest.stream["sample_rate_hz"]
    shapes = {tensor.name: tensor.shape for tensor in manifest.controls}
    found: dict[str, NDArray[Any]] = {}
    for name, values in turns.items():
        if len(values) > 1 and (hop is None or rate is None):
            step = "export with --sample-rate"
            raise UsageError(Problem(f"--set {name}", "times", "a build with a sample rate", step))
        starts = [math.floor(time * rate / hop) if time else 0 for time, _ in values]
        if starts[-1] > MOST_HOPS:
            found_time = f"{values[-1][0]:g} s"
            raise UsageError(
                Problem(f"--set {name}", found_time, f"at most {MOST_HOPS} hops", "turn it earlier")
            )
        shape = shapes.get(name, ())
        rows = [np.broadcast_to(_fitted(name, value, shape), shape) for _, value in values]
        ends = [*starts[1:], starts[-1] + 1]
        counts = [end - start for start, end in zip(starts, ends, strict=True)]
        found[name] = np.repeat(np.stack(rows), counts, axis=0)
    return found


def _part(text: str) -> tuple[float, Any]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError("no value")
    value = json.loads(match[2])
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
        raise ValueError("neither a number nor numbers")
    return float(match[1] or 0), value


def _fitted(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """A number, or as many numbers as the control has, in its shape."""
    numbers = np.asarray(value)
    if numbers.ndim == 0:
        return numbers
    if numbers.size != math.prod(shape):
        allowed = f"a number or {math.prod(shape)} of them"
        raise UsageError(Problem(f"--set {name}", f"{numbers.size} numbers", allowed, "correct it"))
    return numbers.reshape(shape)
