"""What a user asks an export for, as values: read once, before any work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from edgekit.base import wav
from edgekit.base.decide import read_decide
from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.layout import Layout, parse_layout
from edgekit.base.output import folder_problem
from edgekit.base.pictures import read_pictures
from edgekit.base.resampling import resampling_between
from edgekit.base.spread import DASK, HERE, Workers
from edgekit.base.until import read_until
from edgekit.export.frontend.spec import parse_forms
from edgekit.export.stream.replace.forms import chosen
from edgekit.judge.budget import FLAGS, UNBOUNDED, Limits
from edgekit.judge.metric import Metric, read_metric
from edgekit.quantize.recipe import AUTO, FLOATS, HALF, RECIPES, Recipe
from edgekit.verbs.export.companion_files import read_beside
from edgekit.verbs.export.importing import ImportOptions, sampler_conflicts, source_problems
from edgekit.verbs.export.input_settings import clip_problems, read_input_settings
from edgekit.verbs.export.named import is_onnx, source_needs
from edgekit.verbs.export.option_checks import check_options, snr_problems, texts_of
from edgekit.verbs.export.options import (
    ExportOptions,
    StreamOptions,
    declared,
)
from edgekit.verbs.export.schedule import read_schedule
from edgekit.verbs.export.work import NOTHING, Beside
from edgekit.verbs.targets import ROWS, TARGETS, Target, own_options

T = TypeVar("T")
MOST_SAMPLES = 2**16  # that a frame lasts: what a float stands for is the nearest such fraction


@dataclass(frozen=True)
class Request:
    """What is exported, to which target, how, and where to.

    Attributes:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        target: the row of its table.
        out: the folder to make.
        imports: what the network's file does not say.
        recipe: how it is quantized; `AUTO` for a search.
        is_asked: whether the user named the recipe.
        calibration: a folder, or ``package.module:factory``.
        min_snr_db: least fidelity.
        metric: the user's, which then has the unit of `min_snr_db`.
        limits: what a search for types may take of the device.
        workers: where it measures.
        own: the target's own options.
        strict: whether what an integer recipe leaves in float is refused.
        allow_oversize: whether a build may be too large for its board.
        force: whether a build in `out` is replaced.
        device_rate: of the sound device, Hz; None where the network has its own.
        beside: the board that it is placed on, and what it is laid out for.
        tune: whether the kernels of its layers are measured.
        schedule: the kernel of each layer; None where the cost model or a measurement chooses.
    """

    source: str
    target: Target
    out: Path
    imports: ImportOptions
    recipe: Recipe
    is_asked: bool
    calibration: str | None = None
    min_snr_db: float | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    allow_oversize: bool = False
    force: bool = False
    device_rate: int | None = None
    metric: Metric | None = None
    limits: Limits = UNBOUNDED
    workers: Workers = HERE
    beside: Beside = NOTHING
    tune: bool = False
    schedule: Mapping[str, str] | None = None

    @property
    def needs(self) -> list[str]:
        """Packages and tools that the export takes, besides what its factory imports, see `doctor.require`."""
        target = self.target
        wanted = [*source_needs(self.source), *(target.verifies_with or target.needs)]
        if "instructions" in self.limits.most or self.tune:
            wanted += target.needs
        wanted += [DASK] if self.workers != HERE else []
        clips = None if self.calibration is None else Path(self.calibration)
        if clips is not None and clips.is_dir():
            sounds = [path for path in clips.rglob("*") if path.suffix.lower() == ".wav"]
            wanted += [name for path in sounds for name in wav.needs(path)]
        return wanted


def read_request(source: str, target: str, out: Path, options: ExportOptions) -> Request:
    """Read what a user gave.

    Raises:
        UsageError: everything that is wrong with it, before anything is loaded.
    """
    check_options(options, ExportOptions)
    imports, problems = read_imports(source, options)
    row = TARGETS.get(target)
    if row is None:
        problems.append(unavailable("target", target, TARGETS, ()))
    else:
        problems += target_problems(options, row)
    named = options.get("recipe")
    limited = row is not None and "recipe" in row.choices()
    recipe, found = tried(read_recipe, row.default_recipe if row and named is None else named)
    if not limited:
        problems += found
        if row is not None and recipe is not None and recipe.weights == HALF:
            problems += half_problems(row)
    min_snr_db = options.get("min_snr_db")
    problems += snr_problems(min_snr_db)
    device_rate = options.get("device_rate")
    problems += tried(
        partial(resampling_between, network_hz=options.get("sample_rate")), device_rate
    )[1]
    metric, unread = tried(read_metric, options.get("metric"))
    problems += [*unread, *metric_problems(options, row)]
    limits, unbounded = read_limits(options, row, recipe)
    workers, unreached = read_workers(options, recipe)
    beside, unread = read_beside(options, row)
    schedule, unscheduled = _read_kernels(options)
    problems += [*unbounded, *unreached, *unread, *unscheduled]
    if problem := folder_problem(out, options.get("force", False)):
        problems.append(problem)
    calibration = options.get("calibration")
    problems += clip_problems(source, calibration, options)
    draws = options.get("sampler") is not None  # then it is calibrated on its own trajectories
    if recipe is not None and recipe.weights not in FLOATS and calibration is None and not draws:
        problems += uncalibrated(source, named or recipe.name)
    if problems or row is None or recipe is None:
        raise UsageError(problems)
    return Request(
        source,
        row,
        out,
        imports,
        recipe,
        named is not None,
        calibration,
        min_snr_db,
        own_options(options, row)[0],
        options.get("strict", False),
        options.get("allow_oversize", False),
        options.get("force", False),
        device_rate,
        metric,
        limits,
        workers,
        beside,
        options.get("tune", False),
        schedule,
    )


def _read_kernels(options: ExportOptions) -> tuple[dict[str, str] | None, list[Problem]]:
    """The schedule that is given."""
    schedule, problems = tried(read_schedule, options.get("schedule"))
    if options.get("tune") and options.get("schedule") is not None:
        found, allowed = "given with --schedule", "one of both"
        problems.append(Problem("--tune", found, allowed, "leave out --schedule to measure again"))
    return schedule, problems


def metric_problems(options: ExportOptions, target: Target | None) -> list[Problem]:
    """Return why a metric does not go with the other options, if it does not."""
    if options.get("metric") is None:
        return []
    problems = []
    if options.get("min_snr_db") is None:
        found, step = "nothing that it must reach", "add --min-snr, in the metric's unit"
        problems.append(Problem("--metric", found, "--min-snr VALUE with it", step))
    if options.get("sampler") is not None or (target is not None and target.quantizes):
        found = "images of a sampler" if options.get("sampler") else "an engine's pictures"
        problems.append(Problem("--metric", found, "hops of a stream", "leave it out"))
    return problems


def read_limits(
    options: ExportOptions, target: Target | None, recipe: Recipe | None
) -> tuple[Limits, list[Problem]]:
    """Return what a search for types may take, and everything that is wrong with the bounds."""
    given: Mapping[str, Any] = options
    most = {key: given[name] for key in FLAGS if (name := f"max_{key}") in given}
    most = {key: count for key, count in most.items() if count is not None}
    problems = []
    for key, count in most.items():
        found = allowed = None
        if recipe is not None and recipe is not AUTO:
            found, allowed = f"recipe '{recipe.name}', which chooses nothing", "--recipe auto"
        elif count < 1:
            found, allowed = str(count), "1 or more"
        elif options.get("calibration") is None and options.get("sampler") is None:
            found, allowed = (
                "no calibration: types are chosen by the inner network",
                "--calibration",
            )
        elif target is not None and not target.is_c:
            others = "no such plan is made of it"
            found, allowed = f"target '{target.name}': {others}", "a target of C sources"
        elif target is not None and key == "instructions" and target.verifies_with is None:
            found = f"target '{target.name}', whose instructions are not counted"
            allowed = "an emulated device, as --target cortex-m55"
        if found is not None and allowed is not None:
            problems.append(Problem(FLAGS[key], found, allowed, "change this, or leave it out"))
    return (Limits(target.name, most) if target else UNBOUNDED), problems


def read_workers(
    options: Mapping[str, Any], recipe: Recipe | None
) -> tuple[Workers, list[Problem]]:
    """Return where a search for types measures, and everything that is wrong with that."""
    workers = Workers(options.get("workers"), options.get("scheduler"))
    problems = list(workers.problems())
    if workers != HERE and recipe is not None and recipe is not AUTO:
        name = "--workers" if workers.scheduler is None else "--scheduler"
        found = f"recipe '{recipe.name}', which searches for nothing"
        problems.append(Problem(name, found, "--recipe auto", "leave it out"))
    return workers, problems


def read_imports(
    source: str, options: ExportOptions | StreamOptions
) -> tuple[ImportOptions, list[Problem]]:
    """Return what options say of an import, and everything that is wrong with that and with the source."""
    given: Mapping[str, Any] = options
    frontend, problems = tried(parse_forms, given.get("frontend"))
    sampler, unread = tried(_read_sampler, given.get("sampler"))
    until, unlimited = tried(read_until, given.get("until"))
    causal = bool(given.get("causal"))
    forms, unknown = tried(partial(chosen, causal=causal), tuple(given.get("replace") or ()))
    decide, undecided = tried(read_decide, given.get("decide"))
    rates, unrated = tried(read_rates, given.get("rates"))
    layouts, unlaid = tried(_read_layouts, given.get("layouts"))
    settings, unset = read_input_settings(given)
    imports = ImportOptions(
        given.get("hop"),
        given.get("sample_rate"),
        tuple(given.get("states") or ()),
        given.get("shapes") or {},
        frontend,
        given.get("constants") or {},
        None if problems else given.get("then"),
        given.get("time_axes") or {},
        tuple(given.get("session_constants") or ()),
        rates or {},
        tuple(given.get("controls") or ()),
        sampler,
        until,
        forms or {},
        causal,
        given.get("calibration") if given.get("sampler") is None else None,
        decide,
        layouts or {},
        tuple(given.get("mid_side") or ()),
        given.get("noise") or {},
        settings,
    )
    conflicts = sampler_conflicts(imports) if unread else []
    return imports, [
        *source_problems(source, imports),
        *problems,
        *conflicts,
        *unread,
        *unlimited,
        *unknown,
        *undecided,
        *unrated,
        *unlaid,
        *unset,
    ]


def _read_layouts(given: Mapping[str, Layout | str]) -> dict[str, Layout]:
    """Return input or output name -> its layout, which may be a text, as NCT."""
    layouts, problems = dict[str, Layout](), list[Problem]()
    for name, layout in given.items():
        try:
            layouts[name] = parse_layout(layout) if isinstance(layout, str) else layout
        except ValueError as error:
            step = "write it as NCT; see docs/ports.md"
            problems.append(Problem(f"--layout {name}", str(error), "a letter for each axis", step))
    if problems:
        raise UsageError(problems)
    return layouts


def _read_sampler(path: str | Path) -> Any:
    from edgekit.export.diffusion.description import read_sampler

    return read_sampler(Path(path))


def read_rates(given: Mapping[str, Fraction | float | str]) -> dict[str, Fraction]:
    """Return input name -> frames of it in one sample of the reference stream, exact.

    Args:
        given: input name -> how many samples of the reference stream a frame lasts, as 64, 1.5 or "3/2".

    Raises:
        UsageError: every rate that is no number of at least 1.
    """
    rates, problems = {}, []
    for name, samples in given.items():
        try:
            exact = Fraction(samples).limit_denominator(MOST_SAMPLES)
        except (ValueError, TypeError, OverflowError, ZeroDivisionError):
            exact = Fraction(0)
        if exact >= 1:
            rates[name] = 1 / exact
            continue
        step = "write 64 for a frame of 64 samples"
        if exact > 0:
            step += ". The input with the most frames is the reference stream: it has no rate, the others have"
        allowed = "how many samples of the reference stream a frame of the input lasts, at least 1"
        problems.append(Problem(f"--rate {name}", str(samples), allowed, step))
    if problems:
        raise UsageError(problems)
    return rates


def tried(read: Callable[[Any], T], given: Any) -> tuple[T | None, list[Problem]]:
    """Read a value that was given, or say why it cannot be read."""
    if given is None:
        return None, []
    try:
        return read(given), []
    except UsageError as error:
        return None, list(error.problems)


def read_recipe(given: str) -> Recipe:
    """Return `AUTO`, a recipe that ships, or that of a .toml.

    Raises:
        UsageError: neither, or everything that is wrong with the file.
    """
    from edgekit.quantize.recipe_file import find_recipe

    if given == AUTO.name:
        return AUTO
    return RECIPES[given] if given in RECIPES else find_recipe(given)


def target_problems(options: ExportOptions, target: Target) -> list[Problem]:
    """Return what options say that is not for this target, or that it does not know."""
    flags = {name: row.flag_name for name, row in declared(ExportOptions).items()}
    problems = []
    for name in own_options(options, target)[1]:
        others = " or ".join(row.name for row in ROWS if name in row.options)
        found = f"given for target '{target.name}'"
        problems.append(Problem(flags[name], found, f"--target {others}", "leave it out"))
    if "picture" in target.options:
        problems += tried(read_pictures, options.get("picture"))[1]
    given: Mapping[str, Any] = options
    for name, known in target.choices().items():
        where = name if name == "recipe" else flags[name]
        found, allowed = f"not known for --target {target.name}", ", ".join(known)
        problems += [
            Problem(f"{where} '{value}'", found, allowed, "choose one of these")
            for value in texts_of(given.get(name))
            if value not in known
        ]
    return problems


def half_problems(target: Target) -> list[Problem]:
    """Return why float16 weights do not go with the target, if they do not."""
    if target.stores_half:
        return []
    found = f"for target '{target.name}', which multiplies by float32 or integer weights only"
    allowed = " or ".join(f"--target {row.name}" for row in ROWS if row.stores_half)
    step = "use float32, or w8a16 and w8a8 for smaller weights"
    return [Problem(f"recipe '{HALF}'", found, allowed, step)]


def uncalibrated(source: str, recipe: str) -> list[Problem]:
    """Return why an integer recipe without --calibration does not go with the source, if it does not."""
    if not is_onnx(source):
        return []
    allowed = "--calibration SOURCE: an .onnx holds no example inputs"
    step = "give a folder of .wav or .npz, or package.module:factory"
    where = f"recipe '{recipe}' for '{Path(source).name}'"
    return [Problem(where, "no calibration", allowed, step)]
