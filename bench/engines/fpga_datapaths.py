"""Data paths of an engine on an ECP5: the hand-written ones beside those that XLS compiles, synthesised and placed.

python bench fpga_datapaths [LANESxCOLUMNSxBITS ...] [--seeds N]

The clock is the best of so many seeds of nextpnr, and the cells are those of that seed. yosys counts LUT4 and FF.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from edgekit.fpga.spec import DATAPATHS, EngineSpec
from edgekit.fpga.synthesis import place, synthesise

SIZES = ("1x2x4", "2x2x4", "2x2x8", "4x4x4")  # lanes, columns, bits of weights
NAMES = {"rtl": "SystemVerilog", "hls": "XLS"}
HEAD = """| data path | source | LUT4 | FF | MULT18X18D | DP16KD | MHz, placed | TRELLIS_COMB |
|---|---|---|---|---|---|---|---|"""


def rows(lanes: int, columns: int, bits: int, seeds: int) -> None:
    """Print the rows of an engine."""
    base = EngineSpec(
        lanes=lanes,
        columns=columns,
        weight_bits=bits,
        groups=16,
        accumulator_bits=14 + 2 * bits,
        port_bytes=4,
    )
    size = {"depthwise": f"{lanes} lane{'s' * (lanes > 1)}", "dense": f"{lanes} x {columns}"}
    for path, text in size.items():
        for datapath in DATAPATHS:
            spec = replace(base, datapath=datapath)
            with tempfile.TemporaryDirectory() as folder:
                found = synthesise(spec, path, "ecp5", Path(folder))
                placed = max(
                    (place(spec, path, Path(folder), seed) for seed in range(1, seeds + 1)),
                    key=lambda placement: placement.clock_mhz,
                )
            print(
                f"| {path}, {text}, W{bits} | {NAMES[datapath]} | {found.luts:,} | {found.ffs:,} | {found.dsps} | "
                f"{found.ram_halves} | {placed.clock_mhz:.1f} | {placed.cells:,} |",
                flush=True,
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="LANESxCOLUMNSxBITS")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    print(HEAD)
    for size in given.sizes:
        lanes, columns, bits = map(int, size.split("x"))
        rows(lanes, columns, bits, given.seeds)


if __name__ == "__main__":
    main()
