"""The request of an export, read once before any work."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from edgekit.base import wav
from edgekit.base.clip_files import is_sound
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.output import folder_problem
from edgekit.base.pictures import read_pictures
from edgekit.base.resampling import resampling_between
from edgekit.base.spread import DASK, HERE, Workers
from edgekit.base.until import Until
from edgekit.export.stream.replace.forms import chosen
from edgekit.judge.limits import FLAGS, UNBOUNDED, Limits
from edgekit.judge.metric import Metric, RequiredMetric
from edgekit.quantize.recipe import AUTO, FLOATS, HALF, Recipe
from edgekit.targets.board_names import board_problem
from edgekit.verbs.export.companion_files import read_companions
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.input_settings import clip_problems, input_settings
from edgekit.verbs.export.option_checks import (
    OptionValues,
    read_options,
    texts_of,
    value_or_problems,
)
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.readers import read_recipe
from edgekit.verbs.export.source_checks import sampler_conflicts, source_problems
from edgekit.verbs.export.source_names import is_graph_file, source_needs
from edgekit.verbs.export.wake_word import WakeWord, with_wake_word
from edgekit.verbs.export.work import NO_COMPANIONS, Companions
from edgekit.verbs.targets import ROWS, TARGETS, Target, named_target, own_options


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """The quantization of a network, and the quality that it must keep.

    Attributes:
        recipe: of the quantization; `AUTO` for a search.
        is_asked: whether the user named the recipe.
        calibration: a folder, or ``package.module:factory``.
        min_snr_db: least SNR.
        metric: the user's, which then has the unit of `min_snr_db`.
        limits: the resources of the device that a build of a search may take.
        workers: the processes that measure in a search.
    """

    recipe: Recipe
    is_asked: bool = False
    calibration: str | None = None
    min_snr_db: float | None = None
    metric: Metric | None = None
    limits: Limits = UNBOUNDED
    workers: Workers = HERE

    @property
    def required_metric(self) -> RequiredMetric | None:
        """The user's metric and the value that it must reach, where there is one."""
        if self.metric is None or self.min_snr_db is None:
            return None
        return self.metric, self.min_snr_db

    @property
    def needs(self) -> list[str]:
        """Packages that it takes, see `doctor.require`."""
        wanted = [DASK] if self.workers != HERE else []
        clips = None if self.calibration is None else Path(self.calibration)
        if clips is not None and clips.is_dir():
            sounds = [path for path in clips.rglob("*") if is_sound(path)]
            wanted += [name for path in sounds for name in wav.needs(path)]
        return wanted


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """The files to write, and the reasons to refuse.

    Attributes:
        strict: whether a build is refused if an integer recipe leaves layers in float.
        allow_oversize: whether a build may be too large for its board.
        force: whether a build in the folder is replaced.
        device_rate: of the sound device, Hz; None where the network has its own.
        companions: the board that runs it, and the packages and bindings to write.
        tune: whether the kernels of its layers are measured.
        schedule: the kernel of each layer; None where the cost model or a measurement chooses.
    """

    strict: bool = False
    allow_oversize: bool = False
    force: bool = False
    device_rate: int | None = None
    companions: Companions = NO_COMPANIONS
    tune: bool = False
    schedule: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """An export: its source, its target, the options and the output folder.

    Attributes:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        target: the row of its table.
        out: the folder to make.
        imports: facts that the network's file does not contain.
        quantization: the conversion to integers.
        output: the files to write.
        own: options of this target only.
        notes: for the user, on the name of the target.
        wake_word: the manifest that named the network; None where the user did.
    """

    source: str
    target: Target
    out: Path
    imports: ImportOptions
    quantization: Quantization
    output: OutputOptions = OutputOptions()
    own: JsonObject = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    wake_word: WakeWord | None = None

    @property
    def needs(self) -> list[str]:
        """Packages and tools that the export needs, besides the imports of its factory, see `doctor.require`."""
        target = self.target
        wanted = [*source_needs(self.source), *(target.verifies_with or target.needs)]
        if "instructions" in self.quantization.limits.most or self.output.tune:
            wanted += target.needs
        for name, value, tools in target.needs_of:
            wanted += tools if self.own.get(name) == value else ()
        return [*wanted, *self.quantization.needs]


