"""The export: source network in, verified build folder out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgekit.base.errors import (
    CheckFailed,
    ModelError,
    Problem,
    UsageError,
    VerificationError,
)
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.graph.model import Model
from edgekit.judge.synthetic_signals import signal_notes
from edgekit.quantize.calibrate.input_values import setting_problems
from edgekit.quantize.recipe import FLOATS, HALF, Recipe
from edgekit.runtime.build_folder.manifest import PACKAGE_PREFIX, Manifest
from edgekit.targets.build import Build
from edgekit.targets.build_files import write_build
from edgekit.targets.c.plan.fit import beyond_parts, fit_of, weights_misfit
from edgekit.targets.devices import profile
from edgekit.targets.macs import float_batch, float_layers, float_operators
from edgekit.targets.packages.table import PACKAGES
from edgekit.verbs.export.importing import ImportedNetwork, load_model
from edgekit.verbs.export.kernel_tuning import Kernels, schedule_of, tune
from edgekit.verbs.export.quantizing import quantize, quantize_others
from edgekit.verbs.export.request import Request, half_problems
from edgekit.verbs.export.schedule import SCHEDULE_NAME, schedule_text
from edgekit.verbs.export.work import Examples, QuantizedNetwork, WrittenBuild
from edgekit.verbs.targets import Target

WEIGHT_BITS = {"float32": 32, "float16": 16, "int8": 8, "int4": 4}


@dataclass(frozen=True)
class ExportResult:
    """The result of an export: its folder, its manifest, and notes for the user."""

    directory: Path
    manifest: Manifest
    notes: tuple[str, ...]


def export(request: Request, progress: Progress) -> ExportResult:
    """Import, quantize, lower, write and verify; the folder appears complete or not at all.

    Raises:
        VerificationError: a check failed. If the search for types found nothing good enough, the folder is there
            and its manifest says so.
    """
    memory = _DeviceMemory(request)
    with complete_folder(request.out, request.output.force) as folder:
        progress("import", 0, 1)
        imported = _import(request)
        memory.check_weights(imported.model)
        quantized = _quantize(imported, request, progress)
        progress("lower", 0, 1)
        build, kernels = _lower(request, quantized, progress)
        too_large = memory.check_build(build, imported.model)
        quantized = replace(quantized, notes=(*quantized.notes, *too_large))
        build = write_build(build, folder)
        if kernels.schedule is not None:
            text = schedule_text(kernels.schedule, kernels.costs)
            (folder / SCHEDULE_NAME).write_text(text, encoding="utf-8")
        written = WrittenBuild(
            folder=folder,
            build=build,
            quantized=quantized,
            examples=verified_examples(imported, quantized, request),
            min_snr_db=-math.inf if quantized.failed else request.quantization.min_snr_db,
            metric=request.quantization.metric,
            companions=request.output.companions,
            settings=request.imports.settings,
        )
        manifest = request.target.verify(written, progress)
        uncalibrated = _signal_notes(manifest, request)
        with_code = memory.check(memory.misfits(build, manifest), imported.model)
    if quantized.failed:
        raise VerificationError(f"{quantized.failed}; {request.out} is this build, marked failed")
    notes = (
        *request.notes,
        *_network_notes(imported, quantized, uncalibrated),
        *build.notes,
        *kernels.notes,
        *_device_notes(manifest.device),
        *_package_notes(request),
        *(note for note in with_code if note not in too_large),
    )
    return ExportResult(request.out, manifest, notes)


def verified_examples(
    imported: ImportedNetwork, quantized: QuantizedNetwork, request: Request
) -> Examples | None:
    """Return the factory's inputs; a denoiser's conditions that it lacks are those of the user's calibration."""
    calibration = quantized.calibration
    if imported.model.sampler is None or request.quantization.calibration is None:
        return imported.examples
    return {**(calibration.clips[0] if calibration else {}), **(imported.examples or {})}


def _network_notes(
    imported: ImportedNetwork, quantized: QuantizedNetwork, uncalibrated: tuple[str, ...]
) -> tuple[str, ...]:
    """Return notes for the user on the networks of a build."""
    others = (note for other in quantized.others.values() for note in _notes_of(other))
    kept = kept_in_float(quantized.model)
    return (*imported.model.notes, *quantized.notes, *uncalibrated, *kept, *others)


def _import(request: Request) -> ImportedNetwork:
    """Import the network; refuse settings and operators that do not go with it or the target."""
    imported = load_model(request.source, request.imports)
    if problems := setting_problems(request.imports.settings.settings, imported.model):
        raise UsageError(problems)
    check(imported.model, request.target, **request.own)
    return imported


def _quantize(imported: ImportedNetwork, request: Request, progress: Progress) -> QuantizedNetwork:
    """Apply the recipe to the network and to the others of its sampler."""
    progress("quantize", 0, 1)
    quantized = quantize(imported, request, progress)
    if imported.model.networks:
        quantized = quantize_others(quantized, imported, request, progress)
    if request.output.device_rate is not None:
        model = quantized.model.describe(device_rate_hz=request.output.device_rate)
        quantized = replace(quantized, model=model)
    if request.output.strict and not request.target.quantizes:
        for network in (quantized.model, *quantized.model.networks.values()):
            refuse_float(network)
    return quantized


def _lower(
    request: Request, quantized: QuantizedNetwork, progress: Progress
) -> tuple[Build, Kernels]:
    """Lower a model; a target that makes the integers itself gets the calibration."""
    target, model, own = request.target, quantized.model, request.own
    if target.quantizes:
        recipe = request.quantization.recipe
        integers = {"calibration": quantized.calibration, "recipe": recipe}
        return target.lower(model, target.name, **integers, **own), Kernels()
    check(model, target, **own)
    build, kernels = _lower_with_kernels(request, model, progress)
    if request.output.strict and build.notes:
        raise ModelError([_not_strict(note) for note in build.notes])
    return build, kernels


