"""Check a model against the C targets and lower it to a `Build`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from zlib import crc32

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.base.json_values import JsonObject
from edgekit.export.diffusion.split_unet import group_problem, network_problem
from edgekit.export.passes.canonical_forms.table import RULES
from edgekit.graph.model import Model
from edgekit.graph.step_groups import group_count, select_group
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import FLOATS
from edgekit.runtime.build_folder.manifest import BY_MODEL, BY_SCHEDULE, Manifest
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build, ConstantSize, Layer, Placement, digest
from edgekit.targets.c.emit.base import Context, Emitter
from edgekit.targets.c.emit.constants import to_bind
from edgekit.targets.c.emit.kernels import Selection, check_schedule
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.c.plan.layout import make_layout
from edgekit.targets.c.plan.memory import align_size
from edgekit.targets.c.plan.storage import ITEM_BYTES, Layout, nbytes
from edgekit.targets.c.program.cmake import build_file
from edgekit.targets.c.program.constants import weights, weights_bytes
from edgekit.targets.c.program.device import device_files
from edgekit.targets.c.program.external import load_files, network_digest
from edgekit.targets.c.program.functions import argument_names, emit_process
from edgekit.targets.c.program.groups import Part, lower_bodies, split_decoder, traits_of
from edgekit.targets.c.program.literals import little_endian
from edgekit.targets.c.program.proof_file import PROOF_FILE, proof_file
from edgekit.targets.c.program.recorder import state_fields
from edgekit.targets.c.program.sampler_storage import Loop
from edgekit.targets.c.program.session import lower_session
from edgekit.targets.c.program.sources import Extras, header, kernel_files, source, with_own_names
from edgekit.targets.c.replay.files import replay_files
from edgekit.targets.describe import DTYPES, describe
from edgekit.targets.devices import profile
from edgekit.targets.macs import with_macs
from edgekit.targets.session import split_session


def check_c(model: Model) -> list[Problem]:
    """Return every node that the C targets cannot run, and why."""
    try:
        graph = to_integer(model).ir.graph
    except ModelError as error:
        return list(error.problems)
    return [*_sampler_problems(model), *(problem for node in graph for problem in _problems(node))]


def _problems(node: ir.Node) -> list[Problem]:
    """Return problems of a node that the C targets cannot run."""
    emitter = EMITTERS.get((node.domain, node.op_type))
    if emitter is None:
        found = f"{_form(node.op_type)} is not supported by the C targets"
        step = f"{_step(node)}, or use --target onnxruntime"
        allowed = _supported_operators(node.op_type)
        return [Problem(f"{node.op_type} {node.name!r}", found, allowed, step)]
    strange = _strange(node, emitter)
    return emitter.check(node) if strange is None else [strange]


def _sampler_problems(model: Model) -> list[Problem]:
    """Rows of a step table that this network cannot run."""
    table = model.sampler
    if table is None:
        return []
    found, groups = [], group_count(model)
    if problem := network_problem(model):
        found.append(problem)
    if table.group.max() >= groups:
        what, allowed = f"group {table.group.max()}", f"0 to {groups - 1}: those of the network"
        found.append(Problem("sampler", what, allowed, "correct the step table"))
    if problem := group_problem(table):
        found.append(problem)
    try:
        split_decoder(split_session(to_integer(model)).hop, table)
    except ModelError as error:
        found += error.problems
    return found


def _form(op_type: str) -> str:
    """The operator, or, where simpler ones express some of its forms, this one."""
    return "this form of the operator" if op_type in RULES else "the operator"


def _supported_operators(op_type: str) -> str:
    """Return the number of operators, and those whose names are near this one."""
    names = sorted(op for domain, op in EMITTERS if domain == "")
    near = get_close_matches(op_type, names, 3, 0.6)
    alike = f", as {', '.join(near)}" if near else ""
    return f"the {len(names)} operators of `edgekit help operators`{alike}"


def _strange(node: ir.Node, emitter: Emitter) -> Problem | None:
    """The first computed tensor whose type the operator does not take, or that has no size."""
    writes = emitter.reads if emitter.writes is None else emitter.writes
    for values, types in ((node.inputs, emitter.reads), (node.outputs, writes)):
        taken = ITEM_BYTES if node.domain == INTEGER_DOMAIN else types
        for value in values:
            if value is not None and _is_computed(value) and not _is_known(value, taken):
                allowed = ", ".join(sorted(DTYPES[kind] for kind in types))
                return Problem(
                    f"{node.op_type} {node.name!r}",
                    f"tensor {value.name!r} is {value.dtype} {value.shape}",
                    f"{allowed}, of static, non-empty shape",
                    "cast it or fold it",
                )
    return None


def _is_known(value: ir.Value, types: Collection[ir.DataType]) -> bool:
    """Whether a tensor has one of these types, and a static size that is not 0."""
    if value.dtype not in ITEM_BYTES or value.dtype not in types or value.shape is None:
        return False
    return all(isinstance(extent, int) and extent > 0 for extent in value.shape)


def _step(node: ir.Node) -> str:
    """Return the advice for an operator without an emitter; for an If the condition can be bound."""
    condition = node.inputs[0] if node.op_type == "If" else None
    return "express the layer with these" if condition is None else to_bind(node, [condition])


def _is_computed(value: ir.Value) -> bool:
    if value.const_value is not None and not value.is_graph_input():
        return False
    return bool(value.uses()) or value.is_graph_output()


def _scratch_beside(others: Mapping[str, Build]) -> int:
    """The largest scratch of the networks that share the denoiser's."""
    kept = [other.manifest.memory for role, other in others.items() if role != "last"]
    return max((memory["scratch_bytes"] or 0 for memory in kept), default=0)


