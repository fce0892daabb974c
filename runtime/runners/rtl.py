"""An engine build whose layers its RTL runs, simulated by Verilator with DRAM."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array, Int8
from edgekit.base.errors import ToolError, VerificationError
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.engine import Engine
from edgekit.runtime.runners.fpga import FpgaRunner, Layers

NO_VERILATOR = "no verilator: apt-get install verilator make g++"
TOP = "ek_top"
MAIN = "sim_host"


def verilator_command(top: str, modules: Sequence[str], main: str, build: str) -> list[str]:
    """Return the command that compiles a simulation in the folder of its sources to ``<build>/<main>``.

    Warnings are errors, assertions are on, and unset values begin as random bits.
    """
    return [
        "verilator", "--cc", "--exe", "--build", "-O3", "--x-assign", "unique", "--x-initial", "unique", "--assert",
        "-Wall", "-Wno-DECLFILENAME", "-Wno-UNUSEDSIGNAL", "--top-module", top,
        "--Mdir", build, "-o", main, "-CFLAGS", "-O1", *modules, f"{main}.cpp",
    ]  # fmt: skip


def verilate(folder: Path, command: Sequence[str]) -> None:
    """Run a `verilator_command` in a folder; raises `ToolError` where verilator is missing or fails."""
    if shutil.which(command[0]) is None:
        raise ToolError(NO_VERILATOR)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"verilator failed: {done.stderr.strip()[-2000:]}")


class Simulation:
    """The RTL of a build in a program that Verilator made: registers and memory of an `Engine`."""

    def __init__(self, directory: Path) -> None:
        """Compile the RTL of a build folder and start it.

        Raises `ToolError` where verilator is missing or fails.
        """
        self._place = tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        self._folder = Path(self._place.name)
        shutil.copytree(directory / "rtl", self._folder / "rtl")
        modules = sorted(path.name for path in (self._folder / "rtl").glob("ek_*.sv"))
        verilate(self._folder / "rtl", verilator_command(TOP, modules, MAIN, "build"))
        self._memory = self._folder / "memory.bin"
        self._errors = (self._folder / "errors.txt").open("w+")
        self._process = subprocess.Popen(
            [str(self._folder / "rtl" / "build" / MAIN), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def read(self, address: int) -> int:
        """A register."""
        return self._ask("read", address)[0]

    def write(self, address: int, value: int) -> None:
        """Set a register."""
        self._ask("write", address, value)

    def load(self, address: int, content: bytes) -> None:
        """Write memory."""
        self._memory.write_bytes(content)
        self._ask("load", address, len(content))

    def save(self, address: int, size: int) -> bytes:
        """Read memory."""
        self._ask("save", address, size)
        return self._memory.read_bytes()

    def idle(self) -> None:
        """Let the clock run until the interrupt, or for a while."""
        self._ask("wait")

    def moved(self) -> tuple[int, int]:
        """Bytes of memory that were read, and written, until now."""
        return self._ask("moved")

    def _ask(self, *words: str | int) -> tuple[int, int]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(*words, file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise VerificationError(f"RTL simulation: {self._errors.read().strip()[-2000:]}")
        first, second = map(int, line.split())
        return first, second

    def __del__(self) -> None:
        """End the simulation."""
        if process := self.__dict__.get("_process"):
            process.stdin.close()
            process.wait()
            process.stdout.close()
            self._errors.close()


class RtlRunner(FpgaRunner):
    """One engine build: the RTL runs its layers, the CPU the rest; `took` returns the cycles."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Compile the build's RTL for this machine.

        Raises as `FpgaRunner` does, and `ToolError` where verilator is missing or fails.
        """
        super().__init__(directory, manifest)
        self.simulation = Simulation(directory)
        self._engine = Engine(
            self.simulation,
            self._program,
            self._library.edgekit_engine_image_bytes(),
            len(self._dram),
        )
        self._clock_mhz = float(dict(manifest.engine or {}).get("clock_mhz", 0))
        self._counts: list[tuple[int, ...]] = []

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one picture; return the outputs and the nanoseconds that the simulation took."""
        self._counts.append((0, 0, 0, 0))
        return super().process(inputs)

    def took(self) -> str:
        """Return the costs of the pictures so far."""
        cycles, stalls, read, written = (max(row) for row in zip(*self._counts, strict=True))
        rate = (
            f", {1e6 * self._clock_mhz / cycles:.1f} a second at {self._clock_mhz:g} MHz (assumed)"
        )
        return (
            f"RTL, simulated with DRAM: {len(self._counts)} pictures, {cycles:,} cycles each at most, "
            f"{stalls:,} of them waiting{rate if self._clock_mhz else ''}; {read:,} bytes read, {written:,} written"
        )

    def _simulate(self, stage: Layers, pixels: Int8) -> None:
        engine, before = self._engine, self.simulation.moved()
        engine.write_image(pixels.tobytes())
        engine.write_dram(self._dram.tobytes())
        engine.start(stage.first, stage.count)
        engine.wait()
        self._dram[:] = np.frombuffer(engine.read_dram(), np.int8)
        moved = (now - then for now, then in zip(self.simulation.moved(), before, strict=True))
        added = (*engine.counters(), *moved)
        self._counts[-1] = tuple(a + b for a, b in zip(self._counts[-1], added, strict=True))
