"""A C build in this process: its sources compiled to a shared library, called through ctypes."""

import ctypes
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Float32, Int16
from edgekit.base.errors import CheckFailed, Problem, ToolError, UsageError
from edgekit.runtime.build_folder.manifest import (
    PACKAGE_PREFIX,
    PLUGIN_FOLDERS,
    RECORDER_FOLDER,
    UPDATES_FOLDER,
    Manifest,
    Tensor,
)
from edgekit.runtime.recording_file import SHORT, Recorder
from edgekit.runtime.runners.toolchain import NATIVE, Compiler, compile_shared

ALIGN = 64  # bytes: enough for any build
PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32)


class NativeRunner:
    """One instance of a C build: its state and scratch blocks, and pointers to one hop of data.

    The build's C code runs in this process: load only builds that you would compile yourself.
    """

    def __init__(
        self, library: ctypes.CDLL, manifest: Manifest, where: Path, compiler: Compiler | None
    ) -> None:
        """Initialise one instance of the build that `library` holds; `open` compiles one first.

        Raises:
            UsageError: the library does not hold the network that the manifest in `where` describes.
        """
        self.library, self.compiler = library, compiler
        self.recorder: Recorder | None = None
        name = manifest.c_name
        self._functions = {
            word: _function(library, f"{name}_{word}", arguments, result)
            for word, arguments, result in _signatures(manifest)
        }
        self._process = self._functions["process"]
        outs = manifest.stream_outputs if manifest.is_pcm else ()
        self._pcm_sizes = [(t.frames_per_hop or 0, t.pcm_channels or 0) for t in outs]
        self._constants = [_aligned_tensor(tensor) for tensor in manifest.constants]
        state_bytes = manifest.memory["state_bytes"] or 0
        self.state = _aligned_buffer(state_bytes)  # of the instance, as its C code has it
        self._scratch = _aligned_buffer(manifest.memory["scratch_bytes"] or 0)
        self._inputs = [_aligned_tensor(tensor) for tensor in manifest.hop_inputs]
        self._outputs = [_aligned_tensor(tensor) for tensor in manifest.stream_outputs]
        self._input_pointers = _pointers(self._inputs)
        self._output_pointers = _pointers(self._outputs)
        instance = self._functions["init"](self.state.ctypes.data, state_bytes)
        if not instance:
            raise UsageError(_misfit(where, f"{name}_init refuses a state of {state_bytes} bytes"))
        self._instance = ctypes.c_void_p(instance)
        self._scratch_pointer = ctypes.c_void_p(self._scratch.ctypes.data)
        blocks = self._input_pointers, self._output_pointers
        pointers = [ctypes.c_void_p(ctypes.addressof(block)) for block in blocks]
        self._arguments = self._instance, self._scratch_pointer, *pointers

    @staticmethod
    def open(directory: Path, manifest: Manifest) -> "NativeRunner":
        """Compile the build in `directory` for this machine and initialise one instance.

        Raises:
            UsageError: the folder holds no C sources, or its manifest does not fit them.
            ToolError: no compiler, or it refused the sources.
        """
        library, compiler = load_library(directory, manifest)
        return NativeRunner(library, manifest, directory, compiler)

    @property
    def addresses(self) -> tuple[int, int, int]:
        """Return addresses of the process function, the instance and the scratch block, for a caller in C."""
        process = ctypes.cast(self._process, ctypes.c_void_p).value or 0
        return process, self._instance.value or 0, int(self._scratch.ctypes.data)

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one hop; return copies of the outputs and the nanoseconds that the C call took."""
        for own, given in zip(self._inputs, inputs, strict=True):
            own[...] = given
        if self.recorder is not None:
            self.recorder.begin(self.state, self._inputs)
        start = time.perf_counter_ns()
        code = self._process(*self._arguments)
        elapsed = time.perf_counter_ns() - start
        if self.recorder is not None:
            self.recorder.end(self.state, self._inputs, self._outputs, code)
        if code != 0:
            raise CheckFailed(f"the build's process function returned {code}")
        return [own.copy() for own in self._outputs], elapsed

    def process_s16(self, pcm: Sequence[Int16], controls: Sequence[Array] = ()) -> list[Int16]:
        """Run one hop of 16-bit PCM: (samples, channels) of each input, and likewise of each output."""
        given = [np.ascontiguousarray(array, np.int16) for array in pcm]
        made = [np.empty(size, np.int16) for size in self._pcm_sizes]
        knobs = [np.ascontiguousarray(array) for array in controls]
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*given, *made, *knobs)]
        if self.recorder is not None:
            self.recorder.begin(self.state, (*given, *knobs), SHORT)
        code = self._functions["process_s16"](self._instance, self._scratch_pointer, *pointers)
        if self.recorder is not None:
            self.recorder.end(self.state, (*given, *knobs), made, code)
        if code != 0:
            raise CheckFailed(f"the build's process_s16 function returned {code}")
        return made

    def session(self, constants: Sequence[Array]) -> None:
        """Take the session constants."""
        for own, given in zip(self._constants, constants, strict=True):
            own[...] = given
        pointers = ctypes.byref(_pointers(self._constants))
        code = self._functions["session"](self._instance, self._scratch_pointer, pointers)
        if code != 0:
            raise CheckFailed(f"the build's session function returned {code}")

    def sample(
        self,
        seed: int,
        conditions: Sequence[Array],
        out: Float32,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Draw one image into `out` with the build's own loop; `conditions` as its struct lists them."""
        told = PROGRESS(lambda _, done, rows: 0 if progress is None else progress(done, rows) or 0)
        given = [np.ascontiguousarray(array) for array in conditions]
        pointers = [ctypes.byref(_pointers(given))] if given else []
        ends = (*pointers, ctypes.c_void_p(out.ctypes.data), told, None)
        number = ctypes.c_uint64(seed)
        code = self._functions["sample"](self._instance, self._scratch_pointer, number, *ends)
        if code != 0:
            raise CheckFailed(f"the build's sample function returned {code}")

    def end(self, valid_samples: int) -> None:
        """Declare that the stream ends in the next hop, after this number of its samples."""
        if "end" in self._functions:
            self._functions["end"](self._instance, valid_samples)

    def seed(self, seed: int) -> None:
        """Draw noise of this seed, from its beginning."""
        if "seed" in self._functions:
            self._functions["seed"](self._instance, seed)

    def reset(self) -> None:
        """Return to the state of a fresh instance."""
        self._functions["reset"](self._instance)


