"""The cycle model of an engine beside its RTL with DRAM, on random networks of the tests' grammar.

python bench fpga_cycles [--first 5000] [--networks 20]

Each network of pictures of 16 to 40 pixels a side runs under Verilator once, on an engine of 4 x 4, 8 bits, a bus of
8 bytes, with ideal memory and with DRAM. Prints cycles, how many of them with DRAM a data path waited, what
edgekit.fpga.timing says, and how far that is from the RTL with DRAM.
"""

import argparse
import tempfile
from pathlib import Path

import fpga_grammar
import numpy as np
from fpga_networks import calibration
from fpga_rtl import golden_vectors

from edgekit.fpga import engine
from edgekit.fpga.lower import lower
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.simulate import build, run_engine
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.timing import program_cycles

SPEC = EngineSpec(
    lanes=4,
    columns=4,
    weight_bits=8,
    line_beats=256,
    weight_beats=2048,
    groups=16,
    buffer_beats=4000,
    accumulator_bits=26,
)


def main() -> None:
    """Print a line per network, and the worst error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=5000)
    parser.add_argument("--networks", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs, vectors = drawn(given.first, given.networks, folder)
        executable = build(SPEC, "engine", folder / "rtl")
        ideal = run_engine(executable, vectors)
        found = run_engine(executable, vectors, dram=True)
    assert all(ran.error == ran.different == 0 for ran in [*ideal, *found])
    modelled = np.array([sum(program_cycles(program)) for program in programs])
    errors = modelled / np.array([ran.cycles for ran in found]) - 1
    print("layers    ideal     DRAM  waiting    model   error")
    for made, still, ran, model, error in zip(
        programs, ideal, found, modelled, errors, strict=True
    ):
        print(
            f"{len(made.layers):6}{still.cycles:9,}{ran.cycles:9,}{ran.stalls:9,}{model:9,}{error:+8.1%}"
        )
    print(
        f"{len(found)} networks: worst {np.abs(errors).max():.1%}, mean {np.abs(errors).mean():.1%}"
    )


def drawn(first: int, count: int, folder: Path) -> tuple[list[Program], list[Path]]:
    """Networks that an engine runs whole, with their golden vectors."""
    fpga_grammar.SIDES, fpga_grammar.MOST_PIXELS = (16, 41), 2000
    programs, vectors = list[Program](), list[Path]()
    seed = first
    while len(programs) < count:
        model = fpga_grammar.loaded(fpga_grammar.random_network(seed), folder)
        seed += 1
        if engine.check(model):
            continue
        clips = calibration(model, 1)
        network = lower(model, clips, EngineSpec(weight_bits=SPEC.weight_bits))
        if network.cpu:
            continue
        made = assemble(network, SPEC)
        image = network.tensors["x"].kind.quantize(clips.clips[0]["x"][0][0]).astype(np.int8)
        programs.append(made)
        vectors.append(golden_vectors(made, [image], folder / str(seed)))
    return programs, vectors


if __name__ == "__main__":
    main()
