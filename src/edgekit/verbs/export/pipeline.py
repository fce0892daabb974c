"""The export: source network in, verified build folder out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import CheckFailed, ModelError, Problem, UsageError, unavailable
from edgekit.base.output import complete_folder, folder_problem
from edgekit.quantize.recipe import FLOATS, HALF
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest
from edgekit.runtime.stream import Arrays, Stream
from edgekit.verbs.auto.measure import cache_folder
from edgekit.verbs.doctor import PACKAGE_NAMES, require
from edgekit.verbs.export.importing import (
    Imported,
    ImportOptions,
    is_onnx,
    load_model,
    source_needs,
    source_problems,
    surrounded,
)
from edgekit.verbs.export.sampling import (
    golden_image,
    own_trajectories,
    sampled_calls,
    verify_loop,
    with_corrected_rows,
)
from edgekit.verbs.export.speech_quality import Heard, heard
from edgekit.verbs.export.verification import HOPS, sample_hops, verify, write_golden

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.calibrate.clips import Calibration
    from edgekit.quantize.compare import TensorRow
    from edgekit.quantize.recipe import Recipe
    from edgekit.runtime.devices.profile import Profile
    from edgekit.targets.build import Build

Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all
FLOAT = "float32"
AUTO = "auto"
WEIGHT_BITS = {"float32": 32, "float16": 16, "int8": 8, "int4": 4}
CALIBRATION_CALLS = 512  # of a denoiser's own
LITERT, NPU = "litert", "ethos-u55"
FPGA = "fpga"  # the target whose builds are engines, see `edgekit.verbs.export.engine`


@dataclass(frozen=True)
class Exported:
    """A build that was written: its folder, its manifest, and what the user should know of it."""

    directory: Path
    manifest: Manifest
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """What is exported, to which target, how, and where to."""

    source: str
    target: str
    out: Path
    recipe: str | None = None
    calibration: str | None = None
    min_snr_db: float | None = None
    options: ImportOptions = field(default_factory=ImportOptions)
    strict: bool = False
    part: str | None = None
    goal: str | None = None
    cpu_fallback: bool = False
    stateful: bool = False
    allow_oversize: bool = False
    force: bool = False


@dataclass(frozen=True)
class Quantized:
    """The model to lower, the float form it is compared with, and what it was calibrated on.

    `recipe` is None where another tool quantized it. `alone_db`: of a recipe that was searched, the
    signal-to-noise ratio with one tensor alone in its narrowest type, by name.
    """

    model: "Model"
    reference: "Model"
    calibration: "Calibration | None"
    recipe: "Recipe | None"
    notes: tuple[str, ...]
    alone_db: Mapping[str, float] = field(default_factory=dict)


def export(request: Request, progress: Progress) -> Exported:
    """Import, quantize, lower, write and verify; the folder appears complete or not at all."""
    if problems := request_problems(request):
        raise UsageError(problems)
    require(needs(request))
    if request.target == FPGA:
        from edgekit.verbs.export.engine import export_engine

        return export_engine(request, progress)
    from edgekit.targets.c.fit import misfits, weights_misfit
    from edgekit.targets.devices import profile
    from edgekit.targets.litert import lower_stateful
    from edgekit.verbs.targets import TARGETS

    with complete_folder(request.out, request.force) as folder:
        progress("import", 0, 1)
        imported = load_model(request.source, request.options)
        check(imported.model, request.target)
        device = profile(request.target)
        fits(weights_misfit(imported.model, weight_bits(imported.model, request), device), request)
        progress("quantize", 0, 1)
        quantized = quantize(imported, request, progress)
        if request.strict:
            refuse_float(quantized.model)
        progress("lower", 0, 1)
        check(quantized.model, request.target)
        lower = lower_stateful if request.stateful else TARGETS[request.target].lower
        build = lower(quantized.model, request.target)
        if request.strict and build.notes:
            raise ModelError([_not_strict(note) for note in build.notes])
        fits(misfits(build.manifest, device), request)
        write(build, folder)
        manifest = finish(folder, build, quantized, imported, request, progress)
        too_large = fits(misfits(manifest, device), request)
    return Exported(
        request.out,
        manifest,
        (
            *imported.model.notes,
            *quantized.notes,
            *kept_in_float(quantized.model),
            *build.notes,
            *too_large,
        ),
    )


def weight_bits(model: "Model", request: Request) -> int:
    """The narrowest form that a request gives float weights, in bits."""
    from edgekit.quantize.recipe_file import find_recipe

    recipe = request.recipe or default_recipe(request.target)
    if model.quantization.recipe != FLOAT:
        return 32  # a network that comes quantized keeps what it has
    if recipe == AUTO:
        return 8
    found = find_recipe(recipe)
    return min(WEIGHT_BITS[kind] for kind in (found.weights, *found.layers.values()))


def fits(found: tuple[str, ...], request: Request) -> tuple[str, ...]:
    """Return what does not fit the target's memories, where that was allowed.

    Raises:
        CheckFailed: it was not.
    """
    if found and not request.allow_oversize:
        step = "make the network smaller, take --recipe w8a8 or w4a8, or give --allow-oversize"
        raise CheckFailed("\n".join((*found, f"next: {step}")))
    return found


def request_problems(request: Request) -> list[Problem]:
    """Return everything that is wrong with a request before anything is loaded."""
    from edgekit.verbs.targets import TARGETS

    problems = source_problems(request.source, request.options)
    known = (*TARGETS, FPGA)
    if request.target not in known:
        problems.append(unavailable("target", request.target, known, ()))
    problems += engine_problems(request)
    if request.stateful and request.target != LITERT:
        found, step = f"given for target '{request.target}'", "leave it out"
        problems.append(Problem("--stateful", found, f"--target {LITERT}", step))
    if request.recipe is not None and request.target != FPGA:
        problems += recipe_problems(request.recipe) or half_problems(request)
    if request.min_snr_db is not None and not math.isfinite(request.min_snr_db):
        found = str(request.min_snr_db)
        problems.append(Problem("--min-snr", found, "a number of dB", "give one, as 20"))
    if problem := folder_problem(request.out, request.force):
        problems.append(problem)
    recipe = request.recipe or default_recipe(request.target)
    draws = request.options.sampler is not None  # then it is calibrated on its own trajectories
    calibrates = recipe not in FLOATS and not draws
    if calibrates and request.calibration is None and is_onnx(request.source):
        problems.append(
            Problem(
                f"recipe '{recipe}' for '{Path(request.source).name}'",
                "no calibration",
                "--calibration SOURCE: an .onnx holds no example inputs",
                "give a folder of .wav or .npz, or package.module:factory",
            )
        )
    return problems


def needs(request: Request) -> list[str]:
    """Packages and tools that a request takes, besides what its factory imports, see `tools.require`."""
    from edgekit.verbs.targets import TARGETS

    wanted = source_needs(request.source)
    if request.target == FPGA:
        wanted.append("g++")
    else:
        target = TARGETS[request.target].needs
        packages = [name for name in target if name in PACKAGE_NAMES]
        wanted += packages or ["cc"]  # C for another machine is verified in portable C
    clips = None if request.calibration is None else Path(request.calibration)
    if clips is not None and clips.is_dir():
        wanted += ["soundfile" for path in clips.rglob("*") if path.suffix.lower() == ".wav"]
    return wanted


def half_problems(request: Request) -> list[Problem]:
    """Return why a recipe with float16 weights does not go with the target."""
    from edgekit.quantize.recipe_file import find_recipe

    recipe = request.recipe
    if recipe is None or recipe == AUTO or find_recipe(recipe).weights != HALF:
        return []
    return [] if request.target == LITERT else [_not_half(request.target)]


def _not_half(target: str) -> Problem:
    found = f"for target '{target}', which multiplies by float32 or integer weights only"
    step = "use float32, or w8a16 and w8a8 for smaller weights"
    return Problem(f"recipe '{HALF}'", found, f"--target {LITERT}", step)


def default_recipe(target: str) -> str:
    """The recipe of a target where none is asked for."""
    if target == NPU:
        return "w8a8"
    if target != FPGA:
        return FLOAT
    from edgekit.fpga.engine import DEFAULT_RECIPE

    return DEFAULT_RECIPE


def engine_problems(request: Request) -> list[Problem]:
    """Return what is wrong with a request for an engine; other targets have neither part nor goal."""
    if request.target == FPGA:
        from edgekit.fpga import engine

        return engine.request_problems(request.recipe, request.part, request.goal)
    given = (
        ("--part", request.part),
        ("--goal", request.goal),
        ("--cpu-fallback", request.cpu_fallback or None),
    )
    allowed = f"--target {FPGA}"
    return [
        Problem(flag, f"given for target '{request.target}'", allowed, "leave it out")
        for flag, value in given
        if value is not None
    ]


def recipe_problems(recipe: str) -> list[Problem]:
    """Return why a recipe cannot be used, if it cannot."""
    from edgekit.quantize.recipe_file import find_recipe

    if recipe == AUTO:
        return []
    try:
        find_recipe(recipe)
    except UsageError as error:
        return list(error.problems)
    return []


def quantize(imported: Imported, request: Request, progress: Progress) -> Quantized:
    """Apply the request's recipe; a network that comes quantized keeps what it has."""
    from edgekit.quantize.calibrate.clips import from_examples, load_calibration
    from edgekit.quantize.calibrate.warnings import calibration_warnings
    from edgekit.quantize.recipe_file import find_recipe
    from edgekit.quantize.rounding.half import half_weights

    model = imported.model
    own = model.quantization.recipe
    recipe = request.recipe or default_recipe(request.target)
    if request.recipe is not None and (problem := requantized(model, request.recipe)) is not None:
        raise UsageError(problem)
    calibration = (
        None if request.calibration is None else load_calibration(request.calibration, model)
    )
    if own != FLOAT:
        return Quantized(model, model, calibration, None, ())
    if recipe != AUTO and (shipped := find_recipe(recipe)).weights in FLOATS:
        if shipped.weights == FLOAT:
            return Quantized(model, model, calibration, shipped, ())
        halved, notes = half_weights(model)
        return Quantized(halved, model, calibration, shipped, notes)
    if model.sampler is not None:
        calibration = trajectories(model, imported.examples, calibration)
    if calibration is not None:
        made = applied(model, calibration, recipe, request.min_snr_db, progress, imported.examples)
        notes = (*calibration_warnings(model, calibration), *made.notes)
        return Quantized(made.model, model, calibration, made.recipe, notes, made.alone_db)
    assert imported.examples is not None
    # The examples are the network's inputs, so it is quantized before its front end is added.
    network = imported.network if request.options.frontend else model
    calibration = repeated(from_examples(imported.examples, network), network.constants)
    made = applied(network, calibration, recipe, request.min_snr_db, progress)
    lowered = surrounded(made.model, request.options) if request.options.frontend else made.model
    note = "calibrated on the factory's example inputs only: --calibration SOURCE gives real ones"
    known = None if request.options.frontend else calibration
    return Quantized(lowered, model, known, made.recipe, (note, *made.notes), made.alone_db)


