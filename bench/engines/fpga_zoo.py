"""Whole networks that others designed, in golden model, C simulation and RTL of an engine.

python bench fpga_zoo [mobilenet_v2 resnet8 ds_cnn unet] [--size 8] [--part XCZU3EG] [--recipe w8a8] [--search]

The networks have random weights and normalization of one batch. One picture runs through the golden model, the C
simulation and, under Verilator with DRAM, the RTL of an engine of SIZE x SIZE. Prints bytes that differ, simulated
cycles, frames per second at the part's assumed clock, and what the model of cycles says. `--search` runs nothing: it
looks for the fastest engine that fits the part, and prints what the models say of it.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fpga_hls import stored
from fpga_rtl import golden_vectors
from small_networks import NETWORKS

from edgekit.fpga import project
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Network
from edgekit.fpga.program import assemble
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import choose, fit_engine
from edgekit.fpga.simulate import build, run_engine
from edgekit.fpga.spec import DMAX, RECIPES, EngineSpec
from edgekit.fpga.timing import program_cycles
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export.importing import ImportOptions, load_model


@dataclass(frozen=True)
class Row:
    """What a network gave.

    Attributes:
        layers: of the engine.
        macs: on the engine, zeros of kernels included.
        simulated: the line of the C simulation's test bench.
        compared: bytes of the RTL's output.
        different: of these.
        cycles: of a picture in RTL with DRAM.
        modelled: by the model of cycles.
        frames_per_second: of `cycles` at the part's assumed clock.
    """

    layers: int
    macs: int
    simulated: str
    compared: int
    different: int
    cycles: int
    modelled: int
    frames_per_second: float


def integers(
    name: str, recipe: str
) -> tuple[Network, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """A network as an engine has it, and the pictures that it is calibrated on."""
    torch.manual_seed(0)
    model = load_model(f"small_networks:{name}", ImportOptions()).model
    (value,) = model.stream_inputs
    shape = [int(str(d)) for d in value.shape or ()]
    x = np.random.default_rng(1).standard_normal((4, *shape)).astype(np.float32)
    clips = Calibration(({str(value.name): x},), "seeded pictures")
    return lower(model, clips, EngineSpec(weight_bits=RECIPES[recipe])), x


def searched(name: str, part: str, recipe: str) -> str:
    """The fastest engine that fits a part, modelled."""
    choice = choose(integers(name, recipe)[0], PARTS[part])
    spec, used = choice.spec, choice.resources
    return (
        f"{name}, {part}, {recipe}: {spec.lanes} x {spec.columns} at {spec.clock_mhz:g} MHz (assumed), "
        f"{choice.frame_cycles:,} cycles, {choice.frames_per_second:.1f} frames per second, {used.luts:,} LUT, "
        f"{used.dsps} multipliers, {used.rams} block RAMs: all modelled"
    )


def run(name: str, size: int, part: str, recipe: str, folder: Path, rtl: bool = True) -> Row:
    """Run a network in all forms."""
    network, x = integers(name, recipe)
    program = assemble(network, fit_engine(network, PARTS[part], size, size, DMAX))
    ((_, tensor),) = network.inputs.items()
    image = network.tensors[tensor].kind.quantize(x[0][0]).astype(np.int8)
    values = [stored(network, image)]
    files = project.sources(program) | project.golden_vectors(program, [image], values)
    project.write(folder / "hls", files)
    project.compile_test_bench(folder / "hls", folder / "tb")
    line = project.run_test_bench(folder / "tb", folder / "hls" / "data")
    compared = different = cycles = 0
    if rtl:
        executable = build(program.spec, "engine", folder / "rtl")
        (ran,) = run_engine(executable, [golden_vectors(program, [image], folder)], dram=True)
        assert not ran.error, ran
        compared, different, cycles = ran.compared, ran.different, ran.cycles
    modelled = sum(program_cycles(program))
    rate = 1e6 * program.spec.clock_mhz / (cycles or modelled)
    return Row(len(network.layers), network.macs, line, compared, different, cycles, modelled, rate)


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", metavar="network", help=", ".join(NETWORKS))
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--part", choices=PARTS, default="XCZU3EG")
    parser.add_argument("--recipe", choices=RECIPES, default="w8a8")
    parser.add_argument("--search", action="store_true")
    given = parser.parse_args()
    networks = given.networks or list(NETWORKS)
    if unknown := set(networks) - set(NETWORKS):
        parser.error(f"no network {', '.join(unknown)}: there are {', '.join(NETWORKS)}")
    if given.search:
        for name in networks:
            print(searched(name, given.part, given.recipe), flush=True)
        return
    for name in networks:
        with tempfile.TemporaryDirectory() as folder:
            row = run(name, given.size, given.part, given.recipe, Path(folder))
        print(
            f"{name}: {row.layers} layers, {row.macs / 1e6:.1f} MMAC; C simulation: {row.simulated}; RTL with DRAM: "
            f"{row.compared} bytes, {row.different} differ, {row.cycles:,} cycles simulated, {row.modelled:,} "
            f"modelled, {row.frames_per_second:.1f} frames per second at the part's assumed clock",
            flush=True,
        )


if __name__ == "__main__":
    sys.modules.setdefault("fpga_zoo", sys.modules["__main__"])
    main()
