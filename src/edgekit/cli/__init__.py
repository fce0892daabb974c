"""The command line: one file per verb; `edgekit.api` does the work."""

import io
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

import edgekit
from edgekit.base.errors import EdgeKitError, InternalError
from edgekit.cli import (
    bench,
    bundle,
    clips,
    demo,
    doctor,
    export,
    finetune,
    help,
    inspect,
    invert,
    prune,
    quantize,
    replay,
    run,
    sample,
    serve,
    stream,
    targets,
)
from edgekit.cli.command import VerbGroup, add_verb
from edgekit.cli.console import current, show_error
from edgekit.cli.net import DEBUG, explain_error

app = typer.Typer(
    name="edgekit",
    cls=VerbGroup,
    help="Take a trained network to the device it must run on, and prove that it is still the same.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"edgekit {edgekit.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


MAKE, USE, LEARN = "Make a build", "Use a build", "Learn more"
VERBS: dict[str, tuple[Callable[..., None], str]] = {
    "export": (export.export, MAKE),
    "stream": (stream.stream, MAKE),
    "quantize": (quantize.quantize, MAKE),
    "prune": (prune.prune, MAKE),
    "finetune": (finetune.finetune, MAKE),
    "run": (run.run, USE),
    "replay": (replay.replay, USE),
    "bench": (bench.bench, USE),
    "inspect": (inspect.inspect, USE),
    "sample": (sample.sample, USE),
    "invert": (invert.invert, USE),
    "bundle": (bundle.bundle, USE),
    "serve": (serve.serve, USE),
    "demo": (demo.demo, LEARN),
    "clips": (clips.clips, LEARN),
    "targets": (targets.targets, LEARN),
    "doctor": (doctor.doctor, LEARN),
    "help": (help.help, LEARN),
}
for _name, (_verb, _group) in VERBS.items():
    add_verb(app, _name, _verb, _group)


def main() -> None:
    """Run the command line; exit codes: 0 done and verified, 1 a check failed, 2 wrong usage."""
    signal.signal(signal.SIGTERM, _terminate)
    for file in (sys.stdout, sys.stderr):  # names of files need not be UTF-8
        if isinstance(file, io.TextIOWrapper):
            file.reconfigure(errors="backslashreplace")
    as_json = "--json" in sys.argv
    try:
        app()
    except EdgeKitError as error:
        sys.exit(show_error(error, as_json))
    except Exception as error:
        told = explain_error(error, current[-1:], sys.argv[1:])
        if isinstance(told, InternalError) and os.environ.get(DEBUG):
            raise
        sys.exit(show_error(told, as_json))


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Leave through every ``finally``, so that unfinished files are removed."""
    sys.exit(128 + signal.SIGTERM)
