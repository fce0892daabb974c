"""A LiteRT build in this process, states carried from hop to hop."""

import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import ToolError, UsageError
from edgekit.base.installation import install_extra
from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.runner import StateRunner, misfit

MODEL_NAME, ONCE_NAME = "model.tflite", "session.tflite"
LARGEST = np.float32(2.0**60)  # as the guards of networks with states have it
PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class LitertRunner(StateRunner):
    """One interpreter of a build's model.tflite, with the states between its hops.

    The n-th state output of the manifest becomes the n-th state input. Where the file has integers for a float32
    tensor, they are converted here. The outputs of session.tflite are its inputs for the session constants.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Load the build's model.tflite, single-threaded, with all states at zero.

        Raises:
            UsageError: model.tflite is missing or unreadable, or the manifest does not describe it.
            ToolError: neither ai-edge-litert nor tflite-runtime is installed.
        """
        super().__init__(manifest)
        self._run = _File(directory, MODEL_NAME)
        self._once = _File(directory, ONCE_NAME) if manifest.constants else None
        self._outputs = {tensor.name: tensor.dtype for tensor in manifest.stream_outputs}
        states = [
            [t.name for t in side if t.role == "state"]
            for side in (manifest.inputs, manifest.outputs)
        ]
        self._check(directory, manifest, states)
        self._pairs = dict(zip(*states, strict=True))
        self.reset()

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one hop; return the outputs and the nanoseconds that the interpreter took."""
        for name, array in zip(self._inputs, inputs, strict=True):
            self._run.set(name, array)
        for name, array in (self._kept | self._states).items():
            self._run.set_stored(name, array)
        elapsed = self._run.invoke()
        self._states = {name: self._run.stored(output) for name, output in self._pairs.items()}
        return [self._run.get(name, dtype) for name, dtype in self._outputs.items()], elapsed

    def session(self, constants: Sequence[Array]) -> None:
        """Take the session constants."""
        assert self._once is not None
        for name, array in zip(self._constants, constants, strict=True):
            self._once.set(name, array)
        self._once.invoke()
        self._kept = {name: self._once.stored(name) for name in self._once.outputs}

    def reset(self) -> None:
        """Return to the state of a fresh instance: all states zero, those inside the file too."""
        self._run.restart()
        self._states = {name: self._run.zero(name) for name in self._pairs}

    def _check(self, directory: Path, manifest: Manifest, states: list[list[str]]) -> None:
        """Compare names and shapes of model.tflite with the manifest."""
        kept = set() if self._once is None else set(self._once.outputs)
        given = [tensor for tensor in manifest.inputs if tensor.role != "constant"]
        for kind, found, tensors, others in (
            ("inputs", self._run.inputs, given, kept),
            ("outputs", self._run.outputs, list(manifest.outputs), set()),
        ):
            shapes = {name: tuple(map(int, detail["shape"])) for name, detail in found.items()}
            own = {name: shape for name, shape in shapes.items() if name not in others}
            expected = {tensor.name: tensor.shape for tensor in tensors}
            if own != expected or not others <= shapes.keys():
                raise UsageError(misfit(directory, f"{MODEL_NAME}: its {kind} are {shapes}"))
        if len(states[0]) != len(states[1]):
            raise UsageError(
                misfit(directory, f"{len(states[0])} state inputs, {len(states[1])} outputs")
            )


class _File:
    """A .tflite in an interpreter of one thread; `inputs` and `outputs` are LiteRT's details by name."""

    def __init__(self, directory: Path, name: str) -> None:
        path = directory / name
        if not path.is_file():
            raise UsageError(misfit(directory, f"{name} is missing"))
        self._path, self._used = str(path), False
        try:
            self._interpreter = self._open()
        except (ValueError, RuntimeError) as error:
            raise UsageError(misfit(directory, f"{name}: {error}")) from error
        self.inputs = {d["name"]: d for d in self._interpreter.get_input_details()}
        self.outputs = {d["name"]: d for d in self._interpreter.get_output_details()}

    def _open(self) -> Any:
        interpreter = interpreter_class()(model_path=self._path, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter

    def restart(self) -> None:
        """Reset the variables inside the file, for which the interpreter must be replaced."""
        if self._used:
            self._interpreter, self._used = self._open(), False

    def invoke(self) -> int:
        """Run it; return nanoseconds."""
        self._used = True
        start = time.perf_counter_ns()
        self._interpreter.invoke()
        return time.perf_counter_ns() - start

    def set(self, name: str, array: Array) -> None:
        """Set an input, in the manifest's type."""
        detail = self.inputs[name]
        if detail["dtype"] != array.dtype:
            array = _quantize_input(array, detail)
        self.set_stored(name, array)

    def set_stored(self, name: str, array: Array) -> None:
        """Set an input, in the file's type."""
        self._interpreter.set_tensor(self.inputs[name]["index"], array)

    def get(self, name: str, dtype: str) -> Array:
        """Return an output in the type of the manifest."""
        detail, array = self.outputs[name], self.stored(name)
        scale, zero = detail["quantization"]
        if array.dtype == dtype:
            return array
        real = np.float32(scale) * (array.astype(np.int32) - zero).astype(np.float32)
        return np.asarray(real, dtype)

    def stored(self, name: str) -> Array:
        """An output as the file stores it."""
        array: Array = self._interpreter.get_tensor(self.outputs[name]["index"])
        return array

    def zero(self, name: str) -> Array:
        """Return the integer that represents zero in an input."""
        detail = self.inputs[name]
        return np.full(detail["shape"], detail["quantization"][1], detail["dtype"])


def _quantize_input(array: Array, detail: JsonObject) -> Array:
    """Quantize floats to the file's integers: rounded half to even, saturating; NaN and the like become zero."""
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    finite = np.where(np.abs(array) <= LARGEST, array, np.float32(0))
    q = np.clip(np.rint(finite / np.float32(scale)) + np.float32(zero), limits.min, limits.max)
    return np.asarray(q, detail["dtype"])


def interpreter_class() -> Any:
    """The interpreter of ai-edge-litert, or of tflite-runtime, which older devices have.

    Raises:
        ToolError: neither is installed.
    """
    for name in PACKAGES:
        try:
            return import_module(name).Interpreter
        except ImportError:
            continue
    raise ToolError(f"LiteRT is not installed; {install_extra('litert')}, or tflite-runtime")
