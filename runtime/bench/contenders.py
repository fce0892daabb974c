"""Programs whose hops are timed: a C build, onnxruntime on the model.onnx, or any running build."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import ToolError
from edgekit.base.installation import install_extra
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.hop_loop import run_clip
from edgekit.runtime.runners.onnxruntime import session_options
from edgekit.runtime.stream import Stream

if TYPE_CHECKING:
    from onnxruntime import IOBinding

Arrays = dict[str, Array]
Timed = tuple[Arrays, Float64]  # outputs (hops, *shape), microseconds of each hop


class Contender(Protocol):
    """Runs hops from the fresh state, one thread."""

    def run(self, inputs: Arrays) -> Timed:
        """Run all hops of `inputs`, (hops, *shape), session constants (*shape); the clock is around each call."""
        ...


class NativeContender:
    """A C build, called and timed in a loop of C."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Compile the build.

        Raises:
            UsageError, ToolError: as `NativeRunner.open`.
        """
        self._manifest = manifest
        self._runner = NativeRunner.open(directory, manifest)
        self._process: int | None = None  # the build's own

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        return run_clip(self._runner, self._manifest, inputs, self._process)


class StreamContender:
    """A running build of any runner; the clock is around the runner's own call, states are carried outside of it."""

    def __init__(self, stream: Stream) -> None:
        """Take a build that runs."""
        self._stream = stream

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        self._stream.reset()
        return self._stream.timed_run(inputs)


class OnnxruntimeContender:
    """onnxruntime on a model, inputs and states bound to fixed buffers, one thread."""

    def __init__(self, model: bytes, manifest: Manifest) -> None:
        """Open a session.

        Raises:
            ToolError: onnxruntime is not installed, or refuses the model.
        """
        try:
            import onnxruntime
        except ImportError as error:
            step = install_extra("export")
            raise ToolError(f"onnxruntime is not installed; {step}") from error
        try:
            self._session = onnxruntime.InferenceSession(
                model, session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common public base
            raise ToolError(f"onnxruntime refuses the build's model.onnx: {error}") from error
        self.version = onnxruntime.__version__
        self._value = onnxruntime.OrtValue.ortvalue_from_numpy
        self._manifest = manifest
        text = self._session.get_modelmeta().custom_metadata_map.get("edgekit.states", "[]")
        self._pairs = [(str(pair["input"]), str(pair["output"])) for pair in json.loads(text)]

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        manifest = self._manifest
        fixed = {t.name: np.array(inputs[t.name], t.dtype) for t in manifest.constants}
        given, made = _zeros(manifest.hop_inputs), _zeros(manifest.stream_outputs)
        bindings = self._bindings(fixed | given, made)
        hops = len(inputs[next(iter(given))])
        outputs = {name: np.empty((hops, *a.shape), a.dtype) for name, a in made.items()}
        times_us = np.empty(hops)
        for hop in range(hops):
            for name, buffer in given.items():
                buffer[...] = inputs[name][hop]
            start = time.perf_counter_ns()
            self._session.run_with_iobinding(bindings[hop % 2])
            times_us[hop] = (time.perf_counter_ns() - start) / 1000
            for name, buffer in made.items():
                outputs[name][hop] = buffer
        return outputs, times_us

    def _bindings(self, feeds: Arrays, made: Arrays) -> "list[IOBinding]":
        """Return bindings of even and of odd hops: one writes the states that the other reads."""
        names = {name for name, _ in self._pairs}
        carried = [tensor for tensor in self._manifest.inputs if tensor.name in names]
        states = _zeros(carried), _zeros(carried)
        pairs = (states, states[::-1])
        return [self._binding(feeds | before, made, after) for before, after in pairs]

    def _binding(self, feeds: Arrays, made: Arrays, following: Arrays) -> "IOBinding":
        """Inputs from `feeds`; outputs to `made`, and to the states of the following hop."""
        binding = self._session.io_binding()
        known = {node.name for node in self._session.get_inputs()}
        for name, array in feeds.items():
            if name in known:
                binding.bind_ortvalue_input(name, self._value(array))
        for name, array in made.items():
            binding.bind_ortvalue_output(name, self._value(array))
        for state, output in self._pairs:
            if output not in made:
                binding.bind_ortvalue_output(output, self._value(following[state]))
        return binding


def _zeros(tensors: Sequence[Tensor]) -> Arrays:
    return {tensor.name: np.zeros(tensor.shape, tensor.dtype) for tensor in tensors}
