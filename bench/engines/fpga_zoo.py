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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from fpga_csim import stored
from fpga_rtl import golden_vectors
from torch import Tensor, nn

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

Made = tuple[nn.Module, tuple[Tensor, ...]]


def block(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, BN, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """ResNet-8's stage (MLPerf Tiny, image classification)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Make the layers."""
        super().__init__()
        self.first = block(inputs, outputs, 3, stride)
        second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.second = nn.Sequential(second, nn.BatchNorm2d(outputs))
        self.short = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        return torch.relu(self.second(self.first(x)) + self.short(x))


def resnet8() -> Made:
    """MLPerf Tiny's image classification: 32 x 32, 10 classes."""
    stages = (Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2))
    net = nn.Sequential(
        block(3, 16, 3), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )
    return ready(net, (1, 3, 32, 32))


def ds_cnn() -> Made:
    """MLPerf Tiny's keyword spotting: 49 x 10 features, a first kernel of 10 x 4, 12 classes."""
    first = nn.Sequential(nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, 64, (10, 4), 2, bias=False))
    pairs = [nn.Sequential(block(64, 64, 3, groups=64), block(64, 64, 1)) for _ in range(4)]
    head = (nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(64, 12))
    return ready(nn.Sequential(first, nn.BatchNorm2d(64), nn.ReLU(), *pairs, *head), (1, 1, 49, 10))


def mobilenet_v2() -> Made:
    """MobileNetV2 0.35 at 96 x 96, 1,000 classes."""
    return ready(torchvision.models.mobilenet_v2(width_mult=0.35), (1, 3, 96, 96))


class UNet(nn.Module):
    """Three resolutions, skips, nearest upsampling."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.first, self.second, self.deep = block(3, 16, 3), block(16, 32, 3), block(32, 64, 3)
        self.up_half, self.up_full = block(96, 32, 3), block(48, 16, 3)
        self.last = nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class of each pixel."""
        full = self.first(x)
        half = self.second(nn.functional.max_pool2d(full, 2))
        deep = self.deep(nn.functional.max_pool2d(half, 2))
        up = nn.functional.interpolate(deep, scale_factor=2.0, mode="nearest")
        y = self.up_half(torch.cat([half, up], 1))
        up = nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")
        result: Tensor = self.last(self.up_full(torch.cat([full, up], 1)))
        return result


def unet() -> Made:
    """A small U-Net, 64 x 64, 4 classes."""
    return ready(UNet(), (1, 3, 64, 64))


def ready(net: nn.Module, shape: tuple[int, ...]) -> Made:
    """A network whose normalization has the statistics of a batch, and a picture."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.randn(8, *shape[1:]))
    return net.eval(), (torch.randn(shape),)


NETWORKS: dict[str, Callable[[], Made]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet8": resnet8,
    "ds_cnn": ds_cnn,
    "unet": unet,
}


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
    model = load_model(f"{__name__}:{name}", ImportOptions()).model
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
    project.write(folder / "csim", files)
    project.compile_test_bench(folder / "csim", folder / "tb")
    line = project.run_test_bench(folder / "tb", folder / "csim" / "data")
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