def _memory(
    model: Model, ctx: Context, extras: Extras, others: Mapping[str, Build]
) -> dict[str, int | None]:
    """Return bytes by their use, as in the manifest."""
    layout = ctx.layout
    theirs = sum(other.manifest.memory["weights_bytes"] or 0 for other in others.values())
    scratch = extras.scratch_bytes(layout)
    least = layout.scratch_lower_bound_bytes + scratch - extras.network_bytes(layout)
    return {
        "weights_bytes": weights_bytes(ctx) + theirs,
        "state_bytes": extras.state_bytes(layout),
        "scratch_bytes": scratch,
        "scratch_lower_bound_bytes": least,
        "code_bytes": None,
        "moved_bytes_per_hop": ctx.moved_bytes,
        "moved_bytes_imported": _moved_as_imported(model),
    }


def lower_c(
    model: Model,
    target: str,
    device: Profile | None = None,
    external: bool = False,
    schedule: Mapping[str, str] | None = None,
) -> Build:
    """Emit C99 for a checked model: portable, or with the kernels of `device`, by default the target's.

    Args:
        model: the network.
        target: of the build.
        device: another one's kernels.
        external: whether the weights are one block that a signed bundle replaces at run time.
        schedule: kernels by the names of layers, instead of those that the cost model chooses.

    Raises:
        UsageError: a schedule with layers that the network lacks, or kernels that do not compute theirs.
    """
    device, whole = device or profile(target), to_integer(unpack_states(model))
    parts = split_session(whole)
    first = split_decoder(parts.hop, model.sampler)
    manifest = describe(model, target)
    selection = Selection(device, _has_fixed_order(model, whole), model.dense, schedule or {})
    ctx = _emit_hop(first, manifest, selection, external)
    extras = _extras(model, parts.session, first, ctx)
    check_schedule(selection.schedule, ctx.choices)
    others = {role: lower_c(other, target) for role, other in model.networks.items()}
    extras = replace(extras, loop=_loop(model, extras, ctx.layout, others))
    interface = first.whole if first.decoder is None else parts.hop  # without the decoder's inputs
    sources = _sources(interface, manifest, ctx, extras, others)
    updates = _add_loading(sources, ctx)
    _add_project(sources, manifest, device, others)
    pcm = manifest if manifest.takes_pcm else None
    sources[PROOF_FILE] = proof_file(interface, ctx, pcm, extras, others)
    facts = replace(
        with_macs(manifest, model),
        memory=_memory(model, ctx, extras, others),
        digest=digest(sources),
        updates=updates,
        sparse=_sparse_rows(ctx),
        kernels=_kernel_rows(ctx),
    )
    steps = _steps(first.whole.ir.graph)
    places = _placements(ctx.layout, extras, len(steps))
    return Build(
        *(sources, facts, places, steps, _layers(ctx)),
        others=_manifests(others),
        constants=_constants(ctx, extras, others),
        choices=tuple(ctx.choices.values()),
        states=state_fields(first.whole, ctx.layout),
    )


