"""What all verbs print with: JSON on stdout, progress and errors on stderr."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from edgekit.base.errors import EdgeKitError, UsageError
from edgekit.verbs.export.pipeline import Progress as Report

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(facts: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(facts, indent=2))


def print_notes(notes: Iterable[str]) -> None:
    """Print notes, one a line."""
    for note in notes:
        out.print(Text(f"note: {note}"), soft_wrap=True)


def print_table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = False
) -> None:
    """Print a table; with `numbers` all columns but the first are aligned right and never cut."""
    table = Table(title=title or None, box=SIMPLE_HEAD, pad_edge=False)
    table.title_justify, table.title_style = "left", "bold"
    for index, name in enumerate(head):
        numeric = numbers and index > 0
        table.add_column(
            name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out.print(table)


def show_error(error: EdgeKitError, as_json: bool) -> int:
    """Print an error, as JSON to stdout or as a list to stderr; returns the exit code."""
    problems = error.problems if isinstance(error, UsageError) else ()
    if as_json:
        facts = {
            "kind": type(error).__name__,
            "exit_code": error.exit_code,
            "message": str(error),
            "problems": [asdict(problem) for problem in problems],
        }
        print_json({"error": facts})
        return error.exit_code
    if not problems:
        err.print(Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True)
    for problem in problems:
        err.print(
            Text.assemble(("error: ", "bold red"), f"{problem.where}: {problem.found}"),
            soft_wrap=True,
        )
        err.print(Text(f"  allowed: {problem.allowed}"), soft_wrap=True)
        err.print(Text(f"  next:    {problem.next_step}"), soft_wrap=True)
    return error.exit_code


@contextmanager
def progress(as_json: bool) -> Iterator[Report]:
    """Show stages and their steps on stderr while the body runs; silent for JSON and for pipes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    visible = err.is_terminal and not as_json
    with Progress(*columns, console=err, transient=True, disable=not visible) as bars:
        task = bars.add_task("", total=None)
        shown = ""

        def report(stage: str, done: int, total: int) -> None:
            nonlocal shown
            if stage != shown:
                bars.reset(task, description=stage, total=total if total > 1 else None)
                shown = stage
            bars.update(task, completed=done)

        yield report
