"""A build for WebAssembly: its C compiled to a module, and the module run in wasmtime."""

import ctypes
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import CheckFailed, Problem, ToolError, UsageError
from edgekit.base.installation import install_extra
from edgekit.runtime.build_folder.manifest import NETWORKS_FOLDER, Manifest, Tensor
from edgekit.runtime.runners.toolchain import ALONE, Compiler, ask, compile_sources, zig

if TYPE_CHECKING:
    from wasmtime import Func, Instance, Memory

HOW_TO_GET = install_extra("wasm")
# No C library but zig's own memcpy and its like: the module imports nothing.
FLAGS = (
    "-target",
    "wasm32-freestanding",
    "-std=c99",
    "-O3",
    "-msimd128",
    "-ffp-contract=off",
    "-fno-trapping-math",
    ALONE,
    "-I.",
)
STACK_BYTES = 1 << 20
LINK = ("-Wl,--no-entry", "-Wl,--strip-debug", f"-Wl,-z,stack-size={STACK_BYTES}")
ALIGN = 64
PAGE_BYTES = 1 << 16


def exported_symbols(manifest: Manifest, has_adapter: bool) -> list[str]:
    """Return the symbols that the module exports of a build's C: its functions, and the start of free memory."""
    there = {
        "init": True,
        "reset": True,
        "process": True,
        "session": bool(manifest.constants),
        "seed": manifest.noise is not None,
        "end": manifest.stream["end_state"] is not None,
        "adapter_bytes": has_adapter,
        "adapter_init": has_adapter,
        "adapter_process": has_adapter,
        "draw": manifest.steps is not None,
    }
    return [*(f"{manifest.c_name}_{name}" for name, is_there in there.items() if is_there), BASE]


BASE = "__heap_base"


def compile_module(directory: Path, manifest: Manifest) -> Compiler:
    """Compile a build's C into ``<name>.wasm`` next to it; return the compiler.

    Raises:
        ToolError: no ziglang, or it failed.
    """
    compiler = ask(zig()) if importlib.util.find_spec("ziglang") else None
    if compiler is None:
        raise ToolError(f"no compiler for WebAssembly: ziglang is not installed; {HOW_TO_GET}")
    name = manifest.c_name
    sources = sorted(path.name for path in directory.glob("*.c"))
    table = manifest.steps
    others = [
        Manifest.load(directory / NETWORKS_FOLDER / role)
        for role in (table.networks if table else ())
    ]
    shown = exported_symbols(manifest, f"{name}_adapter.c" in sources)
    shown += [
        symbol for other in others for symbol in exported_symbols(other, False) if symbol != BASE
    ]
    link = [*LINK, *(f"-Wl,--export={symbol}" for symbol in shown)]
    output = (directory / f"{name}.wasm").resolve()
    compile_sources(compiler, FLAGS, sources, link, output, directory)
    output.chmod(0o644)
    return compiler


