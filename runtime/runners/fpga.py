"""An engine build in this process: the C simulation of the FPGA's layers, the generated C of the CPU's parts."""

import ctypes
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.arrays import Array, Float32, Int8, Int32
from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.toolchain import CXX_NAMES, Compiler, ask, compile_sources

STAGES_NAME = "stages.json"

NO_COMPILER = "no C++ compiler: apt-get install g++"
FLAGS = ("-std=c++17", "-O3", "-Wall", "-Wno-unknown-pragmas", "-fPIC", "-I.", "-Iheaders")
SOURCES = (
    "ek_program.cpp",
    "ek_fetch.cpp",
    "ek_dense.cpp",
    "ek_depthwise.cpp",
    "ek_pool.cpp",
    "ek_store.cpp",
    "ek_engine.cpp",
    "ek_host.cpp",
)
S8 = Int8
F32 = Float32


@dataclass(frozen=True)
class Port:
    """A tensor ``(1, channels, height, width)`` in float that is int8 in the engine's DRAM.

    Attributes:
        name: in the network.
        shape: channels, height, width.
        scale: of its integers.
        zero_point: of its integers.
        places: of each element its byte in DRAM.
    """

    name: str
    shape: tuple[int, int, int]
    scale: float
    zero_point: int
    places: Int32

    def read(self, dram: S8) -> F32:
        """Return the contents of DRAM, in float."""
        stored = dram[self.places].astype(np.float32)
        real = np.float32(self.scale) * (stored - np.float32(self.zero_point))
        return real.reshape(1, *self.shape)

    def write(self, dram: S8, x: F32) -> None:
        """Quantize into DRAM."""
        dram[self.places] = quantize_input(x, self.scale, self.zero_point).ravel()


@dataclass(frozen=True)
class CpuPart:
    """A part of the network that the CPU computes between layers of the engine.

    Attributes:
        folder: of its C build, relative to the engine's.
        inputs: names of its inputs, in the order of its build.
        outputs: names of its outputs.
        reads: those of `inputs` that the engine made.
        writes: those of `outputs` that the engine reads.
    """

    folder: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reads: tuple[Port, ...]
    writes: tuple[Port, ...]


@dataclass(frozen=True)
class Layers:
    """A run of the engine: `count` layers of its program, from `first` on."""

    first: int
    count: int


def quantize_input(x: F32, scale: float, zero_point: int) -> S8:
    """``saturate(round_half_even(x / scale) + zero_point)`` in float32; NaN becomes zero_point."""
    steps = np.rint(np.nan_to_num(x.astype(np.float32) / np.float32(scale), nan=0.0))
    stored: S8 = np.clip(steps + zero_point, -128, 127).astype(np.int8)
    return stored