def trajectories(
    model: "Model", examples: Mapping[str, NDArray[np.float32]] | None, given: "Calibration | None"
) -> "Calibration":
    """Return a denoiser's calls: those given, or its own, with the conditions where these alone are given."""
    assert model.sampler is not None
    if given is None:
        return own_trajectories(model, examples, CALIBRATION_CALLS)
    if model.sampler.roles.x in given.clips[0]:
        return given
    own = own_trajectories(model, examples, CALIBRATION_CALLS, given.clips)
    return replace(own, source=given.source)


@dataclass(frozen=True)
class Applied:
    """A network in a recipe; `alone_db` as in `Quantized`, `notes` what a search fell short of."""

    model: "Model"
    recipe: "Recipe"
    alone_db: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def applied(
    model: "Model",
    calibration: "Calibration",
    recipe: str,
    min_snr_db: float | None,
    progress: Progress,
    examples: Mapping[str, NDArray[np.float32]] | None = None,
) -> Applied:
    """Quantize a float model in the recipe of a name or file, or in one that is searched for.

    `examples` are a factory's inputs, for what a denoiser is told beside labels.
    """
    from edgekit.quantize import apply
    from edgekit.quantize.diffusion.step_groups import quantize_groups
    from edgekit.quantize.recipe_file import find_recipe
    from edgekit.verbs.auto import search as auto

    if recipe == AUTO:
        found = auto.find(model, calibration, min_snr_db, progress, cache_folder())
        return Applied(found.quantized, found.recipe, found.alone_db, found.notes)
    progress("quantize", 0, 1)
    chosen = find_recipe(recipe)

    def fitted(done: int, total: int) -> None:
        progress("fit weights", done, total)

    made = quantize_groups if chosen.step_groups > 1 else apply.quantize
    quantized = made(model, calibration, chosen, fitted)
    if chosen.correct_sampler:
        progress("correct the sampler", 0, 1)
        quantized = with_corrected_rows(model, quantized, examples)
    return Applied(quantized, chosen)


