"""The verb `compare`: a page of the results that `bench` appended to a file."""

from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import output_problem, replacement_path
from edgekit.verbs.bench import compare_page
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench.log import Log
from edgekit.verbs.keywords import suggest_keywords


def page_problems(out: Path, results: Path | None) -> list[Problem]:
    """Return why a page of results cannot be written there."""
    problems = []
    if out.suffix.lower() not in (".html", ".htm"):
        problems.append(Problem("--out", f"'{out.name}'", "a .html", "name such a file"))
    if problem := output_problem(out, *([] if results is None else [results])):
        problems.append(problem)
    return problems


@suggest_keywords
def compare(results: str | Path, out: str | Path) -> Log:
    """Write a page that compares the results that `bench` appended to a file; return the lines, and the damaged ones.

    Args:
        results: a results.jsonl; it is not trusted.
        out: the .html to write.

    Raises:
        UsageError: a file that cannot be used.
    """
    results, out = Path(results), Path(out)
    if problems := page_problems(out, results):
        raise UsageError(problems)
    log = bench_log.read_log(results)
    with replacement_path(out, results) as temporary:
        temporary.write_text(compare_page.render(log), encoding="utf-8")
    return log
