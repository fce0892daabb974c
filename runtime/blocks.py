"""Blocks of any length through a build of fixed hops, and the end of a stream."""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, Timing

Arrays = dict[str, Array]


class Hops(Protocol):
    """A runner hop by hop: a `Stream`."""

    @property
    def manifest(self) -> Manifest:
        """The inputs and outputs of a hop."""
        ...

    def process(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        """Run one hop."""
        ...

    def reset(self) -> None:
        """Go back to the fresh state."""


class Blocks:
    """Feeds a `Stream` blocks of any length along the time axes of its inputs, and ends it.

    The rest of a block waits for the next one. Frames come out as the hops give them, `delay` frames
    late: ``Stream.clip`` takes the delay out.
    """

    def __init__(self, stream: Hops, end: Callable[[int], None]) -> None:
        """Start at the present state of the stream; `end` gets the number of samples in the last hop.

        Raises:
            UsageError: the build has tensors without a time axis.
        """
        self._stream, self._end, manifest = stream, end, stream.manifest
        self._inputs = {t.name: (t, _timing_of(t, manifest)) for t in manifest.stream_inputs}
        self._outputs = {t.name: (t, _timing_of(t, manifest)) for t in manifest.stream_outputs}
        self._hop = int(manifest.stream["hop_samples"])
        self._step = int(manifest.stream["minimum_hop_samples"] or 1)
        self._waiting = {
            name: np.zeros(_resize_shape(tensor, time, 0), tensor.dtype)
            for name, (tensor, time) in self._inputs.items()
        }

    def push(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        """Take a block for each input; return the frames of all hops that it completes.

        Raises:
            UsageError: names, shapes or types that do not fit, all of them.
        """
        blocks = self._checked(inputs)
        for name, block in blocks.items():
            axis = self._inputs[name][1].axis
            self._waiting[name] = np.concatenate([self._waiting[name], block], axis)
        hops = min(
            self._waiting[name].shape[time.axis] // tensor.shape[time.axis]
            for name, (tensor, time) in self._inputs.items()
        )
        results = [self._take(hop) for hop in range(hops)]
        for name, (tensor, time) in self._inputs.items():
            frames = hops * tensor.shape[time.axis]
            self._waiting[name] = _part(self._waiting[name], time.axis, frames, None)
        return self._joined(results)

    def flush(self) -> Arrays:
        """End the stream: return the remaining frames, and go back to the fresh state.

        A rest that is no whole number of minimum hops is filled up with zeros to the next one.
        """
        samples = self._filled()
        self._end(samples)
        left = {
            name: samples * tensor.shape[time.axis] // self._hop
            + time.offset_frames
            + time.delay_frames
            for name, (tensor, time) in self._outputs.items()
        }
        hops = max(
            -(-left[name] // tensor.shape[time.axis])
            for name, (tensor, time) in self._outputs.items()
        )
        joined = self._joined([self._take(hop) for hop in range(hops)])
        self._stream.reset()
        return {
            name: _part(joined[name], time.axis, 0, max(left[name], 0))
            for name, (_, time) in self._outputs.items()
        }

    def delays(self) -> dict[str, Timing]:
        """The time axis and delay of each output."""
        return {name: time for name, (_, time) in self._outputs.items()}

    def _filled(self) -> int:
        """Samples that wait, less than a hop, filled up to whole minimum hops."""
        waiting = max((self._samples(*item) for item in self._waiting.items()), default=0)
        return math.ceil(Fraction(waiting) / self._step) * self._step

    def _take(self, hop: int) -> Arrays:
        """Run one hop of the waiting samples, filled with zeros where they are too few."""
        feed = {}
        for name, (tensor, time) in self._inputs.items():
            frames = tensor.shape[time.axis]
            part = _part(self._waiting[name], time.axis, hop * frames, (hop + 1) * frames)
            missing = _resize_shape(tensor, time, frames - part.shape[time.axis])
            feed[name] = np.concatenate([part, np.zeros(missing, tensor.dtype)], time.axis)
        return self._stream.process(feed)

    def _joined(self, results: list[Arrays]) -> Arrays:
        return {
            name: np.concatenate(
                [
                    np.zeros(_resize_shape(tensor, time, 0), tensor.dtype),
                    *(r[name] for r in results),
                ],
                time.axis,
            )
            for name, (tensor, time) in self._outputs.items()
        }

    def _checked(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        problems, arrays = [], {name: np.asarray(array) for name, array in inputs.items()}
        for name in sorted(self._inputs.keys() | arrays.keys()):
            if name not in self._inputs or name not in arrays:
                found = "missing" if name in self._inputs else "unknown"
                allowed = f"one block for each of {', '.join(self._inputs)}"
                problems.append(Problem(f"input '{name}'", found, allowed, "pass these"))
            elif (problem := _misfit(arrays[name], *self._inputs[name])) is not None:
                problems.append(problem)
        if not problems and len({self._samples(name, array) for name, array in arrays.items()}) > 1:
            found = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
            allowed = "blocks of one duration"
            problems.append(Problem("blocks", found, allowed, "cut them to the same time"))
        if problems:
            raise UsageError(problems)
        return arrays

    def _samples(self, name: str, array: Array) -> Fraction:
        """The duration of a block of an input."""
        tensor, time = self._inputs[name]
        return Fraction(array.shape[time.axis] * self._hop, tensor.shape[time.axis])


def _misfit(array: Array, tensor: Tensor, time: Timing) -> Problem | None:
    """Return why an array is no block of a tensor: of any length along its time axis."""
    sizes, wanted = (
        ["any" if axis == time.axis else str(n) for axis, n in enumerate(shape)]
        for shape in (array.shape, tensor.shape)
    )
    if array.dtype == tensor.dtype and sizes == wanted:
        return None
    found, allowed = f"{array.dtype} {list(array.shape)}", f"{tensor.dtype} [{', '.join(wanted)}]"
    return Problem(f"input '{tensor.name}'", found, allowed, "cut along time only")


def _timing_of(tensor: Tensor, manifest: Manifest) -> Timing:
    if tensor.time is not None:
        return tensor.time
    axis = None if tensor.axes is None else tensor.axes.axis("T")
    if manifest.is_pcm and axis is not None:
        return Timing(axis, tensor.delay_samples or 0, 0)
    raise UsageError(
        Problem(
            f"tensor '{tensor.name}'",
            "no time axis known",
            "a build that `--hop` made of a network with a time axis, or one of PCM",
            "pass whole hops to process or run",
        )
    )


def _resize_shape(tensor: Tensor, time: Timing, frames: int) -> tuple[int, ...]:
    return (*tensor.shape[: time.axis], frames, *tensor.shape[time.axis + 1 :])


def _part(array: Array, axis: int, start: int, end: int | None) -> Array:
    return array[(slice(None),) * axis + (slice(start, end),)]