def read_request(source: str, target: str, out: Path, options: ExportOptions) -> Request:
    """Read the user's arguments.

    Raises:
        UsageError: all problems with them, before anything is loaded.
    """
    source, stated, word = with_wake_word(source, options)
    options = cast(ExportOptions, stated)
    read = read_options(options, ExportOptions)
    row, notes = named_target(target)
    imports, problems = read_imports(source, read)
    for name, found in read.problems_by_name.items():
        problems += () if name == "recipe" and _limits_recipes(row) else found
    if row is None:
        problems.append(board_problem(target, tuple(TARGETS)))
    else:
        problems += target_problems(read, row)
    quantization, wrong_numbers = read_quantization(source, read, row)
    companions, wrong_companions = read_companions(read, row)
    problems += [*wrong_numbers, *wrong_companions, *_output_problems(read, out)]
    if problems or row is None or quantization is None:
        raise UsageError(problems)
    return Request(
        source=source,
        target=row,
        out=out,
        imports=imports,
        quantization=quantization,
        output=read.group(OutputOptions, companions=companions),
        own=own_options(options, row)[0],
        notes=notes,
        wake_word=word,
    )


def read_imports(source: str, read: OptionValues) -> tuple[ImportOptions, list[Problem]]:
    """Return the options for an import, and all problems with them and with the source."""
    values, problems = read.values, read.problems_by_name
    causal = bool(values.get("causal"))
    forms, wrong_forms = value_or_problems(
        lambda texts: chosen(texts, causal=causal), cast("Sequence[str]", values.get("replace", ()))
    )
    until = values.get("until")
    imports = read.group(
        ImportOptions,
        # versions up to 0.3 had the rule of a step network in --until
        **({"until": None, "iterate": until} if isinstance(until, Until) else {}),
        then=None if "frontend" in problems else values.get("then"),
        calibration=None if "sampler" in read.user_options else values.get("calibration"),
        replace=forms or {},
        settings=input_settings(read),
    )
    conflicts = sampler_conflicts(imports) if "sampler" in problems else []
    return imports, [*source_problems(source, imports), *conflicts, *wrong_forms]


def read_quantization(
    source: str, read: OptionValues, target: Target | None
) -> tuple[Quantization | None, list[Problem]]:
    """Return how the network becomes integers, and everything that is wrong with that."""
    values, recipe = {**read.user_options, **read.values}, _recipe_of(read, target)
    limits, wrong_limits = read_limits(values, target, recipe)
    workers, wrong_workers = read_workers(values, recipe)
    clips = read.user_options.get("calibration")
    calibration = None if clips is None else str(clips)
    problems = [
        *_recipe_problems(source, read, recipe, target),
        *metric_problems(read, target),
        *wrong_limits,
        *wrong_workers,
        *clip_problems(source, calibration, read.user_options),
    ]
    if recipe is None:
        return None, problems
    is_asked = "recipe" in read.user_options
    groups = {"recipe": recipe, "is_asked": is_asked, "limits": limits, "workers": workers}
    return read.group(Quantization, **groups), problems


def _recipe_of(read: OptionValues, target: Target | None) -> Recipe | None:
    """The recipe that is named, or the target's; None where it cannot be read."""
    if target is not None and "recipe" not in read.user_options:
        return read_recipe(target.default_recipe)
    recipe = read.values.get("recipe")
    return recipe if isinstance(recipe, Recipe) else None


def _recipe_problems(
    source: str, read: OptionValues, recipe: Recipe | None, target: Target | None
) -> Iterator[Problem]:
    """Yield the conflicts of a recipe with the target, or with a source without a calibration."""
    if recipe is None:
        return
    if recipe.weights == HALF and target is not None and not _limits_recipes(target):
        yield from half_problems(target)
    # with a sampler it is calibrated on its own trajectories
    is_calibrated = bool({"calibration", "sampler"} & read.user_options.keys())
    if recipe.weights not in FLOATS and not is_calibrated:
        yield from calibration_problems(source, str(read.user_options.get("recipe", recipe.name)))


def _output_problems(read: OptionValues, out: Path) -> Iterator[Problem]:
    """Yield problems with the output folder, the sound device and the kernels."""
    device_rate, network_rate = (read.values.get(name) for name in ("device_rate", "sample_rate"))
    if isinstance(device_rate, int):
        hz = network_rate if isinstance(network_rate, int) else None
        yield from value_or_problems(
            lambda rate: resampling_between(rate, network_hz=hz), device_rate
        )[1]
    if read.user_options.get("tune") and "schedule" in read.user_options:
        found, allowed = "given with --schedule", "one of both"
        yield Problem("--tune", found, allowed, "leave out --schedule to measure again")
    if problem := folder_problem(out, bool(read.values.get("force"))):
        yield problem


