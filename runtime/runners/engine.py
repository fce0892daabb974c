"""The driver of an engine in Python: as `driver/ek_driver.c` of a build, on any registers and memory."""

from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import Problem, UsageError, VerificationError

REGISTERS = (
    *("control", "status", "interrupt", "layers", "program", "image"),
    *("dram", "cycles", "stalls", "engine", "version"),
)
"""Behind AXI4-Lite, each of 4 bytes, from address 0 on."""
ERRORS = (
    *("none", "magic", "version", "engine", "memory"),
    *("layers", "address", "digest", "bus", "aborted"),
)
"""What the error register says, from 0 on; the digest is the host's to check."""
START, ABORT, BUSY, ENDED, CLEAR = 1, 2, 1, 2, 2
LINE_BYTES = 64  # memory is read by lines: each area begins at one
VERSION_WORD, ENGINE_WORD = 1, 4  # of the program's header


class Platform(Protocol):
    """Registers and memory, as the engine sees them."""

    def read(self, address: int) -> int:
        """A register."""

    def write(self, address: int, value: int) -> None:
        """Set a register."""

    def load(self, address: int, content: bytes) -> None:
        """Write memory."""

    def save(self, address: int, size: int) -> bytes:
        """Read memory."""

    def idle(self) -> None:
        """Sleep, while a run goes on, until the interrupt or for a while."""


class State(NamedTuple):
    """The state of an engine: whether a run goes on or has ended, its error, and the present layer."""

    busy: bool
    ended: bool
    error: str
    layer: int


class Counters(NamedTuple):
    """Cycles of the last run, and those in which a data path waited."""

    cycles: int
    stalls: int


@dataclass(frozen=True)
class Areas:
    """The addresses of the program, the input and DRAM, and the end of memory."""

    program: int
    image: int
    dram: int
    end: int


class Engine:
    """An engine with its program in memory: `start`, `status`, `wait`, `abort`, `counters`."""

    def __init__(
        self,
        platform: Platform,
        program: NDArray[np.uint32],
        image_bytes: int,
        dram_bytes: int,
        address: int = 0,
    ) -> None:
        """Load the words of program.bin at `address` in memory, and set up the engine.

        Raises:
            UsageError: the registers are those of another engine than the program's, or the address is no multiple of
                `LINE_BYTES`.
        """
        self.platform, self.dram_bytes = platform, dram_bytes
        sizes = (4 * len(program), image_bytes, dram_bytes)
        lines = [-(-size // LINE_BYTES) * LINE_BYTES for size in sizes]
        self.areas = Areas(*accumulate(lines, initial=address))
        wanted = int(program[ENGINE_WORD]), int(program[VERSION_WORD])
        found = self._get("engine"), self._get("version")
        if address % LINE_BYTES or found != wanted:
            seen = f"engine 0x{found[0]:08x} of version {found[1]} at address {address:#x}"
            allowed = (
                f"engine 0x{wanted[0]:08x} of version {wanted[1]}, at a multiple of {LINE_BYTES}"
            )
            raise UsageError(Problem("the engine", seen, allowed, "load the build's own bitstream"))
        platform.load(self.areas.program, program.astype("<u4").tobytes())
        for name in ("program", "image", "dram"):
            self._set(name, getattr(self.areas, name))
        self._set("interrupt", 1)

    def write_image(self, content: bytes) -> None:
        """Write the input, planes of pixels."""
        self.platform.load(self.areas.image, content)

    def write_dram(self, content: bytes) -> None:
        """Write DRAM from its beginning on."""
        self.platform.load(self.areas.dram, content)

    def read_dram(self) -> bytes:
        """Return the contents of DRAM."""
        return self.platform.save(self.areas.dram, self.dram_bytes)

    def start(self, first: int, layers: int) -> None:
        """Begin a run of `layers` layers from `first` on.

        Raises `UsageError` where one goes on.
        """
        if self.status().busy:
            raise UsageError(Problem("the engine", "a run goes on", "one run", "wait or abort"))
        self._set("layers", first | layers << 16)
        self._set("control", START)

    def status(self) -> State:
        """Return the state of the engine."""
        word = self._get("status")
        error = word >> 8 & 15
        name = ERRORS[error] if error < len(ERRORS) else f"error {error}"
        return State(bool(word & BUSY), bool(word & ENDED), name, word >> 16)

    def wait(self) -> State:
        """Wait for the end of a run.

        Raises `VerificationError` where the engine ended it with an error.
        """
        while (state := self.status()).busy:
            self.platform.idle()
        self._set("interrupt", 1 | CLEAR)
        if state.error not in ("none", "aborted"):
            raise VerificationError(
                f"the engine ended a run in layer {state.layer}: '{state.error}' of `edgekit help fpga-program`"
            )
        return state

    def abort(self) -> State:
        """End a run; return when memory has answered for all that was asked."""
        self._set("control", ABORT)
        return self.wait()

    def counters(self) -> Counters:
        """Return the cycles of the last run, and its stalls."""
        return Counters(self._get("cycles"), self._get("stalls"))

    def _get(self, name: str) -> int:
        return self.platform.read(4 * REGISTERS.index(name))

    def _set(self, name: str, value: int) -> None:
        self.platform.write(4 * REGISTERS.index(name), value)
