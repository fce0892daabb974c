"""Synthesise an engine's data paths and sequencer of several sizes with yosys, and place what an ECP5 85F is for.

python bench fpga_synthesis [--small | --engine LANESxCOLUMNS [--seeds N]]

--engine synthesises a whole engine whose buffer holds all that the bundled detector keeps on chip, places it with
each of so many seeds of nextpnr, and says what the models make of it. The LUT and FF columns without --engine are what
the fits of edgekit.fpga.resources are of; beside each is what these say. Ends with 1 where one is off by more than a
tenth.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from edgekit.demos.show_deform import CALIBRATION, NETWORK
from edgekit.fpga.lower import lower
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.resources import LOGIC, PARTS, estimate, most_buffer_beats, path_logic
from edgekit.fpga.search import fit_engine
from edgekit.fpga.spec import DMAX, EngineSpec
from edgekit.fpga.synthesis import SEQUENCER, place, synthesise
from edgekit.fpga.timing import program_cycles
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.verbs.export.importing import ImportOptions, load_model

SMALL = (("ecp5", 1, 2, 4, 16),)
FULL = (
    ("xilinx", 8, 32, 4, 64),
    ("ecp5", 2, 2, 4, 64),
    ("ecp5", 4, 8, 4, 16),
    ("xilinx", 4, 4, 4, 64),
    ("xilinx", 8, 8, 8, 64),
)
HEAD = (
    f"{'family':8}{'path':11}{'lanes':>6}{'columns':>8}{'W':>3}{'groups':>7}{'LUT':>8}{'model':>8}{'FF':>8}{'model':>8}"
    f"{'DSP':>5}{'RAM':>6}  placed"
)
TOLERANCE = 0.1
PART = PARTS["LFE5UM5G-85F"]
PART_OF = {"xilinx": PARTS["XCZU3EG"], "ecp5": PART}


def detector(lanes: int, columns: int) -> Program:
    """The bundled detector, at 4 bits, for the engine of a size whose buffer it fills."""
    model = load_model(str(NETWORK), ImportOptions()).model
    network = lower(model, load_calibration(CALIBRATION, model), EngineSpec(weight_bits=4))
    spec = fit_engine(network, PART, lanes, columns, DMAX)
    held = assemble(network, spec).memory["buffer"]
    return assemble(network, replace(spec, buffer_beats=held))


def whole_engine(lanes: int, columns: int, seeds: int) -> None:
    """Print what the whole engine takes of an ECP5, its clock, and frames per second of the bundled detector."""
    program = detector(lanes, columns)
    spec, cycles = program.spec, sum(program_cycles(program))
    model = estimate(spec, PART.family)
    print(
        f"engine of {lanes} x {columns}, modelled: {cycles:,} cycles of a picture, {model.luts:,} LUT4, "
        f"{model.ffs:,} FF, {model.dsps} MULT18X18D, {model.rams} DP16KD",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        found = synthesise(spec, "engine", PART.family, Path(folder))
        print(
            f"synthesised: {found.luts:,} LUT4, {found.ffs:,} FF, {found.dsps} MULT18X18D, {found.ram_halves} DP16KD",
            flush=True,
        )
        for seed in range(1, seeds + 1):
            placed = place(spec, "engine", Path(folder), seed)
            print(
                f"placed, seed {seed}: {placed.clock_mhz:.1f} MHz, {placed.cells:,} TRELLIS_COMB, "
                f"{1e6 * placed.clock_mhz / cycles:.1f} frames per second",
                flush=True,
            )


def main() -> None:
    """Print one line per data path."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="the smallest engine only")
    parser.add_argument("--engine", metavar="LANESxCOLUMNS", help="a whole engine instead")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    if given.engine:
        lanes, columns = map(int, given.engine.split("x"))
        whole_engine(lanes, columns, given.seeds)
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
            port_bytes=PART_OF[family].port_bytes,
        )
        spec = replace(spec, buffer_beats=most_buffer_beats(spec, PART_OF[family]))
        for path in LOGIC:
            with tempfile.TemporaryDirectory() as folder:
                found = synthesise(spec, path, family, Path(folder))
                where = ""
                if family == "ecp5" and path != SEQUENCER:
                    placed = place(spec, path, Path(folder))
                    where = f"{placed.clock_mhz:.0f} MHz, {placed.cells:,} TRELLIS_COMB"
            modelled = path_logic(spec, path, family)
            counted = found.luts, found.ffs
            wrong += any(abs(m / c - 1) > TOLERANCE for m, c in zip(modelled, counted, strict=True))
            rams = found.ram_halves / 2 if family == "xilinx" else found.ram_halves
            print(
                f"{family:8}{path:11}{lanes:6}{columns:8}{bits:3}{groups:7}{found.luts:8,}{modelled[0]:8,.0f}"
                f"{found.ffs:8,}{modelled[1]:8,.0f}{found.dsps:5}"
                f"{rams:6g}  {where}",
                flush=True,
            )
    if wrong:
        sys.exit(f"{wrong} fits are off by more than they may")


if __name__ == "__main__":
    main()
