"""The verbs that write a network, not a build: `stream` and `quantize`."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import output_problem, replacing
from edgekit.quantize.recipe import AUTO, FLOATS
from edgekit.verbs.doctor import require
from edgekit.verbs.export.importing import ImportOptions, load_model, load_streamed, source_problems
from edgekit.verbs.export.named import source_needs
from edgekit.verbs.export.options import StreamOptions, check_names
from edgekit.verbs.export.quantizing import applied, requantized
from edgekit.verbs.export.request import read_imports, read_recipe, tried
from edgekit.verbs.export.work import Progress

if TYPE_CHECKING:
    from edgekit.graph.model import Model


def stream(source: str, out: Path, options: StreamOptions, progress: Progress) -> "Model":
    """See `edgekit.api.stream`."""
    check_names(options, StreamOptions)
    imports, problems = read_imports(source, options)
    if problem := output_problem(out, Path(source)):
        problems.append(problem)
    if problems:
        raise UsageError(problems)
    require(source_needs(source))
    progress("stream", 0, 1)
    model = load_streamed(source, imports)[0]
    with replacing(out, Path(source)) as temporary:
        model.save(temporary)
    return model


def quantize(
    source: str,
    recipe: str,
    calibration: str,
    out: Path,
    min_snr_db: float | None,
    progress: Progress,
) -> tuple[str, ...]:
    """See `edgekit.api.quantize`."""
    chosen, problems = tried(read_recipe, recipe)
    problems = [*source_problems(source, ImportOptions()), *problems]
    if min_snr_db is not None and chosen is not AUTO:
        step = "leave it out: only an export is judged"
        problems.append(Problem("--min-snr", f"with recipe '{recipe}'", "recipe auto", step))
    if chosen is not None and chosen.weights in FLOATS:
        allowed = "w8a8, w8a16, auto, or a recipe.toml"
        problems.append(
            Problem(f"recipe '{recipe}'", "no integers", allowed, "choose one of these")
        )
    if problem := output_problem(out, Path(source)):
        problems.append(problem)
    if problems or chosen is None:
        raise UsageError(problems)
    require(source_needs(source))
    from edgekit.quantize.calibrate.clips import load_calibration
    from edgekit.quantize.calibrate.warnings import calibration_warnings

    progress("import", 0, 1)
    model = load_model(source, ImportOptions()).model
    if problem := requantized(model, chosen):
        raise UsageError(problem)
    clips = load_calibration(calibration, model)
    made = applied(model, clips, chosen, min_snr_db, progress)
    with replacing(out, Path(source)) as temporary:
        made.model.save(temporary)
    return (*calibration_warnings(model, clips), *made.notes)
