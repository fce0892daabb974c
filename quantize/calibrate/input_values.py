"""Values of inputs that no calibration clip holds: knobs, session constants, streams that stay the same.

A range is swept: every clip is cut into `STRETCHES`, each with other values. The next clip continues the sweep.
Stretches alternate between a corner of the ranges (each input at its least or most) and a point inside. So a quarter
of a single clip has both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.settings import InputSettings, Range, Setting, Settings, steps_in_hops
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims

Clip = Mapping[str, Array]
STRETCHES = 8
SWEPT_CLIPS = 3  # that a session constant needs for its least, its most and a value between


class InputValues:
    """The values of a network's inputs, clip after clip."""

    def __init__(self, model: Model, given: InputSettings) -> None:
        """Store settings of a network's inputs.

        Raises:
            UsageError: all unknown names, and all values that do not fit.
        """
        if problems := setting_problems(given.settings, model):
            raise UsageError(problems)
        self._model, self._given = model, given
        inputs = {str(value.name): value for value in model.given_inputs}
        ranges = {
            name: row
            for name, row in given.ranges.items()
            if name in model.controls and len(row.bounds) in (1, prod(dims(inputs[name])))
        }
        self._settings: Settings = {**ranges, **given.settings}
        examples = given.examples.keys() & set(model.constants)
        self._known: dict[str, ir.Value] = {
            name: value
            for name, value in inputs.items()
            if name in self._settings or name in examples
        }
        self._used: dict[str, int] = {}

    @property
    def names(self) -> frozenset[str]:
        """Names of the inputs that have values."""
        return frozenset(self._known)

    @cached_property
    def _places(self) -> dict[str, int]:
        """The place of each swept input among all swept values."""
        places, count = {}, 0
        for name, value in self._known.items():
            if isinstance(self._settings.get(name), Range):
                places[name], count = count, count + prod(dims(value))
        return places

    @cached_property
    def _count(self) -> int:
        """Total number of swept values."""
        return sum(prod(dims(self._known[name])) for name in self._places)

    def fill(self, clip: Clip, number: int, hops: int | None = None) -> dict[str, Array]:
        """Return a clip, completed by those missing inputs that have values.

        Args:
            clip: input -> (hops, *shape), a session constant (*shape).
            number: of the clip; a sweep continues from clip to clip.
            hops: of the clip, needed if it holds no stream.
        """
        constants = self._model.constants
        if hops is None:
            arrays = [array for name, array in clip.items() if name not in constants]
            streams = [len(array) for array in arrays if array.ndim]
            hops = min(streams, default=0)
        found = dict(clip)
        for name, value in self._known.items():
            if name not in clip and (hops or name in constants):
                found[name] = self._values(name, value, number, hops)
                self._used[name] = self._used.get(name, 0) + 1
        return found

    def _values(self, name: str, value: ir.Value, number: int, hops: int) -> Array:
        setting, shape = self._settings.get(name), dims(value)
        assert value.dtype is not None
        dtype, is_constant = value.dtype.numpy(), name in self._model.constants
        if setting is None:
            return np.asarray(self._given.examples[name], dtype).reshape(shape)
        if isinstance(setting, Range):
            indices = np.arange(hops) * STRETCHES // max(hops, 1) + number * STRETCHES
            rows = self._swept(name, setting, [number] if is_constant else list(indices), shape)
            rows = rows if dtype.kind == "f" else np.round(rows)
        else:
            stream = self._model.stream
            rows = steps_in_hops(name, setting, shape, stream.hop_samples, stream.sample_rate_hz)
            rows = rows[np.minimum(np.arange(max(hops, 1)), len(rows) - 1)]
        return np.ascontiguousarray(rows[0] if is_constant else rows, dtype)

    def _swept(
        self, name: str, setting: Range, indices: Sequence[int], shape: tuple[int, ...]
    ) -> Float64:
        """Return the values of an input in stretches of these numbers, (stretches, *shape)."""
        size, first = prod(shape), self._places[name]
        least, most = np.broadcast_to(np.array(setting.bounds), (size, 2)).T
        points = {n: sweep(n, self._count)[first : first + size] for n in set(indices)}
        shares = np.stack([points[n] for n in indices])
        return np.asarray(least + shares * (most - least)).reshape(len(indices), *shape)

    def problems(self, clips: int) -> list[Problem]:
        """Return settings that have no effect for these clips, or need more of them; call it after the last `fill`."""
        allowed = "an input that clips lack"
        problems = [
            Problem(f"--set {name}", "every clip holds this input", allowed, "leave it out")
            for name in self._given.settings
            if name not in self._used
        ]
        for name in self._used.keys() & set(self._model.constants):
            if isinstance(self._settings.get(name), Range) and clips < SWEPT_CLIPS:
                found = (
                    f"a range for a session constant, which has one value in each of {clips} clips"
                )
                allowed, step = f"{SWEPT_CLIPS} clips or more", "give more clips, or one value"
                problems.append(Problem(f"--set {name}", found, allowed, step))
        return problems

    def notes(self, clips: int) -> tuple[str, ...]:
        """Return notes for people on the values that `fill` added to `clips`."""
        notes = []
        for name, count in self._used.items():
            setting = self._settings.get(name)
            where = "every clip" if count == clips else f"{count} of {clips} clips"
            if setting is None:
                said = f"is the factory's example in {where}; --set {name}=FILE.npy gives another"
            elif isinstance(setting, Range):
                each = ", one value a clip" if name in self._model.constants else ""
                said = f"is swept over {setting} in {where}{each}"
            else:
                said = f"is what --set gives in {where}"
            notes.append(f"calibration: '{name}' {said}")
        return tuple(notes)


