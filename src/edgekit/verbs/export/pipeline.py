"""The export: source network in, verified build folder out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.base.errors import (
    CheckFailed,
    ModelError,
    Problem,
    UsageError,
    VerificationError,
)
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.judge.synthetic_signals import signal_notes
from edgekit.quantize.recipe import FLOATS, HALF
from edgekit.runtime.build_folder.manifest import PACKAGE_PREFIX, Manifest
from edgekit.targets.build_files import write_build
from edgekit.targets.devices import profile
from edgekit.verbs.doctor import require
from edgekit.verbs.export.importing import find_code, load_model
from edgekit.verbs.export.quantizing import quantize, quantize_others
from edgekit.verbs.export.request import Request, half_problems
from edgekit.verbs.export.schedule import (
    SCHEDULE_NAME,
    Kernels,
    schedule_of,
    schedule_text,
    tune,
)
from edgekit.verbs.export.work import Quantized, Written
from edgekit.verbs.targets import Target

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.recipe import Recipe
    from edgekit.targets.build import Build

WEIGHT_BITS = {"float32": 32, "float16": 16, "int8": 8, "int4": 4}


@dataclass(frozen=True)
class Exported:
    """A build that was written: its folder, its manifest, and what the user should know of it."""

    directory: Path
    manifest: Manifest
    notes: tuple[str, ...]


def export(request: Request, progress: Progress) -> Exported:
    """Import, quantize, lower, write and verify; the folder appears complete or not at all."""
    require(request.needs)
    find_code(request.source)
    from edgekit.quantize.calibrate.input_values import setting_problems
    from edgekit.targets.c.plan.fit import beyond_parts, fit_of, weights_misfit

    target, own = request.target, request.own
    device, misfits = fit_of(target.name, request.beside.board)
    with complete_folder(request.out, request.force) as folder:
        progress("import", 0, 1)
        imported = load_model(request.source, request.imports)
        if problems := setting_problems(request.imports.settings.settings, imported.model):
            raise UsageError(problems)
        check(imported.model, target, **own)
        bits = weight_bits(imported.model, request.recipe)
        fits(weights_misfit(imported.model, bits, device), request, imported.model)
        progress("quantize", 0, 1)
        quantized = quantize(imported, request, progress)
        if imported.model.networks:
            quantized = quantize_others(quantized, imported, request, progress)
        if request.device_rate is not None:
            model = quantized.model.describe(device_rate_hz=request.device_rate)
            quantized = replace(quantized, model=model)
        model = quantized.model
        if request.strict and not target.quantizes:
            for network in (model, *model.networks.values()):
                refuse_float(network)
        progress("lower", 0, 1)
        kernels = Kernels()
        if target.quantizes:
            integers = {"calibration": quantized.calibration, "recipe": request.recipe}
            build = target.lower(model, target.name, **integers, **own)
        else:
            check(model, target, **own)
            build, kernels = lowered(request, model, progress)
            if request.strict and build.notes:
                raise ModelError([_not_strict(note) for note in build.notes])
        too_large = fits(misfits(build, build.manifest), request, imported.model)
        if request.beside.board is None:
            too_large += beyond_parts(build.manifest, device, imported.model, bits)
        quantized = replace(quantized, notes=(*quantized.notes, *too_large))
        build = write_build(build, folder)
        if kernels.schedule is not None:
            text = schedule_text(kernels.schedule, kernels.tried)
            (folder / SCHEDULE_NAME).write_text(text, encoding="utf-8")
        written = Written(
            folder,
            build,
            quantized,
            imported.examples,
            request.min_snr_db,
            request.metric,
            request.beside,
            request.imports.settings,
        )
        manifest = target.verify(written, progress)
        uncalibrated = signal_notes(manifest.verification)
        if request.strict and uncalibrated and request.metric is None:
            raise VerificationError("\n".join(("--strict", *uncalibrated)))
        with_code = fits(misfits(build, manifest), request, imported.model)
    return Exported(
        request.out,
        manifest,
        (
            *imported.model.notes,
            *quantized.notes,
            *uncalibrated,
            *kept_in_float(quantized.model),
            *(note for other in quantized.others.values() for note in _notes_of(other)),
            *build.notes,
            *kernels.notes,
            *_device_notes(manifest.device),
            *_package_notes(request),
            *(note for note in with_code if note not in too_large),
        ),
    )


def lowered(request: Request, model: "Model", progress: Progress) -> tuple["Build", Kernels]:
    """Lower a model with the kernels that are measured, or of the schedule that is given."""
    target, kernels = request.target, Kernels(request.schedule)
    lower = partial(target.lower, model, target.name, **request.own)
    if request.tune:
        tried = tune(lambda rows: lower(schedule=rows), profile(target.name), progress)
        kernels = Kernels(schedule_of(tried), tried)
    if kernels.schedule is None:
        return lower(), kernels
    return lower(schedule=kernels.schedule), kernels


def check(model: "Model", target: Target, **own: Any) -> None:
    """Raise a ModelError with everything that a target, with some of its own options, does not support."""
    problems = target.check(model, **own)
    if not model.stream_inputs:
        what, allowed = "nothing that changes goes in", "an input that is no constant"
        problems.append(Problem("the network", what, allowed, "export the part behind an input"))
    if model.quantization.recipe == HALF:
        problems += half_problems(target)
    for role, network in model.networks.items():
        found = target.check(network, **own)
        problems += [replace(p, where=f"network {role}, {p.where}") for p in found]
    if problems:
        raise ModelError(problems)


def _notes_of(other: Quantized) -> tuple[str, ...]:
    """What the user should know of another network of the sampler."""
    notes = (*other.notes, *kept_in_float(other.model))
    return tuple(f"{other.model.source.name}: {note}" for note in notes)


def _package_notes(request: Request) -> tuple[str, ...]:
    """Where each package is, and what has checked such packages."""
    from edgekit.targets.packages.table import PACKAGES

    rows = [PACKAGES[kind] for kind in request.beside.packages]
    return tuple(f"{PACKAGE_PREFIX}{row.name}: {row.what}; checked {row.checked}" for row in rows)


def _device_notes(device: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What the adapter to a device of another rate costs."""
    if device is None:
        return ()
    return (
        f"behind a device at {device['sample_rate_hz']:,} Hz it is heard {device['latency_ms']:g} ms late "
        f"({device['latency_samples']:,} samples); the adapter takes {device['state_bytes']:,} bytes of RAM and "
        f"{device['filter_bytes']:,} of flash",
    )


