"""Find integer layers of a C build that take longer than their float forms, and list remedies.

The float form of the network (`edgekit.operators.float_form`) is lowered twice for the same device. One build is the
recipe float32, the other has the scalar order of sums that float layers keep in an integer recipe. All three builds are
measured in turn on the same hops of noise.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import onnx_ir as ir

from edgekit.base.errors import EdgeKitError
from edgekit.graph.model import Model
from edgekit.graph.step_groups import select_group
from edgekit.operators.float_form import float_form
from edgekit.operators.qdq import INTEGER_DOMAIN, TENSOR
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.bench.measure import ByLayer, SlowLayer
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.c.plan.fit import misfits
from edgekit.verbs.bench.by_layer import measure_builds

GAIN = 0.97  # of a time, below which the float form counts as faster; instructions are exact
LEAST_US = 0.05  # between two times: the clock's own jitter on a layer
NOT_LAYERS = ("Quantize", "Dequantize", "Requantize", "Finite")  # borders and copies: no float form


def with_slow_layers(costs: ByLayer, model: Model, manifest: Manifest, device: Profile) -> ByLayer:
    """Return the costs of layers, including the integer layers slower than their float forms, the worst first.

    A build without integers stays as it is. If the float form cannot be measured, `uncompared` gives the reason.

    Args:
        costs: of the build.
        model: its network.
        manifest: its facts.
        device: the device that runs it.

    Raises:
        ToolError: no compiler or emulator, or one failed.
    """
    layers = integer_layers(model)
    if not layers:
        return costs
    try:
        call = replace(select_group(model, 0).describe(sampler=None), networks={})
        plain = float_form(call)
        if problems := check_c(plain):
            return replace(costs, uncompared=f"its float form: {problems[0]}")
        forms = (plain, plain.describe(quantization=vars(model.quantization)))
        own = lower_c(call, manifest.target, schedule=manifest.schedule)
        builds = [own, *(lower_c(form, manifest.target) for form in forms)]
    except EdgeKitError as error:
        return replace(costs, uncompared=f"its float form: {str(error).splitlines()[0]}")
    if found := [text for build in builds for text in misfits(build.manifest, device)]:
        return replace(costs, uncompared=f"its float form {found[0]}")
    measured = measure_builds(builds, device)
    return replace(costs, slow=slow_layers(call, own, plain, measured))


def integer_layers(model: Model) -> set[str]:
    """Return the names of the nodes that compute in integers."""
    nodes = [node for node in to_integer(model).ir.graph if node.op_type not in NOT_LAYERS]
    if all(node.domain != INTEGER_DOMAIN for node in nodes):
        return set()
    return {str(node.name) for node in nodes if str(node.outputs[0].dtype) in ("INT8", "INT16")}


def slow_layers(
    model: Model, own: Build, plain: Model, measured: Sequence[ByLayer]
) -> tuple[SlowLayer, ...]:
    """Return the integer layers that take longer than their float forms, the greatest loss first.

    Args:
        model: the network.
        own: its build.
        plain: its float form.
        measured: costs of layers in the build, in the float form, and in the float form with scalar sums.
    """
    rows = [[row for row in costs.rows if row[1] not in NOT_LAYERS] for costs in measured]
    shared = set.intersection(*({name for name, *_ in part} for part in rows))
    owners = layer_owners(plain, shared)
    integers, float32, in_recipe = (_sums(part, owners) for part in rows)
    operators = {name: operator for name, operator, _ in rows[0]}
    kernels = {choice.node: len(choice.others) for choice in own.choices}
    found = []
    for name, (tensor, readers) in results_and_readers(model).items():
        if name not in shared or not _is_slow(integers[name], float32[name], measured[0].unit):
            continue
        touched = {name, *readers} & shared
        found.append(
            SlowLayer(
                name,
                operators[name],
                tensor,
                round(integers[name], 3),
                round(float32[name], 3),
                kernels.get(name, 0),
                tuple(sorted(touched - {name})),
                round(sum(map(integers.__getitem__, touched)), 3),
                round(sum(map(in_recipe.__getitem__, touched)), 3),
            )
        )
    return tuple(sorted(found, key=lambda layer: (layer.float32 - layer.integers, layer.layer)))


def _is_slow(integers: float, float32: float, unit: str) -> bool:
    """Whether the float form gains something that counts."""
    gain, least = (GAIN, LEAST_US) if unit == "us" else (1.0, 0.0)
    return float32 < min(gain * integers, integers - least)


def layer_owners(plain: Model, shared: Collection[str]) -> dict[str, str]:
    """The measured layer that each node counts for: itself, or the one before it that a build computes it with."""
    owners: dict[str, str] = {}
    for node in plain.ir.graph:
        producers = [value.producer() for value in node.inputs if value is not None]
        before = [owners.get(str(p.name)) for p in producers if p is not None]
        own = str(node.name) if node.name in shared else next(filter(None, before), None)
        if own is not None:
            owners[str(node.name)] = own
    return owners


def results_and_readers(model: Model) -> dict[str, tuple[str, set[str]]]:
    """Return, for each integer layer, its output tensor as recipe.toml names it, and the layers that read it."""
    layers, found = integer_layers(model), {}
    for node in to_integer(model).ir.graph:
        if node.name in layers:
            value = node.outputs[0]
            tensor = str(value.metadata_props.get(TENSOR, value.name))
            found[str(node.name)] = tensor, _readers(value, layers)
    return found


def _readers(value: ir.Value, layers: Collection[str]) -> set[str]:
    """Return the integer layers that read a value, directly or through data movement and copies."""
    found = set()
    for node in value.consumers():
        if node.name in layers:
            found.add(str(node.name))
        else:
            found |= {name for output in node.outputs for name in _readers(output, layers)}
    return found


def _sums(rows: Sequence[tuple[str, str, float]], owners: Mapping[str, str]) -> Mapping[str, float]:
    """Return the cost of each shared layer, including nodes that other builds compute inside it."""
    sums: defaultdict[str, float] = defaultdict(float)
    for name, _, cost in rows:
        sums[owners.get(name, name)] += cost
    return sums