def metric_problems(read: OptionValues, target: Target | None) -> Iterator[Problem]:
    """Yield the conflicts of a metric with the other options."""
    if "metric" not in read.user_options:
        return
    if "min_snr_db" not in read.user_options:
        found, step = "nothing that it must reach", "add --min-snr, in the metric's unit"
        yield Problem("--metric", found, "--min-snr VALUE with it", step)
    draws = "sampler" in read.user_options
    if draws or (target is not None and target.quantizes):
        found = "images of a sampler" if draws else "an engine's pictures"
        yield Problem("--metric", found, "hops of a stream", "leave it out")


def read_limits(
    values: Mapping[str, object], target: Target | None, recipe: Recipe | None
) -> tuple[Limits, list[Problem]]:
    """Return the bounds of a search for types, and all problems with them."""
    most = {key: count for key in FLAGS if isinstance(count := values.get(f"max_{key}"), int)}
    is_calibrated = any(values.get(name) is not None for name in ("calibration", "sampler"))
    problems = []
    for key, count in most.items():
        conflicts = _limit_conflicts(key, count, is_calibrated, target, recipe)
        if first := next(conflicts, None):
            problems.append(Problem(FLAGS[key], *first, "change this, or leave it out"))
    return (Limits(target.name, most) if target else UNBOUNDED), problems


def _limit_conflicts(
    key: str, count: int, is_calibrated: bool, target: Target | None, recipe: Recipe | None
) -> Iterator[tuple[str, str]]:
    """Yield the conflicts of a bound, each with the allowed value, the first first."""
    if recipe is not None and recipe is not AUTO:
        yield f"recipe '{recipe.name}', which chooses nothing", "--recipe auto"
    if count < 1:
        yield str(count), "1 or more"
    if not is_calibrated:
        yield "no calibration: types are chosen by the inner network", "--calibration"
    if target is None:
        return
    if not target.is_c:
        others = "no such plan is made of it"
        yield f"target '{target.name}': {others}", "a target of C sources"
    if key == "instructions" and target.verifies_with is None:
        found = f"target '{target.name}', whose instructions are not counted"
        yield found, "an emulated device, as --target cortex-m55"


def read_workers(
    values: Mapping[str, object], recipe: Recipe | None
) -> tuple[Workers, list[Problem]]:
    """Return where a search for types measures, and everything that is wrong with that."""
    count, scheduler = values.get("workers"), values.get("scheduler")
    workers = Workers(
        count if isinstance(count, int) else None,
        scheduler if isinstance(scheduler, str) else None,
    )
    problems = list(workers.problems())
    if workers != HERE and recipe is not None and recipe is not AUTO:
        name = "--workers" if workers.scheduler is None else "--scheduler"
        found = f"recipe '{recipe.name}', which searches for nothing"
        problems.append(Problem(name, found, "--recipe auto", "leave it out"))
    return workers, problems


def _limits_recipes(target: Target | None) -> bool:
    """Whether a target declares which recipes it takes."""
    return target is not None and "recipe" in target.choices()


def target_problems(read: OptionValues, target: Target) -> list[Problem]:
    """Return what options say that is not for this target, or that it does not know."""
    flags = {name: row.flag_name for name, row in option_specs(ExportOptions).items()}
    problems = []
    for name in own_options(read.user_options, target)[1]:
        others = " or ".join(row.name for row in ROWS if name in row.options)
        found = f"given for target '{target.name}'"
        problems.append(Problem(flags[name], found, f"--target {others}", "leave it out"))
    picture = read.user_options.get("picture")
    if "picture" in target.options and picture is not None:
        problems += value_or_problems(read_pictures, str(picture))[1]
    for name, known in target.choices().items():
        where = name if name == "recipe" else flags[name]
        found, allowed = f"not known for --target {target.name}", ", ".join(known)
        values = texts_of(cast("Sequence[str] | None", read.user_options.get(name)))
        problems += [
            Problem(f"{where} '{value}'", found, allowed, "choose one of these")
            for value in values
            if value not in known
        ]
    return problems


def half_problems(target: Target) -> list[Problem]:
    """Return the conflicts of float16 weights with the target."""
    if target.stores_half:
        return []
    found = f"for target '{target.name}', which multiplies by float32 or integer weights only"
    allowed = " or ".join(f"--target {row.name}" for row in ROWS if row.stores_half)
    step = "use float32, or w8a16 and w8a8 for smaller weights"
    return [Problem(f"recipe '{HALF}'", found, allowed, step)]


def calibration_problems(source: str, recipe: str) -> list[Problem]:
    """Return the conflicts of an integer recipe without --calibration with the source."""
    if not is_graph_file(source):
        return []
    allowed = "--calibration SOURCE: an .onnx holds no example inputs"
    step = "give a folder of recordings or .npz, or package.module:factory"
    where = f"recipe '{recipe}' for '{Path(source).name}'"
    return [Problem(where, "no calibration", allowed, step)]