def with_settings(clip: Clip, model: Model, settings: InputSettings) -> dict[str, Array]:
    """Return generated inputs, (hops, *shape) each, with set values instead of generated ones."""
    values = InputValues(model, replace(settings, examples={}))
    streams = [len(array) for name, array in clip.items() if name not in model.constants]
    others = {name: array for name, array in clip.items() if name not in values.names}
    return values.fill(others, 0, min(streams, default=1))


def sweep(number: int, count: int) -> Float64:
    """Return a point of the unit cube of `count` dimensions, (count,): alternately a corner or a point inside.

    Corners come in pairs, one and the opposite one. Points inside are those of the additive sequence of
    M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018), which fills a cube evenly.
    """
    turn = number // 2
    if number % 2 == 0:
        bits = np.array([(turn // 2) >> place & 1 for place in range(count)], np.float64)
        return 1 - bits if turn % 2 else bits
    root = 2.0
    for _ in range(64):  # root^(count + 1) = root + 1
        root = (1 + root) ** (1 / (count + 1))
    steps = root ** -np.arange(1.0, count + 1)
    return np.asarray((0.5 + turn * steps) % 1)


def setting_problems(settings: Settings, model: Model) -> list[Problem]:
    """Return names that a network does not have, and values that do not fit its inputs."""
    return list(_problems(settings, model))


def _problems(settings: Settings, model: Model) -> Iterator[Problem]:
    inputs = {str(value.name): value for value in model.given_inputs}
    for name, setting in settings.items():
        where, value = f"--set {name}", inputs.get(name)
        if value is None:
            states = {pair.input for pair in model.states}
            drawn = {row.name for row in model.noises}
            found = "a state" if name in states else "no such input"
            found = "noise, which the build draws" if name in drawn else found
            listed = ", ".join(f"{n} {list(dims(v))}" for n, v in inputs.items())
            yield Problem(where, found, listed, "name an input")
        else:
            yield from _misfits(where, setting, value, model)


def _misfits(where: str, setting: Setting, value: ir.Value, model: Model) -> Iterator[Problem]:
    """Yield the reasons why a setting does not fit an input."""
    name, shape = str(value.name), dims(value)
    is_constant = name in model.constants
    if isinstance(setting, Range):
        count, size = len(setting.bounds), prod(shape)
        if count not in (1, size):
            allowed = "one range" if size == 1 else f"one range, or one for each of {size} values"
            yield Problem(where, f"{count} ranges", allowed, f"write --set {name}=0:1")
        return
    if is_constant and len(setting.values) > 1:
        allowed = "one value: it stays the same for a session"
        yield Problem(where, "times", allowed, "leave out the times")
        return
    stream = model.stream
    try:
        steps_in_hops(name, setting, shape, stream.hop_samples, stream.sample_rate_hz)
    except UsageError as error:
        yield from error.problems