def _has_fixed_order(model: Model, whole: Model) -> bool:
    """Whether float sums must have the oracle's order: in a recipe of integers, or together with integers."""
    has_integers = any(node.domain == INTEGER_DOMAIN for node in whole.ir.graph)
    return model.quantization.recipe not in FLOATS or has_integers


def _emit_hop(first: Part, manifest: Manifest, selection: Selection, external: bool) -> Context:
    """The lines of a hop, over the plan of its memory."""
    converts = manifest.takes_pcm, manifest.is_pcm
    layout = make_layout(first.whole, traits_of(first.whole, selection), converts, first.kept)
    fields = argument_names(first.whole)
    ctx = Context(manifest.c_name, layout, fields, selection, external)
    emit_process(first.whole, ctx, looks=True)
    return ctx


def _extras(model: Model, session: Model | None, first: Part, ctx: Context) -> Extras:
    """Return the parts of a build besides a hop: the session, other step groups and the decoder."""
    lowered = None if session is None else lower_session(session, ctx.layout, ctx)
    groups = [_group(model, group) for group in range(1, group_count(model))]
    return Extras(lowered, lower_bodies(model, ctx, [first, *groups]))


def _loop(model: Model, extras: Extras, layout: Layout, others: Mapping[str, Build]) -> Loop | None:
    """Return the loop over the rows of a sampler; it lies after its networks in scratch and state."""
    if model.sampler is None:
        return None
    used = max(extras.network_bytes(layout), _scratch_beside(others))
    state = align_size(extras.own_state_bytes(layout, model.sampler.calls))
    kept_bytes = extras.bodies.kept_bytes
    return Loop(model.sampler, model, align_size(used), kept_bytes, others, state)


def _sources(
    interface: Model, manifest: Manifest, ctx: Context, extras: Extras, others: Mapping[str, Build]
) -> dict[str, bytes]:
    """The C of a build by file: of the network, of kernels, of other networks, and of sound devices."""
    prefix, pcm = ctx.prefix, manifest if manifest.takes_pcm else None
    program = source(interface, ctx.layout, ctx, pcm, extras)
    kernels = kernel_files(ctx.kernels, program, ctx.profile.kernels, ctx.selection.fixed_order)
    for role, other in others.items():
        _join(kernels, role, other)
    names = [other.manifest.c_name for other in others.values()]
    named = with_own_names(kernels, prefix, names)
    sources = {
        f"{prefix}.h": header(interface, ctx.layout, prefix, pcm, extras).encode(),
        f"{prefix}.c": program.encode(),
        f"{prefix}_weights.c": weights(ctx),
        **named,
    }
    for name, other in zip(names, others.values(), strict=True):
        own = (f"{name}.h", f"{name}.c", f"{name}_weights.c")
        sources |= {file: other.files[file] for file in own}
    return sources | device_files(interface, manifest)


def _add_project(
    sources: dict[str, bytes], manifest: Manifest, device: Profile, others: Mapping[str, Build]
) -> None:
    """Add the replay, of builds for another machine, and the project that compiles all."""
    library = sorted(name for name in sources if name.endswith(".c"))
    replay = replay_files(manifest, device, _manifests(others)) if device.is_cross else {}
    sources |= replay
    sources["CMakeLists.txt"] = build_file(manifest.c_name, library, replay, device).encode()


def _manifests(others: Mapping[str, Build]) -> dict[str, Manifest]:
    return {role: other.manifest for role, other in others.items()}