def weight_bits(model: "Model", recipe: "Recipe") -> int:
    """The narrowest form that a recipe gives float weights, in bits; a network that comes quantized keeps its own."""
    if model.quantization.recipe not in FLOATS:
        return WEIGHT_BITS["float32"]
    return min(WEIGHT_BITS[kind] for kind in (recipe.weights, *recipe.layers.values()))


def fits(found: tuple[str, ...], request: Request, model: "Model") -> tuple[str, ...]:
    """Return what does not fit the target's memories, where that was allowed.

    Raises:
        CheckFailed: it was not.
    """
    if found and not request.allow_oversize:
        step = "make the network smaller, take --recipe w8a8 or w4a8, or give --allow-oversize"
        if not model.states and model.sampler is None:
            step += "; a network for whole recordings runs hop by hop with --time-axis INPUT:AXIS"
        raise CheckFailed("\n".join((*found, f"next: {step}")))
    return found


def kept_in_float(model: "Model") -> tuple[str, ...]:
    """Say which layers and operators an integer recipe left in float; nothing runs in float unsaid."""
    from edgekit.targets.macs import float_layers, float_operators

    if model.quantization.recipe in FLOATS:
        return ()
    kept = (*float_layers(model), *float_operators(model))
    return (f"kept in float: {', '.join(kept)}",) if kept else ()


def refuse_float(model: "Model") -> None:
    """Raise a ModelError if an integer recipe left anything of the network in float."""
    recipe = model.quantization.recipe
    kept = (f"recipe {recipe}",) if recipe in FLOATS else kept_in_float(model)
    if kept:
        allowed = "a recipe and operators whose integer forms there are, see docs/operators.md"
        raise ModelError(Problem("--strict", kept[0], allowed, "leave out --strict"))


def _not_strict(found: str) -> Problem:
    allowed = "operators that the target runs in integers on its own"
    return Problem("--strict", found, allowed, "change the layers, or leave out --strict")
