"""Synthesise an engine's data paths of several sizes with yosys, and place those that an ECP5 85F is for.

python bench/fpga_synthesis.py [--small | --engine]

--engine synthesises and places the whole engine, the smallest that holds the bundled detector, instead: 10 minutes.
Without --small this takes 10 minutes on an idle core or so. The LUT and FF columns are what the fits of
edgekit.fpga.resources are of; beside each is what these say. Ends with 1 where they are off by more than a tenth.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from edgekit.fpga.resources import path_logic
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.synthesis import place, synthesise

SMALL = (("ecp5", 1, 2, 4, 16),)
FULL = (
    ("xilinx", 4, 4, 4, 64),
    ("xilinx", 8, 8, 4, 64),
    ("xilinx", 8, 8, 8, 64),
    ("xilinx", 16, 16, 4, 64),
    ("ecp5", 2, 2, 4, 16),
    ("ecp5", 2, 2, 4, 64),
    ("ecp5", 4, 4, 4, 16),
    ("ecp5", 4, 8, 4, 16),
)
HEAD = (
    f"{'family':8}{'path':10}{'lanes':>6}{'columns':>8}{'W':>3}{'groups':>7}{'LUT':>8}{'model':>8}{'FF':>8}{'model':>8}"
    f"{'DSP':>5}{'RAM':>6}  placed"
)
TOLERANCE = 0.1
WHOLE = EngineSpec(
    lanes=2,
    columns=1,
    weight_bits=4,
    buffer_beats=34_560,
    groups=32,
    accumulator_bits=17,
    port_bytes=4,
)


def whole_engine() -> None:
    """Print what the whole engine takes of an ECP5, and its clock."""
    with tempfile.TemporaryDirectory() as folder:
        found = synthesise(WHOLE, "engine", "ecp5", Path(folder))
        print(
            f"engine of {WHOLE.lanes} x {WHOLE.columns}, synthesised: {found.luts:,} LUT4, {found.ffs:,} FF, "
            f"{found.dsps} MULT18X18D, {found.ram_halves} DP16KD",
            flush=True,
        )
        placed = place(WHOLE, "engine", Path(folder))
        print(f"placed: {placed.clock_mhz:.0f} MHz, {placed.cells:,} TRELLIS_COMB")


def main() -> None:
    """Print one line per data path."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="the smallest engine only")
    parser.add_argument("--engine", action="store_true", help="the whole engine instead")
    given = parser.parse_args()
    if given.engine:
        whole_engine()
        return
    sizes = SMALL if given.small else FULL
    print(HEAD)
    wrong = 0
    for family, lanes, columns, bits, groups in sizes:
        spec = EngineSpec(
            lanes=lanes,
            columns=columns,
            weight_bits=bits,
            groups=groups,
            accumulator_bits=16 + 2 * bits if family == "xilinx" else 14 + 2 * bits,
        )
        for path in ("depthwise", "dense"):
            with tempfile.TemporaryDirectory() as folder:
                found = synthesise(spec, path, family, Path(folder))
                where = ""
                if family == "ecp5":
                    placed = place(spec, path, Path(folder))
                    where = f"{placed.clock_mhz:.0f} MHz, {placed.cells:,} TRELLIS_COMB"
            modelled = path_logic(spec, path, family)
            counted = found.luts, found.ffs
            wrong += any(abs(m / c - 1) > TOLERANCE for m, c in zip(modelled, counted, strict=True))
            rams = found.ram_halves / 2 if family == "xilinx" else found.ram_halves
            print(
                f"{family:8}{path:10}{lanes:6}{columns:8}{bits:3}{groups:7}{found.luts:8,}{modelled[0]:8,.0f}"
                f"{found.ffs:8,}{modelled[1]:8,.0f}{found.dsps:5}"
                f"{rams:6g}  {where}",
                flush=True,
            )
    if wrong:
        sys.exit(f"{wrong} fits are off by more than {TOLERANCE:.0%}")


if __name__ == "__main__":
    main()