def _add_loading(sources: dict[str, bytes], ctx: Context) -> dict[str, str | int] | None:
    """Add the code that replaces weights at run time, where a build has that; return ``updates`` of the manifest."""
    if not ctx.external:
        return None
    network = network_digest(sources, ctx.prefix)
    sources |= load_files(ctx.prefix, ctx.constants, network)
    block = sources[f"{ctx.prefix}_weights.bin"]
    return {"network": network.hex(), "weights_bytes": len(block)}


def _constants(
    ctx: Context, extras: Extras, others: Mapping[str, Build]
) -> tuple[ConstantSize, ...]:
    """The arrays of a build; where a hop takes one of several bodies, by the one that reads them most."""
    bodies = [ctx.reads, *(own.reads for own in extras.bodies.groups)]
    own = (
        ConstantSize(
            name,
            array.nbytes,
            max(reads.get(name, 0) for reads in bodies),
            crc32(little_endian(array)),
            ctx.first_reader.get(name, ""),
        )
        for name, array in ctx.constants.items()
    )
    return (*own, *(constant for other in others.values() for constant in other.constants))


def _join(kernels: dict[str, bytes], role: str, other: Build) -> None:
    """Add another network's kernels to those of a build; which both have must be the same."""
    own = {name: text for name, text in other.files.items() if name.startswith("ek_")}
    if any(kernels.get(name, text) != text for name, text in own.items()):
        found = "other kernels than the denoiser's"
        allowed, step = "all networks in float, or all in integers", "quantize all of them, or none"
        raise ModelError(Problem(f"sampler, networks.{role}", found, allowed, step))
    kernels |= own


def _group(model: Model, group: int) -> Part:
    """Return one of the other step groups, in integers."""
    return split_decoder(to_integer(select_group(model, group)), model.sampler)


def _layers(ctx: Context) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            number,
            str(node.name),
            str(value.name),
            node.op_type,
            DTYPES[value.dtype],
            dims(value),
            _border(value),
        )
        for number, value in enumerate(ctx.layers)
        if value.dtype is not None and (node := value.producer()) is not None
    )


def _border(value: ir.Value) -> str | None:
    """Return "in" for the output of a Quantize, "out" for the input of a Dequantize or an integer output."""
    node = value.producer()
    if value.dtype == ir.DataType.FLOAT or node is None:
        return None
    if (node.domain, node.op_type) == (INTEGER_DOMAIN, "Quantize"):
        return "in"
    readers = [(use.node.domain, use.node.op_type) for use in value.uses()]
    return "out" if (INTEGER_DOMAIN, "Dequantize") in readers or value.is_graph_output() else None


def _moved_as_imported(model: Model) -> int | None:
    """Return the bytes that the imported operators move, plus those of the states."""
    states = {pair.output for pair in model.states}
    carried = sum(nbytes(value) for value in model.ir.graph.outputs if value.name in states)
    return None if model.moved_bytes is None else model.moved_bytes + 2 * carried


def _placements(layout: Layout, extras: Extras, steps: int) -> tuple[Placement, ...]:
    scratch = [
        Placement(i.name, "scratch", layout.offsets[i.name], i.size, max(i.first, 0), i.last)
        for i in layout.intervals
    ]
    loop = [] if extras.loop is None else extras.loop.placements(steps)
    return (*sorted(scratch, key=lambda p: (p.first, p.offset)), *loop)


def _steps(graph: ir.Graph) -> tuple[str, ...]:
    return tuple(f"{node.name} ({node.op_type})" for node in graph)


def _sparse_rows(ctx: Context) -> list[JsonObject] | None:
    """Return the manifest's rows of N:M sparse weights; None where there are none."""
    return [asdict(layer) for layer in ctx.sparse] or None


def _kernel_rows(ctx: Context) -> list[JsonObject] | None:
    """Return the manifest's rows of kernels; None where no layer has candidates."""
    schedule, costs = ctx.selection.schedule, ctx.selection.profile.costs
    by_model = BY_MODEL if costs is None else f"{BY_MODEL}, costs {costs.row}"
    return [
        {
            "layer": choice.node,
            "operator": choice.operator,
            "kernel": choice.kernel,
            "others": list(choice.others),
            "by": BY_SCHEDULE if choice.node in schedule else by_model,
        }
        for choice in ctx.choices.values()
    ] or None
