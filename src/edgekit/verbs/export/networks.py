"""The verbs that write a network, not a build: `stream`, `prune` and `quantize`."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.output import network_problem, replacement_path
from edgekit.base.progress import Progress
from edgekit.base.spread import DASK, HERE
from edgekit.graph.sparsity import expression_problem, read_pattern
from edgekit.quantize.recipe import AUTO, FLOATS
from edgekit.verbs.doctor import require
from edgekit.verbs.export.importing import (
    ImportOptions,
    find_code,
    load_model,
    load_streamed,
    source_problems,
)
from edgekit.verbs.export.input_settings import (
    clip_problems,
    read_input_settings,
    with_examples,
)
from edgekit.verbs.export.named import source_needs
from edgekit.verbs.export.option_checks import check_options, snr_problems
from edgekit.verbs.export.options import ExportOptions, QuantizeOptions, StreamOptions
from edgekit.verbs.export.quantizing import applied, requantized
from edgekit.verbs.export.request import read_imports, read_limits, read_recipe, read_workers, tried
from edgekit.verbs.targets import TARGETS

if TYPE_CHECKING:
    from edgekit.export.prune import PrunedLayer
    from edgekit.graph.model import Model

HOST = "host"


def stream(source: str, out: Path, options: StreamOptions, progress: Progress) -> "Model":
    """See `edgekit.api.stream`."""
    check_options(options, StreamOptions)
    imports, problems = read_imports(source, options)
    if problem := network_problem(out, Path(source)):
        problems.append(problem)
    if problems:
        raise UsageError(problems)
    require(source_needs(source))
    progress("stream", 0, 1)
    model = load_streamed(source, imports)[0]
    with replacement_path(out, Path(source)) as temporary:
        model.save(temporary)
    return model


def prune(
    source: str,
    pattern: str,
    out: Path,
    layers: str | None,
    smallest: int | None,
    progress: Progress,
) -> "tuple[PrunedLayer, ...]":
    """See `edgekit.api.prune`."""
    chosen, problems = tried(read_pattern, pattern)
    problems = [*source_problems(source, ImportOptions()), *problems]
    if smallest is not None and smallest < 0:
        problems.append(Problem("--smallest", str(smallest), "0 or more", "correct it"))
    if problem := expression_problem(layers):
        problems.append(problem)
    if problem := network_problem(out, Path(source)):
        problems.append(problem)
    if problems or chosen is None:
        raise UsageError(problems)
    require(source_needs(source))
    find_code(source)
    from edgekit.export import prune as pruning

    progress("import", 0, 1)
    model = load_model(source, ImportOptions()).model
    least = pruning.SMALLEST if smallest is None else smallest
    pruned, rows = pruning.prune(model, chosen, layers, least)
    with replacement_path(out, Path(source)) as temporary:
        pruned.save(temporary)
    return rows


def quantize(
    source: str,
    recipe: str,
    calibration: str,
    out: Path,
    min_snr_db: float | None,
    target: str | None,
    most: QuantizeOptions,
    progress: Progress,
) -> tuple[str, ...]:
    """See `edgekit.api.quantize`."""
    check_options(most, QuantizeOptions)
    chosen, problems = tried(read_recipe, recipe)
    settings, unset = read_input_settings(most)
    problems = [*source_problems(source, ImportOptions()), *problems, *unset]
    problems += clip_problems(source, calibration, most)
    problems += snr_problems(min_snr_db)
    if min_snr_db is not None and chosen is not AUTO:
        step = "leave it out: only an export is judged"
        problems.append(Problem("--min-snr", f"with recipe '{recipe}'", "recipe auto", step))
    if chosen is not None and chosen.weights in FLOATS:
        allowed = "w8a8, w8a16, auto, or a recipe.toml"
        problems.append(
            Problem(f"recipe '{recipe}'", "no integers", allowed, "choose one of these")
        )
    bounded = any(count is not None for name, count in most.items() if name.startswith("max_"))
    row = TARGETS.get(target or HOST)
    if row is None:
        problems.append(unavailable("target", str(target), TARGETS, ()))
    elif target is not None and not bounded:
        allowed = "with a bound, as --max-ram BYTES: the file is for every target"
        problems.append(Problem(f"--target {target}", "no bound", allowed, "leave it out"))
    given = cast("ExportOptions", {**most, "calibration": calibration})
    limits, unbounded = read_limits(given, row, chosen)
    workers, unreached = read_workers(most, chosen)
    problems += [*unbounded, *unreached]
    if problem := network_problem(out, Path(source)):
        problems.append(problem)
    if problems or chosen is None:
        raise UsageError(problems)
    counts = row is not None and "instructions" in limits.most
    tools = [
        *(row.needs if row is not None and counts else ()),
        *([DASK] if workers != HERE else ()),
    ]
    require([*source_needs(source), *tools])
    find_code(source)
    from edgekit.quantize.calibrate.clips import load_calibration
    from edgekit.quantize.calibrate.warnings import calibration_warnings

    progress("import", 0, 1)
    imported = load_model(source, ImportOptions())
    model = imported.model
    if problem := requantized(model, chosen):
        raise UsageError(problem)
    clips = load_calibration(calibration, model, with_examples(settings, imported.examples))
    made = applied(model, clips, chosen, min_snr_db, progress, limits=limits, workers=workers)
    with replacement_path(out, Path(source)) as temporary:
        made.model.save(temporary)
    return (*calibration_warnings(model, clips), *made.notes)
