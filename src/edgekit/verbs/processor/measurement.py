"""`edgekit doctor --measure`: convolutions are measured with each kernel, and the costs fitted that choose the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.progress import Progress, silent
from edgekit.graph.model import Model
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.devices.profile import KernelCosts, Profile
from edgekit.runtime.runners.toolchain import HOW_TO_GET, compilers
from edgekit.targets.build import Build
from edgekit.targets.c.emit.conv.float32 import FLOAT_KERNELS
from edgekit.targets.c.emit.conv.integer import INT_KERNELS
from edgekit.targets.c.emit.kernels import Kernel, Selection
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import processor, profile
from edgekit.targets.kernel_costs import chooses_by_costs, generic_costs
from edgekit.verbs.bench.by_layer import measure_builds
from edgekit.verbs.export.kernel_tuning import mean_costs, schedules_of
from edgekit.verbs.processor.cost_rows import NAMES, keep_costs, measured_row
from edgekit.verbs.processor.sample_layers import sample_network

LAYERS = {"float32": 48, "w8a8": 32, "w8a16": 24}  # by recipe
ROUNDS = 8
WRONG = 1.1  # times that of the best kernel
STEPS = (2, 1.4, 1.2, 1.1)  # factors by which each cost is tried, in turn
TRUST = (
    0.001  # in the generic row: loss for a cost that is e times the generic one, or its e-th part
)


@dataclass(frozen=True)
class MeasuredLayer:
    """A convolution, the kernels that compute it in the order of the choice, and the time of each in us."""

    node: ir.Node
    kernels: tuple[Kernel, ...]
    times: Mapping[str, float]

    def excess(self, selection: Selection) -> float:
        """Return the time of the kernel that is chosen, in that of the best one."""
        chosen = next(k for k in self.kernels if k.pays(selection, self.node))
        return self.times[chosen.name(self.node)] / min(self.times.values())


@dataclass(frozen=True)
class MeasuredProcessor:
    """The result of a measurement.

    Attributes:
        processor: this machine's.
        kernels: their instruction set.
        layers: how many were measured that have several kernels.
        wrong_generic: of these, the layers whose kernel takes 10 % longer than the best, as the generic row chooses.
        wrong: the same as the measured row chooses.
        costs: the measured row.
        path: the file that has it now; None without a cache folder.
    """

    processor: str
    kernels: str
    layers: int
    wrong_generic: int
    wrong: int
    costs: KernelCosts
    path: Path | None


def measure_processor(progress: Progress = silent) -> MeasuredProcessor:
    """Measure this machine's processor, and keep its row for later exports to `host`.

    Raises:
        UsageError: its kernels leave nothing to choose by measured costs, or the cache folder cannot be used.
        ToolError: no compiler, or it failed.
    """
    device, name = profile("host"), processor()
    if name is None or not chooses_by_costs(device.kernels):
        found = f"kernels: {device.kernels[0] if device.kernels else 'portable C'}"
        allowed = "an x86 processor under Linux, with AVX2"
        raise UsageError(Problem("--measure", found, allowed, "take --tune of an export"))
    if not compilers():
        raise ToolError(f"no C compiler; {HOW_TO_GET}")
    layers = []
    for i, (recipe, count) in enumerate(LAYERS.items()):
        progress("measure", i, len(LAYERS))
        layers += measure_layers(sample_network(count, recipe), device)
    generic = generic_costs(device.kernels)
    costs = measured_row(name, device.kernels[0], fit_costs(layers, device, generic))
    wrong_generic, wrong = (_wrong_choices(layers, device, row) for row in (generic, costs))
    path = keep_costs(name, device.kernels[0], costs)
    kernels = device.kernels[0]
    return MeasuredProcessor(name, kernels, len(layers), wrong_generic, wrong, costs, path)


def measure_layers(model: Model, device: Profile) -> list[MeasuredLayer]:
    """Return the layers of a network that several kernels compute, each measured with all of them."""
    lower = partial(_lower, model, device)
    first = lower({})
    choices = [choice for choice in first.choices if choice.others]
    builds = [first, *map(lower, schedules_of(choices))]
    times = mean_costs(choices, builds, measure_builds(builds, device, ROUNDS, np.min))
    nodes = {str(node.name): node for node in to_integer(model).ir.graph}
    selection, found = Selection(device, fixed_order=False), []
    for choice in choices:
        node = nodes[choice.node]
        table = INT_KERNELS if node.domain == INTEGER_DOMAIN else FLOAT_KERNELS
        kernels = tuple(kernel for kernel in table if kernel.takes(selection, node))
        found.append(MeasuredLayer(node, kernels, times[choice.form]))
    return found


def _lower(model: Model, device: Profile, schedule: Mapping[str, str]) -> Build:
    return lower_c(model, "host", device, schedule=schedule)


def fit_costs(
    layers: Sequence[MeasuredLayer], device: Profile, generic: KernelCosts
) -> dict[str, float]:
    """Return costs by which the kernels that are chosen take the least time, near to the generic ones.

    Each cost in turn is multiplied and divided by a step for as long as that gains; then come smaller steps.
    """
    start = {name: float(getattr(generic, name)) for name in NAMES}

    def loss(costs: Mapping[str, float]) -> float:
        selection = _selection(device, KernelCosts("", **costs))
        excess = sum(log(layer.excess(selection)) for layer in layers) / len(layers)
        return excess + TRUST * sum(log(costs[name] / start[name]) ** 2 for name in NAMES)

    best, least = start, loss(start)
    for step in STEPS:
        gains = True
        while gains:
            gains = False
            for name in NAMES:
                for factor in (step, 1 / step):
                    costs = best | {name: float(f"{best[name] * factor:.4g}")}
                    if (found := loss(costs)) < least:
                        best, least, gains = costs, found, True
    return best


def _selection(device: Profile, costs: KernelCosts) -> Selection:
    return Selection(replace(device, costs=costs), fixed_order=False)


def _wrong_choices(layers: Sequence[MeasuredLayer], device: Profile, costs: KernelCosts) -> int:
    selection = _selection(device, costs)
    return sum(layer.excess(selection) > WRONG for layer in layers)
