"""A torch module with example inputs, called, followed and exported at any length."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.hop_runner import Arrays
from edgekit.export.loops.forms import LoopForms, find_loops
from edgekit.export.onnx_file.messages import plain
from edgekit.export.stream.examples import repeat_along_time
from edgekit.export.stream.guards import Guards, read_guards
from edgekit.export.stream.module_probe import Calls, reached_nodes, record
from edgekit.export.stream.source_runs import module_run
from edgekit.export.stream.time_axes import Dims, Rates, check_rates, find_time
from edgekit.export.torch_calls import FORWARD_ERRORS
from edgekit.export.torch_source import TorchModule, TorchSource, load_module, trace_module
from edgekit.graph.model import Model

if TYPE_CHECKING:
    import torch


class TooShort(ModelError):
    """Raised if a network does not run at a length."""


@dataclass(frozen=True)
class TorchNetwork:
    """A factory's module; its runs raise `TooShort` at a length at which forward fails.

    Attributes:
        loaded: the module and its example inputs.
        axes: the time axes of the inputs that have one.
        rates: input name -> frames of it in one sample; 1 for those left out.
        calls: result of each run so far, by its length.
        loops: the loops along time that `find_loops` has found; empty without a search.
        exports: what torch has exported for the search, by its length.
        traces: the module as torch has traced it, by its length, until `model` imports it.
    """

    loaded: TorchModule
    axes: Mapping[str, int]
    rates: Rates
    calls: dict[int, Calls] = field(default_factory=dict)
    loops: list[LoopForms] = field(default_factory=list)
    exports: dict[int, bytes] = field(default_factory=dict)
    traces: dict[int, TorchSource] = field(default_factory=dict)

    @cached_property
    def examples(self) -> dict[str, Array]:
        """The example inputs by name."""
        return _arrays(self.loaded)

    def frames(self, name: str, samples: int) -> int:
        """Return the frames of an input for so many samples."""
        return int(samples * self.rates.get(name, 1))

    def inputs(self, samples: int) -> "dict[str, torch.Tensor]":
        """Return the examples, repeated along time to this length."""
        import torch

        return {
            key: torch.from_numpy(
                repeat_along_time(array, self.axes.get(key), self.frames(key, samples))
            )
            for key, array in self.examples.items()
        }

    def probe(self, samples: int) -> Calls:
        """Return the calls of torch in a run at this length."""
        if samples not in self.calls:
            with self._forward({key: self.frames(key, samples) for key in self.axes}):
                self.calls[samples] = record(self.loaded.module, self.inputs(samples))
        return self.calls[samples]

    def model(self, samples: int, *, name: str) -> Model:
        """Import the module at this length under a name."""
        from edgekit.export.from_torch import from_torch

        self.probe(samples)
        export = partial(self._roll, samples) if self.loops else None
        source = self.traces.pop(samples, None) or self._loaded_at(samples)
        return from_torch(source, name=name, offline=True, export=export)[0]

    def find_loops(self, samples: int) -> Sequence[str]:
        """Find the loops along time, which `model` then rolls back; returns why some were not found.

        Exports at this length and at twice that show them.
        """
        from edgekit.export.from_torch import to_stream_onnx

        def export(length: int) -> bytes:
            self.exports[length] = to_stream_onnx(self._trace_of_length(length))
            return self.exports[length]

        try:
            self.loops[:] = [find_loops(export, samples)]
        except ModelError as error:
            return [
                f"torch cannot export its loop: {problem.found} (next: {problem.next_step})"
                for problem in error.problems
            ]
        return self.loops[0].problems

    def _roll(self, samples: int, traced: TorchSource) -> bytes:
        from edgekit.export.from_torch import to_stream_onnx

        return self.loops[0].roll_back(self.exports.get(samples) or to_stream_onnx(traced))

    def nodes(self, samples: int) -> int:
        """Return the number of nodes of its export at this length that depend on an input."""
        return reached_nodes(self._trace_of_length(samples).program)

    def run(self, feed: Arrays, in_double: bool = False) -> Sequence[Array]:
        """Return the outputs of the module for whole inputs, in order; in float64 on request."""
        with self._forward({key: feed[key].shape[axis] for key, axis in self.axes.items()}):
            return module_run(self.loaded, feed, in_double=in_double)

    def guards(self, samples: int) -> Guards:
        """Return the lengths on which forward depends, as read at this one."""
        from edgekit.export.from_torch import quiet

        with quiet():
            inputs = self.inputs(samples)
            return read_guards(self.loaded.module, inputs, self.axes, samples, self.frames)

    def _trace_of_length(self, samples: int) -> TorchSource:
        """Trace the module at this length, once."""
        from edgekit.export.from_torch import quiet

        if samples not in self.traces:
            with quiet():
                self.traces[samples] = trace_module(self._loaded_at(samples))
        return self.traces[samples]

    def _loaded_at(self, samples: int) -> TorchModule:
        return replace(self.loaded, kwargs=self.inputs(samples))

    @contextmanager
    def _forward(self, frames: Mapping[str, int]) -> Iterator[None]:
        """Convert errors of forward on inputs of these frame counts to `TooShort`."""
        from edgekit.export.from_torch import quiet

        with quiet():
            try:
                yield
            except FORWARD_ERRORS as error:
                problem = _forward_problem(self.loaded.source, frames, error, len(self.rates))
                raise TooShort(problem) from error


def load_network(
    source: str, time_axes: Mapping[str, int], shapes: Mapping[str, Sequence[int]], rates: Rates
) -> TorchNetwork:
    """Load a factory; arguments as in `sources.torch_offline`.

    Raises:
        UsageError: the factory cannot be used.
        ModelError: a time axis or a rate of no input.
    """
    from edgekit.export.from_torch import quiet
    from edgekit.export.torch_buffers import BufferStates

    with quiet():
        loaded = load_module(source, shapes)
    if isinstance(loaded.module, BufferStates):
        written = ", ".join(loaded.module.paths.values())
        found = f"forward writes its buffers {written}: it keeps its own past, as a network of one hop does"
        step = "leave out --time-axis, and give example inputs of one hop; or switch this cache off"
        raise ModelError(Problem(f"'{source}'", found, "a network of whole recordings", step))
    inputs: dict[str, Dims] = {key: array.shape for key, array in _arrays(loaded).items()}
    axes = find_time(inputs, time_axes, shapes, rates)
    check_rates(rates, axes)
    return TorchNetwork(loaded, axes, rates)


def _arrays(loaded: TorchModule) -> dict[str, Array]:
    return {key: tensor.detach().numpy() for key, tensor in loaded.kwargs.items()}


def _forward_problem(
    source: str, frames: Mapping[str, int], error: Exception, rates: int
) -> Problem:
    lengths = ", ".join(f"{count} frames of {key}" for key, count in frames.items())
    found, allowed = f"forward fails: {plain(error)}", "a module that takes any length"
    where = f"'{source}' at {lengths}"
    step = "check that --time-axis names the axis of time, from 0; if so, call the module with such inputs in Python"
    if len(frames) > 1:
        verb = "correct" if rates else "give"
        step = f"{verb} --rate INPUT=SAMPLES for an input that has a frame for so many samples"
    return Problem(where, found, allowed, step)
