"""An ExecuTorch build in ExecuTorch's own environment, states carried from hop to hop here."""

import json
import struct
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.environment import EXECUTORCH
from edgekit.base.errors import ToolError, UsageError
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.runners.runner import StateRunner, misfit

MODEL_NAME, ONCE_NAME, PORTS_NAME = "model.pte", "session.pte", "ports.json"
SIDES = ("inputs", "outputs")
PROGRAM = Path(__file__).parent / "executorch_program.py"
LIMIT_S = 120.0  # of one answer
LINES = 3  # of its output before it ended
NUMBER = struct.Struct("<q")


class Port(NamedTuple):
    """An input or output of a .pte."""

    name: str
    shape: tuple[int, ...]
    dtype: str


Ports = dict[str, tuple[list[Port], ...]]


class ExecutorchRunner(StateRunner):
    """Processes that run a build's model.pte, and its session.pte once per session.

    A .pte has no names: ports.json has those of its inputs and outputs, in their order, and which state follows which.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Load the build's model.pte, single-threaded, with all states at zero.

        Raises:
            UsageError: a file is missing or unreadable, or the manifest does not describe it.
            ToolError: ExecuTorch's environment is missing.
        """
        super().__init__(manifest)
        ports, self._pairs = _ports(directory, manifest)
        self._run = _Program(directory, MODEL_NAME, *ports[MODEL_NAME])
        self._once = None
        if ONCE_NAME in ports:
            self._once = _Program(directory, ONCE_NAME, *ports[ONCE_NAME])
        self._outputs = [tensor.name for tensor in manifest.stream_outputs]
        self.reset()

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one hop; return the outputs and the nanoseconds that ExecuTorch took."""
        given = dict(zip(self._inputs, inputs, strict=True)) | self._states | self._kept
        made, elapsed = self._run(given)
        self._states = {name: made[output] for name, output in self._pairs.items()}
        return [made[name] for name in self._outputs], elapsed

    def session(self, constants: Sequence[Array]) -> None:
        """Take the session constants."""
        assert self._once is not None
        self._kept, _ = self._once(dict(zip(self._constants, constants, strict=True)))

    def reset(self) -> None:
        """Return to the state of a fresh instance: all states zero."""
        inputs = {port.name: port for port in self._run.inputs}
        self._states = {n: np.zeros(inputs[n].shape, inputs[n].dtype) for n in self._pairs}


def _ports(directory: Path, manifest: Manifest) -> tuple[Ports, dict[str, str]]:
    """Read ports.json: inputs and outputs of each .pte, and the output that each state becomes."""
    try:
        facts = json.loads((directory / PORTS_NAME).read_text(encoding="utf-8"))
        pairs = {str(given): str(made) for given, made in facts.pop("states")}
        ports = {
            str(name): tuple([Port(n, tuple(s), d) for n, s, d in side[key]] for key in SIDES)
            for name, side in facts.items()
        }
        inputs, outputs = map(_kinds, ports[MODEL_NAME])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(misfit(directory, f"{PORTS_NAME}: {error}")) from error
    given = _kinds([tensor for tensor in manifest.inputs if tensor.role != "constant"])
    made = _kinds(manifest.outputs)
    if not given.items() <= inputs.items() or made != outputs:
        raise UsageError(misfit(directory, f"{PORTS_NAME}: inputs are {inputs}"))
    if not (pairs.keys() <= inputs.keys() and set(pairs.values()) <= made.keys()):
        raise UsageError(misfit(directory, f"{PORTS_NAME}: states are {pairs}"))
    return ports, pairs


def _kinds(ports: Iterable[Port | Tensor]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type by name."""
    return {port.name: (port.shape, port.dtype) for port in ports}


class _Program:
    """A .pte in a process of `EXECUTORCH`."""

    def __init__(
        self, directory: Path, name: str, inputs: Sequence[Port], outputs: Sequence[Port]
    ) -> None:
        path = directory / name
        if not path.is_file():
            raise UsageError(misfit(directory, f"{name} is missing"))
        self.inputs, self.outputs = inputs, outputs
        facts = {"inputs": _plain(inputs), "outputs": _plain(outputs)}
        python = (str(EXECUTORCH.python()), "-I")  # it sees neither this folder nor PYTHONPATH
        command = [*python, str(PROGRAM), str(path.resolve()), json.dumps(facts)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._said: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self._number()
        except ToolError as error:
            raise UsageError(misfit(directory, f"{name}: {error}")) from error

    def __call__(self, given: Mapping[str, Array]) -> tuple[dict[str, Array], int]:
        """Return the outputs by name, and the nanoseconds that ExecuTorch took."""
        assert self._process.stdin is not None
        try:
            for port in self.inputs:
                array = np.ascontiguousarray(given[port.name], port.dtype)
                self._process.stdin.write(array.tobytes())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ToolError(f"ExecuTorch ended: {self._words()}") from error
        elapsed = self._number()
        made = {}
        for port in self.outputs:
            data = self._read(int(np.prod(port.shape)) * np.dtype(port.dtype).itemsize)
            made[port.name] = np.frombuffer(bytearray(data), port.dtype).reshape(port.shape)
        return made, elapsed

    def __del__(self) -> None:
        """End the process with the instance."""
        if process := self.__dict__.get("_process"):
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                pipe.close()

    def _number(self) -> int:
        (found,) = NUMBER.unpack(self._read(NUMBER.size))
        return int(found)

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        timer = threading.Timer(LIMIT_S, self._process.kill)
        timer.start()
        try:
            data = self._process.stdout.read(size)
        finally:
            timer.cancel()
        if len(data) < size:
            raise ToolError(f"ExecuTorch ended: {self._words()}")
        return data

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as printed:
            for line in printed:
                self._said = [*self._said, line][-LINES:]

    def _words(self) -> str:
        self._process.wait()
        return b" | ".join(line.strip() for line in self._said).decode(errors="replace")


def _plain(ports: Sequence[Port]) -> list[tuple[list[int], str]]:
    return [(list(port.shape), port.dtype) for port in ports]