def requantized(model: "Model", recipe: str) -> Problem | None:
    """Say why a network that is quantized already cannot get this recipe; it stays as it is."""
    from edgekit.graph.model import SOURCE_RECIPE

    own = model.quantization.recipe
    if own == FLOAT or recipe == own or (own == SOURCE_RECIPE and recipe == FLOAT):
        return None
    known = own != SOURCE_RECIPE
    found = f"the network is {own} already" if known else "another tool quantized the network"
    allowed = f"recipe {own}, or none" if known else "no recipe: its own integers are kept"
    return Problem(f"recipe '{recipe}'", found, allowed, "leave it out, or give the float network")


def repeated(calibration: "Calibration", constants: Sequence[str]) -> "Calibration":
    """Return example inputs but the constant ones over and over, so that the states are seen as well."""
    clips = tuple(
        {
            name: array
            if name in constants
            else np.concatenate([array] * -(-HOPS // len(array)))[:HOPS]
            for name, array in clip.items()
        }
        for clip in calibration.clips
    )
    return replace(calibration, clips=clips)


def check(model: "Model", target: str) -> None:
    """Raise a ModelError with everything that a target does not support."""
    from edgekit.verbs.targets import TARGETS

    problems = TARGETS[target].check(model)
    if model.quantization.recipe == HALF and target != LITERT:
        problems.append(_not_half(target))
    if problems:
        raise ModelError(problems)


def finish(
    folder: Path,
    build: "Build",
    quantized: Quantized,
    imported: Imported,
    request: Request,
    progress: Progress,
) -> Manifest:
    """Verify a written build and add golden samples, model, recipe, report and manifest."""
    from edgekit.targets.c.replay import FOLDER as REPLAY
    from edgekit.targets.c.replay import golden_source
    from edgekit.targets.devices import profile

    manifest = build.manifest
    progress("compile", 0, 1)
    stream = opened(folder, quantized.model, request.target)
    samples = samples_of(quantized, imported.examples)
    hops = len(samples[stream.manifest.stream_inputs[0].name])
    verification, outputs = verify(
        stream,
        quantized.reference,
        quantized.model,
        samples,
        request.min_snr_db,
        lambda done: progress("verify", done, hops),
    )
    if quantized.model.sampler is not None:
        progress("verify the sampler", 0, 1)
        verify_loop(stream, quantized.model)
    progress("report", 0, 1)
    write_golden(folder / "golden", samples, outputs, quantized.model.constants)
    tools = dict(manifest.tools)
    if stream.compiler is not None:
        tools["cc"] = stream.compiler.label
    if kernels := profile(request.target).kernels:
        tools["kernels"] = ", ".join(kernels)
    facts = {**manifest.quantization, "notes": list(quantized.notes)}
    manifest = replace(manifest, verification=verification, tools=tools, quantization=facts)
    if (device := profile(request.target)).is_cross:
        if quantized.model.sampler is not None:
            samples, outputs = golden_image(stream, quantized.model)
        golden = golden_source(build, manifest, quantized.model, samples, outputs, device)
        (folder / REPLAY / "golden.c").write_bytes(golden)
        manifest = with_code_bytes(manifest, folder, device)
    if not (folder / "model.onnx").exists():
        quantized.model.save(folder / "model.onnx")
    (folder / "recipe.toml").write_text(recipe_text(quantized), encoding="utf-8")
    # another runtime's integers are its own: the per-tensor comparison is that of our arithmetic
    rows = () if stream.compiler is None else tensor_rows(quantized)
    listened = heard(stream, quantized.reference, quantized.calibration)
    page = report(manifest, build, rows, quantized, listened)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def samples_of(quantized: Quantized, examples: Mapping[str, NDArray[np.float32]] | None) -> Arrays:
    """What a build is verified on: hops of a stream, or the network calls of a denoiser's sampling."""
    if quantized.model.sampler is not None:
        return sampled_calls(quantized.reference, quantized.model, examples)
    return sample_hops(quantized.model, quantized.calibration, examples)


def write(build: "Build", folder: Path) -> None:
    """Write a build's files and its manifest, which is not verified yet."""
    for name, content in build.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / MANIFEST_NAME).write_text(build.manifest.to_json(), encoding="utf-8")


def opened(folder: Path, model: "Model", target: str) -> Stream:
    """Run a written build; of one for another machine the portable C of the same model."""
    from edgekit.targets.devices import profile
    from edgekit.verbs.targets import TARGETS

    if not profile(target).is_cross:
        return Stream.open(folder)
    with TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        write(TARGETS["c99"].lower(model, "c99"), Path(name))
        return Stream.open(name)


def with_code_bytes(manifest: Manifest, folder: Path, device: "Profile") -> Manifest:
    """Add what the device's own compiler makes of a build, where this machine has it."""
    from edgekit.runtime.devices.cross import code_bytes

    if (found := code_bytes(folder, device)) is None:
        return manifest
    size, compiler = found
    memory = {**manifest.memory, "code_bytes": size}
    return replace(manifest, memory=memory, tools={**manifest.tools, "cross_cc": compiler})


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


def recipe_text(quantized: Quantized) -> str:
    """Return the recipe.toml of what was applied; of what another tool did, its name."""
    from edgekit.quantize.recipe_file import to_toml

    if quantized.recipe is None:
        return f'name = "{quantized.model.quantization.recipe}"\n'
    alone = quantized.alone_db
    return to_toml(quantized.recipe, {name: f"alone {db:.1f} dB" for name, db in alone.items()})


def tensor_rows(quantized: Quantized) -> Sequence["TensorRow"]:
    """Return the per-tensor comparison with the float network, where there is one."""
    if quantized.calibration is None or quantized.reference is quantized.model:
        return ()
    from edgekit.quantize.compare import tensor_report
    from edgekit.quantize.prepare.prepare import prepare

    reference = quantized.reference
    if quantized.recipe is not None:  # scaled channels are compared with their like
        reference = prepare(reference, quantized.calibration, quantized.recipe)
    return tensor_report(reference, quantized.model, quantized.calibration)


def report(
    manifest: Manifest,
    build: "Build",
    rows: Sequence["TensorRow"],
    quantized: Quantized,
    listened: Sequence[Heard],
) -> str:
    """Return the text of report.html."""
    from edgekit.targets.report import render
    from edgekit.targets.sensitivity import alone

    recipe = quantized.recipe
    measured = (
        [] if recipe is None else alone(quantized.alone_db, recipe.tensors, recipe.activations)
    )
    means = [
        (h.metric, str(h.clips), *(f"{v:.3f}" for v in (h.noisy, h.exact, h.built)))
        for h in listened
    ]
    return render(manifest, build.plan, build.steps, rows, measured, means)
