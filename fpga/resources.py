"""Resources of an engine on a part: multipliers and block RAM in closed form, LUT and FF fitted to synthesis.

The closed forms are those that yosys 0.52 infers from the RTL; `docs/results/fpga.md` has the syntheses of the fits.
The sequencer is the rest: the program, addresses, the reader and the writer of memory, the pool, registers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.fpga.spec import MULTIPLIER_BITS, TAPS, EngineSpec
from edgekit.fpga.traffic import LINE, READ_SLOTS, WRITE_SLOTS


@dataclass(frozen=True)
class Part:
    """An FPGA.

    Attributes:
        name: of the part.
        family: ``xilinx`` or ``ecp5``: how multipliers and memories are counted.
        luts: LUT6 or LUT4.
        ffs: flip-flops.
        dsps: multipliers, DSP48 or MULT18X18D.
        rams: block RAMs, RAMB36 or DP16KD.
        clock_mhz: at which the engine is modelled.
        port_bytes: of the memory port per cycle.
    """

    name: str
    family: str
    luts: int
    ffs: int
    dsps: int
    rams: int
    clock_mhz: float
    port_bytes: int


PARTS = {
    part.name: part
    for part in (
        Part("XCZU3EG", "xilinx", 70_560, 141_120, 360, 216, 250.0, 8),
        Part("XC7Z020", "xilinx", 53_200, 106_400, 220, 140, 100.0, 8),
        Part("LFE5UM5G-85F", "ecp5", 83_640, 83_640, 156, 208, 75.0, 4),
    )
}
RAM_FORMS = ((36, 512), (18, 1024), (9, 2048))
"""Bits and rows of a DP16KD, or of half a RAMB36: bytes have 9 bits."""
FREE = 0.1  # of LUTs and block RAMs, that the search leaves: place and route needs room
WRITE_FORMS = {"xilinx": RAM_FORMS, "ecp5": RAM_FORMS[1:]}  # with an enable for each byte
HALVES = {"xilinx": 2, "ecp5": 1}  # of these in a block RAM as the part counts them


@dataclass(frozen=True)
class Fit:
    """LUT or FF: a constant, and numbers per lane, per column, per product, and per product's bit.

    Products' bits are those of the weights beyond 4. A sequencer's products are the weights of the array's rows that it
    makes. Its columns are the channels of their scaling: of the array, or of the depthwise path if that has more.
    """

    constant: float
    per_lane: float
    per_column: float = 0
    per_product: float = 0
    per_bit: float = 0

    def of(self, lanes: int, columns: int, products: int, weight_bits: int) -> float:
        """The estimate."""
        product = self.per_product + self.per_bit * (weight_bits - 4)
        channels = self.per_lane * lanes + self.per_column * columns
        return self.constant + channels + product * products


FITS: Mapping[str, Mapping[str, Fit]] = {
    "xilinx": {
        "depthwise luts": Fit(515, 914, per_bit=4.9),
        "depthwise ffs": Fit(327, 525, per_bit=3.4),
        "dense luts": Fit(216, 0, 288, 16.8, 3.2),
        "dense ffs": Fit(386, 0, 222.6, 24.8, 3.8),
        "sequencer luts": Fit(3850, 125),
        "sequencer ffs": Fit(2732, 57, 54, 4, 1),
    },
    "ecp5": {
        "depthwise luts": Fit(-150, 2700, per_bit=4.9),
        "depthwise ffs": Fit(370, 538, per_bit=3.4),
        "dense luts": Fit(391, 0, 483, 41, 3.2),
        "dense ffs": Fit(300, 0, 240, 31.8, 3.6),
        "sequencer luts": Fit(6550, 160),
        "sequencer ffs": Fit(2880, 80, 54, 4, 1),
    },
}
"""Of the sequencer's flip-flops 54 are bias and scaling of a channel, one is a bit of the array's row of weights."""


LOGIC = ("depthwise", "dense", "sequencer")
SEQUENCER_PRODUCTS = 3  # rows times their length, taps of a pool, the place of a layer's record
TABLES: Mapping[str, tuple[int, float]] = {"xilinx": (64, 1.7), "ecp5": (16, 1.0)}
"""Channel groups that the fits' LUT RAM holds, and LUTs of a bit of the depthwise tables for each as many more."""


