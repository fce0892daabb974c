"""The facts of a build folder, or of a network that is not built yet."""

from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import output_problem, replacement_path
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.source_checks import find_code, source_problems
from edgekit.verbs.inspection_result import Inspection

MAX_REPORT_BYTES = 64_000_000


def inspect(source: str, html: Path | None = None) -> Inspection:
    """See `edgekit.api.inspect`."""
    path = Path(source)
    if html is not None and (problem := output_problem(html, path)):
        raise UsageError(problem)
    found = _build(path) if path.is_dir() else _network(source)
    if html is None:
        return found
    if found.page is None:
        step = "see what `edgekit inspect` lists"
        raise UsageError(Problem(f"'{source}'", "no report", "a build or supported network", step))
    with replacement_path(html, path) as temporary:
        temporary.write_text(found.page, encoding="utf-8")
    return found


def _build(directory: Path) -> Inspection:
    manifest = open_build(directory)
    report = directory / "report.html"
    page = None
    if report.is_file() and report.stat().st_size <= MAX_REPORT_BYTES:
        page = report.read_text(encoding="utf-8", errors="replace")
    rate = manifest.stream["sample_rate_hz"]
    return Inspection("build", manifest, {}, (), manifest.streaming, rate, page)


def _network(source: str) -> Inspection:
    if Path(source).name == MANIFEST_NAME:
        step = "give the folder around it"
        raise UsageError(Problem(f"'{source}'", "a manifest", "a build folder or a network", step))
    if ":" not in source and not Path(source).exists():
        allowed = "a build folder, package.module:factory, a .pt2 or an .onnx"
        raise UsageError(Problem(f"'{source}'", "does not exist", allowed, "check the path"))
    if unusable := source_problems(source, ImportOptions()):
        raise UsageError(unusable)
    find_code(source)
    from edgekit.verbs.network_inspection import inspect_network

    return inspect_network(source)
