"""`EngineSpec`: one value that describes an engine; RTL, HLS C++, cycles and resources are made from it."""

from dataclasses import dataclass
from typing import Literal

from edgekit.base.errors import Problem, UsageError

Variant = Literal["plain", "full", "depthwise", "bounded", "square", "rounded"]

DMAX = 7  # the largest dilation: d is an unsigned 4-bit integer, and 16 rows hold its reach
MULTIPLIER_BITS = 16  # mantissa of the requantization multiplier
TAPS = 9


@dataclass(frozen=True)
class EngineSpec:
    """An engine of two data paths: a 1x1 array and a line-buffered deformable depthwise 3x3.

    Attributes:
        lanes: channels of one beat: bytes that the buffer gives in a cycle, inputs of the 1x1 array, and
            channels that the depthwise path works on at once.
        columns: output channels that the 1x1 array works on at once: it has ``lanes * columns`` multipliers.
        dmax: the largest dilation, 1..7.
        weight_bits: 8 or 4; activations have 8.
        line_beats: beats that a row of the line buffer holds: width times channel groups of one pass.
        buffer_beats: beats of the on-chip activation buffer.
        weight_beats: rows of the 1x1 array's weight memory, each ``lanes * columns`` weights.
        groups: channel groups whose biases and multipliers are on chip at once.
        accumulator_bits: of the sums; taken from the weights of what the engine runs.
        port_bytes: that the memory port moves in a cycle.
        clock_mhz: of everything.
    """

    lanes: int = 16
    columns: int = 16
    dmax: int = DMAX
    weight_bits: int = 4
    line_beats: int = 512
    buffer_beats: int = 25_600
    weight_beats: int = 512
    groups: int = 64
    accumulator_bits: int = 24
    port_bytes: int = 8
    clock_mhz: float = 250.0

    def __post_init__(self) -> None:
        """Raise `UsageError` for values that no engine can have."""
        problems = [
            Problem(f"engine {name}", str(found), allowed, "choose another")
            for name, found, fits, allowed in (
                ("dmax", self.dmax, 1 <= self.dmax <= DMAX, f"1..{DMAX}"),
                ("weight_bits", self.weight_bits, self.weight_bits in (4, 8), "4 or 8"),
                ("lanes", self.lanes, 1 <= self.lanes <= 64, "1..64"),
                (
                    "columns",
                    self.columns,
                    self.columns % self.lanes == 0 or self.lanes % self.columns == 0,
                    f"a multiple or a divisor of its {self.lanes} lanes",
                ),
            )
            if not fits
        ]
        if problems:
            raise UsageError(problems)

    @property
    def lead_rows(self) -> int:
        """Rows that the line buffer takes in before a pixel at d = dmax can be computed: dmax + 1.

        The row of the pixel itself and the dmax rows below it must be complete; the row being written is one more.
        """
        return self.dmax + 1

    @property
    def line_rows(self) -> int:
        """Rows of the line buffer: at least 2 * dmax + 2, a power of two, so that a row's bank is its low bits."""
        return 1 << (2 * self.dmax + 1).bit_length()