def _lower_with_kernels(
    request: Request, model: Model, progress: Progress
) -> tuple[Build, Kernels]:
    """Lower a model with the kernels that are measured, or of the schedule that is given."""
    target, kernels = request.target, Kernels(request.output.schedule)
    lower = partial(target.lower, model, target.name, **request.own)
    if request.output.tune:
        measured = tune(lambda rows: lower(schedule=rows), profile(target.name), progress)
        kernels = Kernels(schedule_of(measured), measured)
    if kernels.schedule is None:
        return lower(), kernels
    return lower(schedule=kernels.schedule), kernels


class _DeviceMemory:
    """The memories of the target's board, and the items that are too large for them."""

    def __init__(self, request: Request) -> None:
        self.request, board = request, request.output.companions.board
        self.device, self.misfits = fit_of(request.target.name, board)

    def check_weights(self, model: Model) -> None:
        """Refuse weights that do not fit in the narrowest form that the recipe gives them."""
        self.bits = weight_bits(model, self.request.quantization.recipe)
        self.check(weights_misfit(model, self.bits, self.device), model)

    def check_build(self, build: Build, model: Model) -> tuple[str, ...]:
        """Return the misfits of a build, where these are allowed, and parts that its board lacks."""
        too_large = self.check(self.misfits(build, build.manifest), model)
        if self.request.output.companions.board is None:
            too_large += beyond_parts(build.manifest, self.device, model, self.bits)
        return too_large

    def check(self, found: tuple[str, ...], model: Model) -> tuple[str, ...]:
        """Return the misfits, where these are allowed.

        Raises:
            CheckFailed: they are not allowed.
        """
        if found and not self.request.output.allow_oversize:
            step = "make the network smaller, take --recipe w8a8 or w4a8, or give --allow-oversize"
            if not model.states and model.sampler is None:
                step += (
                    "; a network for whole recordings runs hop by hop with --time-axis INPUT:AXIS"
                )
            raise CheckFailed("\n".join((*found, f"next: {step}")))
        return found


def _signal_notes(manifest: Manifest, request: Request) -> tuple[str, ...]:
    """Return notes on the loss of signals in a build without a calibration; refuse it under ``--strict``."""
    notes = signal_notes(manifest.verification)
    if request.output.strict and notes and request.quantization.metric is None:
        raise VerificationError("\n".join(("--strict", *notes)))
    return notes


def check(model: Model, target: Target, **own: Any) -> None:
    """Raise a ModelError with everything that a target, with some of its options, does not support."""
    problems = target.check(model, **own)
    if not model.stream_inputs:
        what, allowed = "nothing that changes goes in", "an input that is no constant"
        problems.append(Problem("the network", what, allowed, "export the part after an input"))
    if model.quantization.recipe == HALF:
        problems += half_problems(target)
    for role, network in model.networks.items():
        found = target.check(network, **own)
        problems += [replace(p, where=f"network {role}, {p.where}") for p in found]
    if problems:
        raise ModelError(problems)


def _notes_of(other: QuantizedNetwork) -> tuple[str, ...]:
    """Return notes for the user on another network of the sampler."""
    notes = (*other.notes, *kept_in_float(other.model))
    return tuple(f"{other.model.source.name}: {note}" for note in notes)


def _package_notes(request: Request) -> tuple[str, ...]:
    """Return the location of each package, and the tool that has checked such packages."""
    rows = [PACKAGES[kind] for kind in request.output.companions.packages]
    return tuple(f"{PACKAGE_PREFIX}{row.name}: {row.what}; checked {row.checked}" for row in rows)


def _device_notes(device: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the costs of the adapter to a device of another rate."""
    if device is None:
        return ()
    return (
        f"at a device's rate of {device['sample_rate_hz']:,} Hz the sound is {device['latency_ms']:g} ms late "
        f"({device['latency_samples']:,} samples); the adapter takes {device['state_bytes']:,} bytes of RAM and "
        f"{device['filter_bytes']:,} of flash",
    )


def weight_bits(model: Model, recipe: Recipe) -> int:
    """Return the narrowest form that a recipe gives float weights, in bits; a quantized network keeps its own."""
    if model.quantization.recipe not in FLOATS:
        return WEIGHT_BITS["float32"]
    return min(WEIGHT_BITS[kind] for kind in (recipe.weights, *recipe.layers.values()))


def kept_in_float(model: Model) -> tuple[str, ...]:
    """Say which layers and operators an integer recipe left in float; nothing runs in float unsaid."""
    if model.quantization.recipe in FLOATS:
        return ()
    kept = (*float_layers(model), *float_operators(model))
    count = float_batch(model)
    reason = "" if count is None else f"; integer convolutions take a first axis of 1, not {count}"
    return (f"kept in float: {', '.join(kept)}{reason}",) if kept else ()


def refuse_float(model: Model) -> None:
    """Raise a ModelError if an integer recipe left anything of the network in float."""
    recipe = model.quantization.recipe
    kept = (f"recipe {recipe}",) if recipe in FLOATS else kept_in_float(model)
    if kept:
        allowed = (
            "a recipe and operators whose integer forms there are, see `edgekit help operators`"
        )
        raise ModelError(Problem("--strict", kept[0], allowed, "leave out --strict"))


def _not_strict(found: str) -> Problem:
    allowed = "operators that the target runs in integers on its own"
    return Problem("--strict", found, allowed, "change the layers, or leave out --strict")
