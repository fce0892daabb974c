"""The kernels of each layer of a build, measured: the best become its schedule, see `edgekit.verbs.export.schedule`."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit import __version__
from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.output import replacement_path
from edgekit.base.progress import Progress
from edgekit.base.user_cache import ALLOWED, cache_folder
from edgekit.base.user_cache import STEP as CACHE_STEP
from edgekit.runtime.bench.measure import ByLayer
from edgekit.runtime.devices.cross import find_cross_compiler, how_to_get
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build, Choice
from edgekit.verbs.bench.by_layer import measure_builds
from edgekit.verbs.export.schedule import Schedule

GAIN = 0.97  # of the time of the cost model's kernel, below which another one counts

Costs = dict[str, dict[str, float]]  # by form of a layer, then by kernel
Lower = Callable[[Schedule], Build]


@dataclass(frozen=True)
class MeasuredKernels:
    """Costs of layers of one form with each kernel.

    Attributes:
        layers: their names.
        costs: by kernel, the cost model's first.
        chosen: the kernel that the build uses.
        unit: of the costs: ``us`` or ``instructions``.
    """

    layers: tuple[str, ...]
    costs: Mapping[str, float]
    chosen: str
    unit: str

    @property
    def text(self) -> str:
        """The costs in a line."""
        parts = [f"{name} {cost:,.4g}" for name, cost in self.costs.items()]
        return f"{', '.join(parts)} {self.unit}; taken: {self.chosen}"


@dataclass(frozen=True)
class Kernels:
    """The source of a build's kernels (a schedule, or the cost model alone), and the measurements for it."""

    schedule: Schedule | None = None
    measured: tuple[MeasuredKernels, ...] = ()

    @property
    def costs(self) -> dict[str, str]:
        """The measurements of each layer, in a line."""
        return {layer: row.text for row in self.measured for layer in row.layers}

    @property
    def notes(self) -> tuple[str, ...]:
        """The kernels tried and the best one, with a line for layers of one form."""
        return tuple(f"tuned {', '.join(row.layers)}: {row.text}" for row in self.measured)


def tune(lower: Lower, device: Profile, progress: Progress) -> tuple[MeasuredKernels, ...]:
    """Measure the kernels of each layer that has several, those of layers alike once.

    On this machine the cost is time, on an emulated device instructions. The cache folder keeps measurements by form of
    the layer, kernels, compiler and version.

    Args:
        lower: a build with some layers' kernels.
        device: its device.
        progress: gets the number of measured builds.

    Raises:
        ToolError: no compiler or emulator, or one failed.
        UsageError: the cache folder cannot be used.
    """
    first = lower({})
    marked = {layer.node for layer in first.layers}
    choices = [choice for choice in first.choices if choice.others and choice.node in marked]
    path = _cache(device)
    known = _read_costs(path)
    new = [c for c in choices if not {c.kernel, *c.others} <= known.get(c.form, {}).keys()]
    if new:
        builds = [first, *map(lower, schedules_of(new))]
        progress("tune", 0, len(builds))
        known |= mean_costs(new, builds, measure_builds(builds, device))
        if path is not None:
            with replacement_path(path) as temporary:
                temporary.write_text(json.dumps(known), encoding="utf-8")
    return tuple(_best_kernels(choices, known, "instructions" if device.is_cross else "us"))


def schedules_of(choices: Sequence[Choice]) -> list[Schedule]:
    """Return schedules in which each of the other kernels of every layer occurs."""
    most = max(len(choice.others) for choice in choices)
    return [{c.node: c.others[i] for c in choices if i < len(c.others)} for i in range(most)]


def schedule_of(tried: Sequence[MeasuredKernels]) -> dict[str, str]:
    """The kernel of each layer that was measured."""
    return {layer: row.chosen for row in tried for layer in row.layers}


def mean_costs(
    choices: Sequence[Choice], builds: Sequence[Build], found: Sequence[ByLayer]
) -> Costs:
    """Return the mean cost of each kernel over the layers of a form."""
    forms = {choice.node: choice.form for choice in choices}
    each: dict[str, dict[str, list[float]]] = {}
    for build, costs in zip(builds, found, strict=True):
        taken = {choice.node: choice.kernel for choice in build.choices}
        seen = {name: cost for name, _, cost in costs.rows if name in forms}
        for name, cost in seen.items():
            each.setdefault(forms[name], {}).setdefault(taken[name], []).append(cost)
    return {
        form: {kernel: float(np.mean(costs)) for kernel, costs in kernels.items()}
        for form, kernels in each.items()
    }


def _best_kernels(choices: Sequence[Choice], known: Costs, unit: str) -> list[MeasuredKernels]:
    """Return the kernels to take: the cost model's, or the best of those that are faster."""
    alike: dict[tuple[str, str], list[Choice]] = {}
    for choice in choices:
        alike.setdefault((choice.form, choice.kernel), []).append(choice)
    rows = []
    for (form, kernel), layers in alike.items():
        costs = {name: known[form][name] for name in (kernel, *layers[0].others)}
        best = min(costs, key=costs.__getitem__)
        gains = costs[best] < costs[kernel] * (1 if unit == "instructions" else GAIN)
        names = tuple(choice.node for choice in layers)
        rows.append(MeasuredKernels(names, costs, best if gains else kernel, unit))
    return rows


def _cache(device: Profile) -> Path | None:
    """Return the file of measurements for a device's kernels, compiler and this version; None without a cache."""
    compiler = find_cross_compiler(device)
    if compiler is None:
        raise ToolError(f"no compiler for {device.name}: {how_to_get(device)}")
    facts = (device.name, device.kernels, compiler.core, compiler.compiler.label, __version__)
    name = f"kernels-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.json"
    folder = cache_folder()
    return None if folder is None else folder / name


def _read_costs(path: Path | None) -> Costs:
    """Return the earlier measurements.

    Raises:
        UsageError: the folder cannot be made, or `tune` did not write the file.
    """
    if path is None:
        return {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {
            str(form): {str(kernel): float(cost) for kernel, cost in costs.items()}
            for form, costs in known.items()
        }
    except OSError as error:
        where, found = f"cache folder '{path.parent}'", str(error.strerror)
        raise UsageError(Problem(where, found, ALLOWED, CACHE_STEP)) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        found, allowed = f"damaged: {error}", "what --tune keeps"
        raise UsageError(Problem(f"file '{path}'", found, allowed, "remove it")) from error
