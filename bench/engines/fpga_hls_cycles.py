"""Cycles of the bundled detector by the loops of its HLS, next to those of the cycle model, for engines of some sizes.

python bench fpga_hls_cycles [2x1 8x4 ...]

Each iteration of a pipelined loop takes the II of its pragma; processes of a dataflow region run at once. The model
walks the program with ideal memory. Prints a line for each size; ends with 1 where one is off by more than 5 %.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from fpga_hls import counted_cycles, written

from edgekit.fpga.dram import IDEAL
from edgekit.fpga.lower import lower
from edgekit.fpga.program import assemble
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import fit_engine
from edgekit.fpga.spec import DMAX, EngineSpec
from edgekit.fpga.timing import program_cycles
from edgekit.quantize.calibrate.clips import from_examples
from edgekit.verbs.export.importing import ImportOptions, load_model

MOST_OFF = 0.05


def detector_cycles(lanes: int, columns: int, folder: Path) -> tuple[int, int]:
    """Return the cycles of a picture by the loops of the HLS, and by the model."""
    imported = load_model("edgekit.demos.codenet:small", ImportOptions())
    assert imported.examples is not None
    clips = from_examples(imported.examples, imported.model)
    network = lower(imported.model, clips, EngineSpec())
    program = assemble(network, fit_engine(network, PARTS["XCZU3EG"], lanes, columns, DMAX))
    (stored,) = network.inputs.values()
    written(program, folder / "engine", [np.zeros(network.tensors[stored].shape, np.int8)])
    return counted_cycles(folder / "engine"), sum(program_cycles(program, IDEAL))


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", default=["2x1", "8x4"])
    off = False
    for size in parser.parse_args().sizes:
        lanes, columns = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as name:
            counted, walked = detector_cycles(lanes, columns, Path(name))
        off |= abs(counted - walked) > MOST_OFF * walked
        print(f"{size}: {counted:,} by the loops, {walked:,} by the model, {counted / walked:.4f}")
    sys.exit(off)


if __name__ == "__main__":
    main()
