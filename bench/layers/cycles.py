"""Modelled cycles beside published ones: the four networks of MLPerf Tiny on Cortex-M4, M7 and M33.

    python bench cycles [--only WORD]

The networks have random weights, are quantized on noise at w8a8 and counted under QEMU, kind by kind of instruction;
the model of targets/devices.toml makes cycles of that. Published are inferences a second of MLPerf Tiny v1.1, closed
division (submitter Krai: X-CUBE-AI 8.0.0 on NUCLEO-L4R5ZI at 120 MHz and NUCLEO-H7A3ZI-Q at 280 MHz; microTVM with
CMSIS-NN on the first and on the nRF5340-DK at 128 MHz). They are of other kernels than these.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from layers.layer_instructions import count_kinds
from tables import Table
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.export.from_torch import from_torch
from edgekit.export.random_inputs import draw
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.devices import profile

Network = tuple[nn.Module, tuple[Tensor, ...]]


@dataclass(frozen=True)
class Published:
    """Inferences a second by network, what ran them, and at how many MHz."""

    what: str
    mhz: int
    rates: dict[str, float]


PUBLISHED = {
    "cortex-m4": (
        Published(
            "X-CUBE-AI 8.0.0", 120, {"ad": 131.950, "ic": 4.505, "kws": 13.759, "vww": 4.522}
        ),
        Published(
            "microTVM, CMSIS-NN", 120, {"ad": 116.212, "ic": 2.567, "kws": 10.019, "vww": 3.324}
        ),
    ),
    "cortex-m7": (
        Published(
            "X-CUBE-AI 8.0.0", 280, {"ad": 547.234, "ic": 18.215, "kws": 60.988, "vww": 19.867}
        ),
    ),
    "cortex-m33": (
        Published(
            "microTVM, CMSIS-NN", 128, {"ad": 159.020, "ic": 3.146, "kws": 13.074, "vww": 4.286}
        ),
    ),
}
FIRST = "cortex-m4"


def ad() -> Network:
    """The autoencoder of anomaly detection."""
    sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    layers: list[nn.Module] = []
    for i, o in pairwise(sizes):
        layers += [nn.Linear(i, o), nn.ReLU()]
    return nn.Sequential(*layers[:-1]), (torch.zeros(1, 640),)


class Residual(nn.Module):
    """Two convolutions and what goes around them."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        """Take channels in and out, and the stride of the first."""
        super().__init__()
        self.a, self.b = nn.Conv2d(i, o, 3, stride, 1), nn.Conv2d(o, o, 3, 1, 1)
        self.around = nn.Identity() if stride == 1 else nn.Conv2d(i, o, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.relu(self.b(F.relu(self.a(x))) + self.around(x))


def ic() -> Network:
    """ResNet-8 of image classification."""
    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, *head), (torch.zeros(1, 3, 32, 32),)


def _separable(i: int, o: int, stride: int) -> list[nn.Module]:
    depthwise = nn.Conv2d(i, i, 3, stride, 1, groups=i)
    return [depthwise, nn.ReLU(), nn.Conv2d(i, o, 1), nn.ReLU()]


def kws() -> Network:
    """DS-CNN of keyword spotting."""
    layers = [nn.Conv2d(1, 64, (10, 4), 2, (5, 1)), nn.ReLU()]
    for _ in range(4):
        layers += _separable(64, 64, 1)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12)]
    return nn.Sequential(*layers), (torch.zeros(1, 1, 49, 10),)


def vww() -> Network:
    """MobileNetV1 at width 0.25 of visual wake words."""
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()]
    sizes = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2)]
    for size in [*sizes, *[(128, 128, 1)] * 5, (128, 256, 2), (256, 256, 1)]:
        layers += _separable(*size)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 2)]
    return nn.Sequential(*layers), (torch.zeros(1, 3, 96, 96),)


def quantized_network(name: str) -> Model:
    """Return a network with seeded weights, at w8a8."""
    torch.manual_seed(0)
    model, _ = from_torch(f"layers.cycles:{name}", name=name)
    random = np.random.default_rng(0)
    clip = {str(value.name): draw(value, random, 4, 1) for value in model.stream_inputs}
    return quantize(model, Calibration((clip,), "noise"), "w8a8")


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="of networks")
    only = parser.parse_args().only
    columns = (
        "core",
        "network",
        "MMAC",
        "M instr.",
        "cycles/instr.",
        "M cycles, modelled",
        "published",
        "ratio",
    )
    table = Table(*columns, title="an inference at w8a8; ratio: published over modelled")
    shares = Table("core", "network", "instructions by kind, %")
    for core, published in PUBLISHED.items():
        for name in (name for name in published[0].rates if only in name):
            macs, kinds = count_kinds(quantized_network(name), core)
            instructions = sum(kinds.values())
            each = profile(core).cycles_of(kinds)
            assert each is not None
            cycles = each * instructions / 1e6
            for row in published:
                told = row.mhz / row.rates[name]
                numbers = (macs / 1e6, instructions / 1e6, each, cycles)
                texts = [f"{number:.3g}" for number in numbers]
                table.add_row(
                    core, name, *texts, f"{told:.3g} ({row.what})", f"{told / cycles:.2f}"
                )
            parts = (f"{kind} {100 * n / instructions:.1f}" for kind, n in kinds.most_common())
            shares.add_row(core, name, ", ".join(parts))
    table.show()
    shares.show()
    for core in ("cortex-m7", "cortex-m33"):
        (row,) = PUBLISHED[core]
        first = next(p for p in PUBLISHED[FIRST] if p.what == row.what)
        ratios = [row.mhz / row.rates[n] / (first.mhz / first.rates[n]) for n in row.rates]
        mean = float(np.exp(np.mean(np.log(ratios))))
        spread = max(max(ratios) / mean, mean / min(ratios)) - 1
        print(
            f"{core} takes {mean:.3f} of the cycles of {FIRST} ({row.what}), within {100 * spread:.0f} %"
        )


if __name__ == "__main__":
    main()