class WasmRunner:
    """One instance of a module, with its state, its scratch memory and one hop of data in its own memory."""

    def __init__(self, directory: Path, manifest: Manifest, module: Path | None = None) -> None:
        """Load ``<name>.wasm``, or a module that contains this network and others.

        Raises:
            UsageError: there is none, or it is not the module that the manifest describes.
            ToolError: no wasmtime.
        """
        try:
            import wasmtime
        except ImportError as error:
            raise ToolError(f"wasmtime is not installed; {HOW_TO_GET}") from error
        self._name, self._failed = manifest.c_name, wasmtime.WasmtimeError
        self.module = module or directory / f"{self._name}.wasm"
        self._told: Callable[[int, int], int] = lambda _done, _rows: 0
        self._store = wasmtime.Store()
        try:
            instance = self._instantiate()
        except OSError as error:
            raise UsageError(_misfit(directory, error.strerror or "no .wasm file")) from error
        except wasmtime.WasmtimeError as error:
            raise UsageError(_misfit(directory, str(error).partition("\n")[0])) from error
        self._exports = instance.exports(self._store)
        shown = exported_symbols(manifest, False)
        missing = [name for name in (*shown, "memory") if name not in self._exports]
        if missing:
            raise UsageError(_misfit(directory, f"{self.module.name} without {', '.join(missing)}"))
        self._memory: Memory = self._exports["memory"]  # type: ignore[assignment]
        self._end: int = self._exports[BASE].value(self._store)  # type: ignore[union-attr]
        self._process = self._function("process")
        self._label = manifest.tools.get("cc", "zig cc, clang ?")
        state_bytes = manifest.memory["state_bytes"] or 0
        state = self._reserve(state_bytes)
        self._scratch = self._reserve(manifest.memory["scratch_bytes"] or 0)
        self._inputs = _Ports(self, manifest.hop_inputs)
        self._outputs = _Ports(self, manifest.stream_outputs)
        self._constants = _Ports(self, manifest.constants)
        self._sampling: tuple[_Ports, int] | None = None
        self._net = self._function("init")(self._store, state, state_bytes)
        if not self._net:
            raise UsageError(_misfit(directory, f"it refuses a state of {state_bytes} bytes"))

    def _instantiate(self) -> "Instance":
        import wasmtime

        loaded = wasmtime.Module(self._store.engine, self.module.read_bytes())
        int32 = wasmtime.ValType.i32()
        progress = wasmtime.Func(
            self._store,
            wasmtime.FuncType([int32, int32], [int32]),
            lambda done, rows: self._told(done, rows),
        )
        imports = [progress for _ in loaded.imports]  # a sampler's, if any
        return wasmtime.Instance(self._store, loaded, imports)

    def _function(self, name: str) -> "Func":
        return self._exports[f"{self._name}_{name}"]  # type: ignore[return-value]

    def _reserve(self, size: int) -> int:
        """The address of `size` free bytes, all 0."""
        at = -(-self._end // ALIGN) * ALIGN
        self._end = at + size
        missing = self._end - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // PAGE_BYTES))
        return at

    def write(self, at: int, content: bytes) -> None:
        """Put bytes into the module's memory."""
        self._memory.write(self._store, content, at)

    def read(self, at: int, size: int) -> bytearray:
        """Bytes of the module's memory."""
        return self._memory.read(self._store, at, at + size)

    @property
    def compiler(self) -> Compiler | None:
        """The compiler that made the module, without a command."""
        name, _, version = self._label.rpartition(" ")
        return Compiler((), name, version)

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one hop; return the outputs and the nanoseconds of the call, Python's part included."""
        self._inputs.put(inputs)
        start = time.perf_counter_ns()
        try:
            code = self._process(
                self._store, self._net, self._scratch, self._inputs.struct, self._outputs.struct
            )
        except self._failed as error:
            raise CheckFailed(f"the build's module trapped: {error}") from error
        elapsed = time.perf_counter_ns() - start
        if code != 0:
            raise CheckFailed(f"the build's process function returned {code}")
        return self._outputs.take(), elapsed

    def session(self, constants: Sequence[Array]) -> None:
        """Take the session constants."""
        self._constants.put(constants)
        given = self._net, self._scratch, self._constants.struct
        if (code := self._function("session")(self._store, *given)) != 0:
            raise CheckFailed(f"the build's session function returned {code}")

    def sample(
        self,
        seed: int,
        conditions: Sequence[Array],
        out: Float32,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Draw one image into `out` with the build's own loop; `conditions` as its struct lists them."""
        given = [
            Tensor(f"given {number}", array.shape, array.dtype.name, "stream")
            for number, array in enumerate(conditions)
        ]
        if self._sampling is None:
            self._sampling = _Ports(self, given), self._reserve(out.nbytes)
        ports, at = self._sampling
        ports.put(conditions)
        arguments = [self._net, self._scratch, ctypes.c_int64(seed).value]
        arguments += [ports.struct] if conditions else []
        self._told = lambda done, rows: 0 if progress is None else progress(done, rows) or 0
        try:
            code = self._function("draw")(self._store, *arguments, at)
        except self._failed as error:
            raise CheckFailed(f"the build's module trapped: {error}") from error
        if code != 0:
            raise CheckFailed(f"the build's sample function returned {code}")
        out[...] = np.frombuffer(self.read(at, out.nbytes), np.float32).reshape(out.shape)

    def end(self, valid_samples: int) -> None:
        """Declare that the stream ends in the next hop, after this number of its samples."""
        if f"{self._name}_end" in self._exports:
            self._function("end")(self._store, self._net, valid_samples)

    def seed(self, seed: int) -> None:
        """Draw noise of this seed, from its beginning."""
        if f"{self._name}_seed" in self._exports:
            self._function("seed")(self._store, self._net, ctypes.c_int64(seed).value)

    def reset(self) -> None:
        """Return to the state of a fresh instance."""
        self._function("reset")(self._store, self._net)


class _Ports:
    """Arrays of one side in the module's memory, and the struct of pointers to them."""

    def __init__(self, runner: WasmRunner, tensors: Sequence[Tensor]) -> None:
        self._runner = runner
        self.struct = runner._reserve(4 * max(len(tensors), 1))
        self._rows = []
        for number, tensor in enumerate(tensors):
            dtype = np.dtype(tensor.dtype)
            size = dtype.itemsize * math.prod(tensor.shape)
            at = runner._reserve(size)
            runner.write(self.struct + 4 * number, at.to_bytes(4, "little"))
            self._rows.append((at, size, dtype, tensor.shape))

    def put(self, arrays: Sequence[Array]) -> None:
        for (at, _, dtype, shape), array in zip(self._rows, arrays, strict=True):
            self._runner.write(at, np.asarray(array, dtype).reshape(shape).tobytes())

    def take(self) -> list[Array]:
        return [
            np.frombuffer(self._runner.read(at, size), dtype).reshape(shape).copy()
            for at, size, dtype, shape in self._rows
        ]


def _misfit(directory: Path, found: str) -> Problem:
    allowed = "the module that the manifest describes"
    return Problem(f"build '{directory.name}'", found, allowed, "export the network again")
