"""An engine's driver in C, compiled, on registers and memory in Python; and such registers."""

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.runtime.runners.engine import ERRORS, REGISTERS, Platform
from edgekit.runtime.runners.toolchain import compilers

READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
SYNC = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
IDLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")


class CPlatform(ctypes.Structure):
    """`ek_platform`."""

    _fields_ = (
        ("context", ctypes.c_void_p),
        ("read", READ),
        ("write", WRITE),
        ("to_engine", SYNC),
        ("from_engine", SYNC),
        ("idle", IDLE),
    )


class CEngine(ctypes.Structure):
    """`ek_engine`."""

    _fields_ = (
        ("platform", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("address", ctypes.c_uint32),
    )


def compiled(directory: Path, output: Path) -> ctypes.CDLL:
    """The driver of a build, with the parts of its CPU, as a library."""
    parts = sorted((directory / "cpu").glob("*")) if (directory / "cpu").is_dir() else []
    sources = [
        *(directory / "driver").glob("*.c"),
        *(c for part in parts for c in part.glob("*.c")),
    ]
    command = [*compilers()[0].command, "-std=c99", "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    command += [*WARNINGS, *(f"-I{part}" for part in parts), *map(str, sources), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(output))


class Driver:
    """The driver on a platform: the CPU's memory is an array of its own, which only synchronisation keeps alike."""

    def __init__(self, library: ctypes.CDLL, directory: Path, platform: Platform, at: int) -> None:
        self.library, self.engine = library, CEngine()
        self.program = np.fromfile(directory / "hls" / "data" / "program.bin", "<u4")
        sizes = dict(
            line.split()[1:3]
            for name in ("ek_build.h", "ek_network.h")
            for line in (directory / "driver" / name).read_text().splitlines()
            if line.startswith("#define") and len(line.split()) == 3
        )
        memory, work = (int(sizes[f"EK_{n}_BYTES"].rstrip("u")) for n in ("MEMORY", "WORK"))
        self.memory = np.full(memory, 0x5A, np.uint8)
        self.work = np.zeros(work + 16, np.uint8)
        platform.load(at, bytes(memory))  # there is memory, whatever it holds
        first = self.memory.ctypes.data

        def to_engine(_: Any, data: int, size: int) -> None:
            offset = data - first
            assert 0 <= offset <= offset + size <= memory
            platform.load(at + offset, self.memory[offset : offset + size].tobytes())

        def from_engine(_: Any, data: int, size: int) -> None:
            offset = data - first
            found = np.frombuffer(platform.save(at + offset, size), np.uint8)
            self.memory[offset : offset + size] = found

        def idle(_: Any) -> int:
            platform.idle()
            return 0

        self.platform = CPlatform(
            None,
            READ(lambda _, address: platform.read(address)),
            WRITE(lambda _, address, value: platform.write(address, value)),
            SYNC(to_engine),
            SYNC(from_engine),
            IDLE(idle),
        )
        self.at = at

    def open(self, program: NDArray[np.uint32] | None = None) -> int:
        """`ek_open`."""
        words = np.ascontiguousarray(self.program if program is None else program)
        return int(
            self.library.ek_open(
                ctypes.byref(self.engine),
                ctypes.byref(self.platform),
                ctypes.c_void_p(self.memory.ctypes.data),
                ctypes.c_uint32(self.at),
                ctypes.c_void_p(words.ctypes.data),
                ctypes.c_uint32(len(words)),
            )
        )

    def call(self, name: str, *arguments: int) -> int:
        """A function of the engine that returns an int."""
        numbers = [ctypes.c_uint32(n) for n in arguments]
        return int(getattr(self.library, name)(ctypes.byref(self.engine), *numbers))

    def picture(
        self, x: NDArray[np.float32], shapes: Sequence[tuple[int, ...]]
    ) -> list[NDArray[np.float32]]:
        """`ek_picture`: the outputs of a picture."""
        given = np.ascontiguousarray(x, np.float32)
        made = [np.zeros(shape, np.float32) for shape in shapes]
        pointers = (ctypes.c_void_p * len(made))(*(array.ctypes.data for array in made))
        work = self.work.ctypes.data + -self.work.ctypes.data % 16
        error = self.library.ek_picture(
            ctypes.byref(self.engine),
            ctypes.c_void_p(work),
            ctypes.c_void_p(given.ctypes.data),
            pointers,
        )
        assert error == 0
        return made


class Model:
    """Registers and memory of an engine, as docs/reference/fpga-program.md has them; `simulate` runs layers on memory.

    A run ends after `idle` was called `patience` times.
    """

    def __init__(
        self, engine: int, version: int, simulate: Callable[["Model", int, int], None]
    ) -> None:
        self.registers = dict.fromkeys(REGISTERS, 0) | {"engine": engine, "version": version}
        self.memory, self.simulate = bytearray(b"\xa5" * (1 << 20)), simulate
        self.patience, self.left, self.pending = 1, -1, False

    def read(self, address: int) -> int:
        """A register."""
        name = REGISTERS[address // 4]
        if name == "status":
            busy = int(self.left >= 0)
            return busy | int(self.pending) << 1 | self.registers["status"] << 8
        return 0 if name == "control" else self.registers[name]

    def write(self, address: int, value: int) -> None:
        """Set a register."""
        name = REGISTERS[address // 4]
        if name == "control":
            if value & 1 and self.left < 0:
                self.left, self.pending = self.patience, False
                self.registers["status"] = 0
            if value & 2 and self.left >= 0:
                self._end(ERRORS.index("aborted"))
        elif name == "interrupt":
            self.pending = self.pending and not value & 2
            self.registers[name] = value & 1
        elif name in ("layers", "program", "image", "dram"):
            self.registers[name] = value

    def load(self, address: int, content: bytes) -> None:
        """Write memory."""
        assert self.left < 0, "the CPU writes while the engine runs"
        self.memory[address : address + len(content)] = content

    def save(self, address: int, size: int) -> bytes:
        """Read memory."""
        assert self.left < 0, "the CPU reads while the engine runs"
        return bytes(self.memory[address : address + size])

    def idle(self) -> None:
        """Go on with a run."""
        if self.left > 0:
            self.left -= 1
        elif self.left == 0:
            first, count = self.registers["layers"] & 0xFFFF, self.registers["layers"] >> 16
            self.simulate(self, first, count)
            self.registers["cycles"], self.registers["stalls"] = 1000 * count, 10 * count
            self._end(0)

    def _end(self, error: int) -> None:
        self.left, self.pending = -1, True
        self.registers["status"] = error