def load_library(
    directory: Path, manifest: Manifest, quick: bool = False
) -> tuple[ctypes.CDLL, Compiler]:
    """Compile the build in `directory` for this machine and load it; instances may share it.

    A `quick` compilation runs slower.

    Raises:
        UsageError: the folder holds no C sources.
        ToolError: no compiler, or it refused the sources.
    """
    sources = own_files(directory, "*.c")
    if not sources:
        raise UsageError(_misfit(directory, "no .c file"))
    include_dirs = sorted({path.parent for path in own_files(directory, "*.h")})
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
        output = Path(folder) / f"{manifest.c_name}.so"
        flags = NATIVE if manifest.target == "host" else ()
        compiler = compile_shared(sources, include_dirs, output, flags, quick)
        try:
            return ctypes.CDLL(str(output)), compiler
        except OSError as error:
            raise ToolError(
                f"the library that {compiler.label} made does not load: {error}"
            ) from error


CType = type["ctypes._CDataType"]
Signature = tuple[str, list[CType] | None, CType | None]
POINTER = ctypes.c_void_p


def _signatures(manifest: Manifest) -> Iterator[Signature]:
    """The functions of a build: the end of the name, arguments (None: the call converts them itself), result."""
    yield "process", [POINTER] * 4, ctypes.c_int
    yield "init", [POINTER, ctypes.c_size_t], POINTER
    yield "reset", [POINTER], None
    if manifest.is_pcm:
        ports = *manifest.stream_inputs, *manifest.stream_outputs, *manifest.controls
        yield "process_s16", [POINTER] * (2 + len(ports)), ctypes.c_int
    if manifest.stream["end_state"] is not None:
        yield "end", [POINTER, ctypes.c_int32], None
    if manifest.noise is not None:
        yield "seed", [POINTER, ctypes.c_uint64], None
    if manifest.constants:
        yield "session", [POINTER] * 3, ctypes.c_int
    if manifest.steps is not None:
        yield "sample", None, ctypes.c_int


def _function(
    library: ctypes.CDLL, name: str, arguments: list[CType] | None, result: CType | None
) -> "ctypes._NamedFuncPointer":
    """A C function of the library."""
    try:
        function: ctypes._NamedFuncPointer = getattr(library, name)
    except AttributeError as error:
        raise UsageError(_misfit(Path("."), f"the sources define no {name}")) from error
    if arguments is not None:
        function.argtypes = arguments
    function.restype = result
    return function


def own_files(directory: Path, pattern: str) -> list[Path]:
    """Return the files of the build itself, without those for other programs."""
    others = (*PLUGIN_FOLDERS, RECORDER_FOLDER, UPDATES_FOLDER)

    def is_own(path: Path) -> bool:
        first = path.relative_to(directory).parts[0]
        return first not in others and not first.startswith(PACKAGE_PREFIX)

    return sorted(path for path in directory.rglob(pattern) if path.is_file() and is_own(path))


def _misfit(directory: Path, found: str) -> Problem:
    allowed = "the sources that the manifest describes"
    return Problem(f"build '{directory.name}'", found, allowed, "export the network again")


def _aligned_buffer(size: int) -> NDArray[np.uint8]:
    try:
        block = np.zeros(size + ALIGN, np.uint8)
    except MemoryError as error:
        problem = Problem(
            "memory",
            f"the manifest wants {size:,} bytes",
            "what is free",
            "export the network again",
        )
        raise UsageError(problem) from error
    start = -block.ctypes.data % ALIGN
    return block[start : start + size]


def _aligned_tensor(tensor: Tensor) -> Array:
    dtype, count = np.dtype(tensor.dtype), math.prod(tensor.shape)
    return _aligned_buffer(dtype.itemsize * count).view(dtype).reshape(tensor.shape)


def _pointers(arrays: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))