def pack_lanes(x: S8, lanes: int) -> S8:
    """An input ``(channels, height, width)`` as the engine reads it: planes of pixels of `lanes` bytes."""
    planes = -(-len(x) // lanes)
    padded = np.pad(x, ((0, planes * lanes - len(x)), (0, 0), (0, 0)))
    pixels: S8 = padded.reshape(planes, lanes, *x.shape[1:]).transpose(0, 2, 3, 1)
    return pixels


class FpgaRunner:
    """One engine build: pictures in, the network's outputs out, as the FPGA and its CPU would compute them.

    Its C++ and C code run in this process: load only builds that you would compile yourself.
    """

    compiler: Compiler | None = None

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Compile the build for this machine.

        Raises:
            UsageError: files are missing, or the manifest does not describe them.
            ToolError: no compiler, or it refused the sources.
        """
        self.outputs = {tensor.name: tensor.shape for tensor in manifest.stream_outputs}
        try:
            self._read(directory)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            found, allowed = f"{STAGES_NAME} or hls/data: {error}", "what the export wrote"
            where = f"build '{directory.name}'"
            raise UsageError(Problem(where, found, allowed, "export the network again")) from error
        self._library = _library(directory / "hls")
        self._dram = np.zeros(self._library.edgekit_engine_dram_bytes(), np.int8)
        self._check(directory, manifest)
        parts = [stage for stage in self._stages if isinstance(stage, CpuPart)]
        self._parts = {part.folder: _open_cpu_part(part, directory / part.folder) for part in parts}

    def _read(self, directory: Path) -> None:
        facts = json.loads((directory / STAGES_NAME).read_text(encoding="utf-8"))
        data = directory / "hls" / "data"
        self._program = np.fromfile(data / "program.bin", "<u4")
        image = facts["image"]
        self._image = str(image["name"])
        self._scale, self._zero = float(image["scale"]), int(image["zero_point"])
        self._lanes = int(image["lanes"])
        self._results = _ports(facts["outputs"], data / "outputs.bin")
        self._stages = [_stage(stage, data) for stage in facts["stages"]]

    def _check(self, directory: Path, manifest: Manifest) -> None:
        """Refuse numbers that would make the simulation read or write where it must not."""
        (image,) = manifest.stream_inputs
        where = f"build '{directory.name}'"
        words = _pointer(self._program), len(self._program)
        if error := self._library.edgekit_engine_check(*words):
            found = f"hls/data/program.bin: error {error} of hls/program_format.h"
            again = "export the network again"
            raise UsageError(Problem(where, found, "the program of its sources", again))
        layers = self._library.edgekit_engine_layers(words[0])
        ports = [*self._results]
        for stage in self._stages:
            if isinstance(stage, CpuPart):
                ports += [*stage.reads, *stage.writes]
        channels, height, width = image.shape[1:]
        size = -(-channels // self._lanes) * self._lanes * height * width
        fits = (
            size == self._library.edgekit_engine_image_bytes()
            and all(((p.places >= 0) & (p.places < len(self._dram))).all() for p in ports)
            and all(
                0 <= s.first <= s.first + s.count <= layers
                for s in self._stages
                if isinstance(s, Layers)
            )
        )
        if not fits:
            found, allowed = "sizes that do not fit its sources", "the files of one export"
            raise UsageError(Problem(where, found, allowed, "export the network again"))

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one picture; return the outputs and the nanoseconds that the simulation took."""
        start = time.perf_counter_ns()
        (picture,) = inputs
        self._dram[:] = 0
        floats: dict[str, F32] = {self._image: np.asarray(picture, np.float32)}
        stored = quantize_input(floats[self._image][0], self._scale, self._zero)
        pixels = np.ascontiguousarray(pack_lanes(stored, self._lanes))
        for stage in self._stages:
            if isinstance(stage, Layers):
                self._simulate(stage, pixels)
            else:
                floats |= {port.name: port.read(self._dram) for port in stage.reads}
                floats |= self.compute(stage.folder, floats)
                for port in stage.writes:
                    port.write(self._dram, floats[port.name])
        floats |= {port.name: port.read(self._dram) for port in self._results}
        made = [floats[name].reshape(shape) for name, shape in self.outputs.items()]
        return made, time.perf_counter_ns() - start

    def compute(self, folder: str, floats: Mapping[str, F32]) -> dict[str, F32]:
        """Return the outputs of the CPU part in a folder; its inputs are among `floats`."""
        part, shapes, engine = self._parts[folder]
        made, _ = engine.process([floats[name].reshape(shapes[name]) for name in part.inputs])
        return dict(zip(part.outputs, made, strict=True))

    def _simulate(self, stage: Layers, pixels: S8) -> None:
        error = self._library.edgekit_engine(
            _pointer(self._program),
            stage.first,
            stage.count,
            _pointer(pixels),
            _pointer(self._dram),
        )
        if error:
            found = f"layers {stage.first} to {stage.first + stage.count - 1} of hls/data/program.bin: error {error}"
            allowed = "layers that its sources can run"
            raise UsageError(Problem("this build", found, allowed, "export the network again"))

    def session(self, constants: Sequence[Array]) -> None:
        """Engines have no session constants."""

    def end(self, valid_samples: int) -> None:
        """Pictures are independent of each other."""

    def seed(self, seed: int) -> None:
        """No build of this kind draws noise."""

    def reset(self) -> None:
        """Pictures are independent of each other."""


def _open_cpu_part(
    part: CpuPart, folder: Path
) -> tuple[CpuPart, Mapping[str, tuple[int, ...]], NativeRunner]:
    """A part of the CPU, the shapes of its inputs, and its build, compiled."""
    manifest = Manifest.load(folder)
    shapes = {tensor.name: tensor.shape for tensor in manifest.stream_inputs}
    return part, shapes, NativeRunner.open(folder, manifest)


def find_cxx() -> str:
    """Return the first C++ compiler of this machine; raises `ToolError` if none exists."""
    compiler = next((name for name in CXX_NAMES if shutil.which(name)), None)
    if compiler is None:
        raise ToolError(NO_COMPILER)
    return compiler


def compile_cxx(folder: Path, sources: Sequence[str], output: Path, *link: str) -> None:
    """Compile sources of an engine's hls/ folder and link them into `output`.

    Raises `ToolError` without a compiler, or where it fails.
    """
    name = find_cxx()
    compiler = ask((name,))
    if compiler is None:
        raise ToolError(f"{name} does not answer --version; {NO_COMPILER}")
    compile_sources(compiler, FLAGS, sources, link, output.resolve(), folder)


def _library(folder: Path) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as place:
        output = Path(place) / "engine.so"
        compile_cxx(folder, SOURCES, output, "-shared", "-Wl,-Bsymbolic")
        library = ctypes.CDLL(str(output))
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    library.edgekit_engine.argtypes = [pointer, number, number, pointer, pointer]
    library.edgekit_engine.restype = number
    library.edgekit_engine_check.argtypes = [pointer, number]
    library.edgekit_engine_layers.argtypes = [pointer]
    return library


def _stage(facts: Mapping[str, Any], data: Path) -> Layers | CpuPart:
    if "layers" in facts:
        first, count = facts["layers"]
        return Layers(int(first), int(count))
    folder = str(facts["cpu"])
    if Path(folder).parts != ("cpu", Path(folder).name):
        raise ValueError(f"a part in {folder!r}")
    name = folder.replace("/", "_")
    return CpuPart(
        folder,
        tuple(map(str, facts["inputs"])),
        tuple(map(str, facts["outputs"])),
        _ports(facts["reads"], data / f"{name}_reads.bin"),
        _ports(facts["writes"], data / f"{name}_writes.bin"),
    )


def _ports(rows: Sequence[Mapping[str, Any]], path: Path) -> tuple[Port, ...]:
    places = np.fromfile(path, "<i4")
    ports, first = [], 0
    for row in rows:
        channels, height, width = (int(size) for size in row["shape"])
        count = channels * height * width
        own = places[first : first + count]
        if len(own) != count:
            raise ValueError(f"{path.name} is too short for {row['name']!r}")
        shape = channels, height, width
        ports.append(
            Port(str(row["name"]), shape, float(row["scale"]), int(row["zero_point"]), own)
        )
        first += count
    return tuple(ports)


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
