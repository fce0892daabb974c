"""Synthesise an engine's data paths of several sizes with yosys, and place those that an ECP5 85F is for.

python bench/fpga_synthesis.py [--small]

Without --small this takes 10 minutes on an idle core or so. The LUT and FF columns are what the fits of
edgekit.fpga.resources are of.
"""

import argparse
import tempfile
from pathlib import Path

from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.synthesis import place, synthesise

SMALL = (("ecp5", 1, 2, 4),)
FULL = (
    ("xilinx", 4, 4, 4), ("xilinx", 8, 8, 4), ("xilinx", 8, 8, 8), ("xilinx", 16, 16, 4),
    ("ecp5", 2, 2, 4), ("ecp5", 4, 4, 4), ("ecp5", 4, 8, 4),
)  # fmt: skip
HEAD = f"{'family':8}{'path':10}{'lanes':>6}{'columns':>8}{'W':>3}{'LUT':>8}{'FF':>8}{'DSP':>5}{'RAM':>6}  placed"


def main() -> None:
    """Print one line per data path."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="the smallest engine only")
    sizes = SMALL if parser.parse_args().small else FULL
    print(HEAD)
    for family, lanes, columns, bits in sizes:
        spec = EngineSpec(
            lanes=lanes, columns=columns, weight_bits=bits, groups=64 if family == "xilinx" else 16,
            accumulator_bits=16 + 2 * bits if family == "xilinx" else 14 + 2 * bits,
        )  # fmt: skip
        for path in ("depthwise", "dense"):
            with tempfile.TemporaryDirectory() as folder:
                found = synthesise(spec, path, family, Path(folder))
                where = ""
                if family == "ecp5":
                    placed = place(spec, path, Path(folder))
                    where = f"{placed.clock_mhz:.0f} MHz, {placed.cells:,} TRELLIS_COMB"
            rams = found.ram_halves / 2 if family == "xilinx" else found.ram_halves
            print(
                f"{family:8}{path:10}{lanes:6}{columns:8}{bits:3}{found.luts:8,}{found.ffs:8,}{found.dsps:5}"
                f"{rams:6g}  {where}",
                flush=True,
            )


if __name__ == "__main__":
    main()
