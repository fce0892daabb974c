"""The verb `compare`: a page of what `bench` appended to a file."""

from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import output_problem, replacing
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench.log import Log


def page_problem(out: Path, results: Path | None) -> Problem | None:
    """Return why a page of results cannot be written there; None where it can."""
    if out.suffix.lower() not in (".html", ".htm"):
        return Problem("--out", f"'{out.name}'", "a .html", "name such a file")
    return output_problem(out, *([] if results is None else [results]))


def compare(results: Path, out: Path) -> Log:
    """See `edgekit.api.compare`."""
    from edgekit.verbs.bench import compare_page

    if problem := page_problem(out, results):
        raise UsageError(problem)
    log = bench_log.read(results)
    with replacing(out, results) as temporary:
        temporary.write_text(compare_page.render(log), encoding="utf-8")
    return log
