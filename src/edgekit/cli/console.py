"""What all verbs print with: JSON on stdout, progress and errors on stderr."""

import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TextIO

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from edgekit.base.errors import EdgeKitError, Problem, Stopped, UsageError
from edgekit.base.progress import Progress as Report
from edgekit.base.user_code import user_line

OUTPUT = "Output"  # the group of these options in the help
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON.", metavar="", rich_help_panel=OUTPUT)
]


@dataclass
class Verbosity:
    """What is printed: errors alone, or times of stages and tracebacks too; and where JSON goes, if not to stdout."""

    quiet: bool = False
    verbose: bool = False
    json_file: TextIO | None = None


verbosity = Verbosity()

current: list[str] = []  # the stages of this process so far

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


STDOUT, STDERR = 1, 2  # file descriptors


@contextmanager
def json_alone_on_stdout() -> Iterator[None]:
    """Send to stderr what your code, libraries and child processes print meanwhile; `print_json` writes to stdout."""
    given = sys.stdout
    if given is None:  # closed by the caller
        yield
        return
    moved = _descriptor_moved() if given is sys.__stdout__ else nullcontext(given)
    with moved as verbosity.json_file, redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            verbosity.json_file = None


@contextmanager
def _descriptor_moved() -> Iterator[TextIO]:
    """Make descriptor 1 another name of stderr, and give a file that writes to what it was."""
    sys.stdout.flush()
    with os.fdopen(os.dup(STDOUT), "w", encoding="utf-8") as file:
        os.dup2(STDERR, STDOUT)
        try:
            yield file
        finally:
            os.dup2(file.fileno(), STDOUT)


def print_json(facts: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(facts, indent=2), file=verbosity.json_file, flush=True)


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
    cause = error.__cause__
    if verbosity.verbose and cause is not None:
        traceback.print_exception(cause)
    _print_problems(error, problems)
    if cause is not None and not verbosity.verbose and user_line(cause):
        err.print(Text("  -v prints the traceback"))
    return error.exit_code


def _print_problems(error: EdgeKitError, problems: Sequence[Problem]) -> None:
    if not problems:
        err.print(Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True)
    for problem in problems:
        err.print(
            Text.assemble(("error: ", "bold red"), f"{problem.where}: {problem.found}"),
            soft_wrap=True,
        )
        err.print(Text(f"  allowed: {problem.allowed}"), soft_wrap=True)
        err.print(Text(f"  next:    {problem.next_step}"), soft_wrap=True)


class StageLines:
    """The lines on stderr when a stage begins, where that is no terminal, and, with --verbose, when it ends."""

    def __init__(self, silent: bool) -> None:
        """Begin before the first stage."""
        self.silent, self.stage, self.begun = silent, "", 0.0

    def begin(self, stage: str) -> None:
        """End the stage before, and begin one."""
        self.end()
        current.append(stage)
        self.stage, self.begun = stage, time.monotonic()
        if not self.silent and not err.is_terminal:
            err.print(f"{stage} ...", markup=False)

    def end(self) -> None:
        """Print the time of the stage."""
        if self.stage and verbosity.verbose:
            err.print(f"{self.stage}: {time.monotonic() - self.begun:.1f} s", markup=False)


@contextmanager
def progress(as_json: bool) -> Iterator[Report]:
    """Show on stderr what is being done, how much of it is left, and for how long; nothing beside JSON.

    A terminal gets one bar. A pipe or file gets a line when a stage begins. With --verbose, both get a line with
    its time when a stage ends.

    Raises:
        Stopped: the user pressed Ctrl-C.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    lines = StageLines(as_json or verbosity.quiet)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("start", total=None, steps="", left="", visible=not lines.silent)

        def report(stage: str, done: int, total: int) -> None:
            counted = total > 1
            if stage != lines.stage:
                lines.begin(stage)
                bars.reset(task, description=stage, total=total if counted else None)
            seconds = bars.tasks[0].time_remaining
            bars.update(
                task,
                completed=done,
                steps=f"{done:,} of {total:,}" if counted else "",
                left=f"{seconds:,.0f} s left" if counted and seconds is not None else "",
            )

        try:
            yield report
            lines.end()
        except KeyboardInterrupt as error:
            raise Stopped(
                f"stopped{f' in: {lines.stage}' if lines.stage else ''}; no unfinished file or folder is left"
            ) from error