@dataclass(frozen=True)
class Resources:
    """The resources of a part that an engine uses."""

    luts: int
    ffs: int
    dsps: int
    rams: int

    def fits(self, part: Part) -> bool:
        """Whether the part has that much, and `FREE` of its LUTs and block RAMs are left."""
        pairs = (
            (self.luts, usable(part.luts)),
            (self.ffs, part.ffs),
            (self.dsps, part.dsps),
            (self.rams, usable(part.rams)),
        )
        return all(used <= there for used, there in pairs)


def usable(there: int) -> int:
    """Return the most LUTs or block RAMs of a part that the search uses."""
    return int(there * (1 - FREE))


def multipliers(spec: EngineSpec, family: str) -> int:
    """DSP blocks: products of both paths (two of the array's share one at 4 bits), requantizations, one address."""
    width = 18 if family == "ecp5" else 27
    per_requantization = -(-spec.accumulator_bits // width)
    array = spec.lanes * (-(-spec.columns // 2) if spec.weight_bits == 4 else spec.columns)
    address = 1
    return (
        SEQUENCER_PRODUCTS
        + array
        + TAPS * spec.lanes
        + (spec.lanes + spec.columns) * per_requantization
        + address
    )


def block_rams(spec: EngineSpec, family: str) -> dict[str, int]:
    """Block RAMs by use."""
    wide = max(spec.lanes, spec.port_bytes)  # bytes of a row of lines
    banks = wide // spec.port_bytes
    parts = {
        "line buffer": 3 * spec.line_rows * _rams(9 * spec.lanes, spec.line_beats),
        "weights": _rams(spec.weight_bits * spec.lanes * spec.columns, spec.weight_beats),
        "activations": _rams(9 * spec.lanes, spec.buffer_beats),
        "lines to read": banks * _rams(8 * spec.port_bytes, 2 * READ_SLOTS * LINE // wide),
        "lines to write": _rams(9 * wide, 2 * WRITE_SLOTS * LINE // wide, WRITE_FORMS[family]),
        "planes": _rams(32, spec.plane_rows),
    }
    return {name: -(-count // HALVES[family]) for name, count in parts.items()}


def _rams(bits: int, rows: int, forms: Sequence[tuple[int, int]] = RAM_FORMS) -> int:
    return min(-(-bits // width) * -(-rows // depth) for width, depth in forms)


def most_buffer_beats(spec: EngineSpec, part: Part) -> int:
    """Beats of the activation buffer that the part's remaining block RAM holds."""
    used = block_rams(spec, part.family)
    left = (usable(part.rams) - sum(used.values()) + used["activations"]) * HALVES[part.family]
    return max(max(left // -(-9 * spec.lanes // bits) * rows for bits, rows in RAM_FORMS), 0)


def path_logic(spec: EngineSpec, path: str, family: str) -> tuple[float, float]:
    """LUT and FF of ``depthwise``, ``dense`` or ``sequencer``: fitted, tables of more channel groups added."""
    products = TAPS * spec.lanes if path == "depthwise" else spec.lanes * spec.columns
    columns = max(spec.lanes, spec.columns) if path == "sequencer" else spec.columns
    tables = 0.0
    if path == "depthwise":
        held, per_bit = TABLES[family]
        bits = spec.lanes * (TAPS * spec.weight_bits + spec.accumulator_bits + MULTIPLIER_BITS + 6)
        tables = per_bit * bits * max(spec.groups - held, 0) / held
    luts, ffs = (
        FITS[family][f"{path} {kind}"].of(spec.lanes, columns, products, spec.weight_bits)
        for kind in ("luts", "ffs")
    )
    return luts + tables, ffs


def estimate(spec: EngineSpec, family: str) -> Resources:
    """Return the resources of the engine."""
    parts = [path_logic(spec, path, family) for path in LOGIC]
    luts, ffs = (sum(each) for each in zip(*parts, strict=True))
    rams = sum(block_rams(spec, family).values())
    return Resources(round(luts), round(ffs), multipliers(spec, family), rams)
