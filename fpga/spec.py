"""`EngineSpec`: one value that describes an engine; RTL, C simulation, cycles and resources are made from it."""

from dataclasses import dataclass
from typing import Literal

from edgekit.base.errors import Problem, UsageError

Goal = Literal["fps", "small"]
GOALS: tuple[Goal, ...] = ("fps", "small")  # the goals of a search for an engine
Datapath = Literal["rtl", "hls"]
DATAPATHS: tuple[Datapath, ...] = ("rtl", "hls")  # hand-written, or compiled by XLS
RECIPES = {"w4a8": 4, "w8a8": 8}  # name -> bits of its weights
Variant = Literal["plain", "full", "depthwise", "bounded", "square", "rounded"]

DMAX = 7  # the largest dilation: d is an unsigned 4-bit integer, and 16 rows hold its reach
MULTIPLIER_BITS = 16  # mantissa of the requantization multiplier
TAPS = 9
MOST_SIDE = 4095  # pixels of a picture's side that the depthwise path counts
MOST_PLANES = 4096  # that a layer reads
MOST_COUNT = (1 << 20) - 1  # pixels, and groups of output channels, that the dense path counts
MOST_ACCUMULATOR_BITS = 32


@dataclass(frozen=True)
class EngineSpec:
    """An engine of two data paths: a 1x1 array and a line-buffered deformable depthwise 3x3.

    Attributes:
        lanes: channels of one beat. These are the bytes that the buffer gives in a cycle, the inputs of the 1x1 array,
            and the channels that the depthwise path processes at once.
        columns: output channels that the 1x1 array works on at once: it has ``lanes * columns`` multipliers.
        dmax: the largest dilation, 1..7.
        weight_bits: 8 or 4; activations have 8.
        line_beats: beats that a row of the line buffer holds: width times channel groups of one pass.
        buffer_beats: beats of the on-chip activation buffer.
        weight_beats: rows of the 1x1 array's weight memory, each ``lanes * columns`` weights, in two banks: one is
            used while the other is filled.
        plane_rows: planes that a layer may read: rows of the sequencer's table of addresses.
        groups: channel groups whose tables the depthwise path has on chip at once.
        accumulator_bits: of the sums; taken from the network's weights.
        port_bytes: bytes that the memory port moves in a cycle.
        clock_mhz: of everything.
        datapath: ``rtl`` for hand-written data paths, ``hls`` for those that XLS compiles.
    """

    lanes: int = 16
    columns: int = 16
    dmax: int = DMAX
    weight_bits: int = 4
    line_beats: int = 512
    buffer_beats: int = 25_600
    weight_beats: int = 512
    plane_rows: int = 512
    groups: int = 64
    accumulator_bits: int = 24
    port_bytes: int = 8
    clock_mhz: float = 250.0
    datapath: Datapath = "rtl"

    def __post_init__(self) -> None:
        """Raise `UsageError` for values that no engine can have."""
        beats, least = self.weight_beats, self.weight_bits + 10
        whole = self.columns % self.lanes == 0 or self.lanes % self.columns == 0
        power = beats >= 2 and beats & (beats - 1) == 0
        rows = (
            ("dmax", *_range_check(self.dmax, 1, DMAX)),
            ("weight_bits", self.weight_bits in (4, 8), "4 or 8"),
            ("lanes", *_range_check(self.lanes, 1, 64)),
            ("columns", whole, f"a multiple or a divisor of its {self.lanes} lanes"),
            ("weight_beats", power, "a power of two, 2 or more"),
            ("plane_rows", *_range_check(self.plane_rows, 1, MOST_PLANES)),
            ("line_beats", *_range_check(self.line_beats, 1, MOST_SIDE + 1)),
            ("groups", *_range_check(self.groups, 1, MOST_SIDE + 1)),
            (
                "accumulator_bits",
                *_range_check(self.accumulator_bits, least, MOST_ACCUMULATOR_BITS),
            ),
        )
        problems = [
            Problem(f"engine {name}", str(getattr(self, name)), allowed, "choose another")
            for name, fits, allowed in rows
            if not fits
        ]
        if problems:
            raise UsageError(problems)

    @property
    def bank_beats(self) -> int:
        """Rows of one bank of weights: the most that a group of output channels may have."""
        return self.weight_beats // 2

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


def _range_check(number: int, least: int, most: int) -> tuple[bool, str]:
    """Whether a number is in a range, and the range in words."""
    return least <= number <= most, f"{least}..{most}"
