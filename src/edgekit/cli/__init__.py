"""The command line: one file per verb; `edgekit.api` does the work."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

import edgekit
from edgekit.base.errors import EdgeKitError, InternalError
from edgekit.cli import (
    bench,
    bundle,
    demo,
    doctor,
    export,
    finetune,
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
from edgekit.cli.console import current, show_error
from edgekit.cli.net import DEBUG, explain_error
from edgekit.cli.repetition import VerbCommand

app = typer.Typer(
    name="edgekit",
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


app.command("export", cls=VerbCommand)(export.export)
app.command("stream", cls=VerbCommand)(stream.stream)
app.command("prune", cls=VerbCommand)(prune.prune)
app.command("quantize", cls=VerbCommand)(quantize.quantize)
app.command("finetune", cls=VerbCommand)(finetune.finetune)
app.command("run", cls=VerbCommand)(run.run)
app.command("replay", cls=VerbCommand)(replay.replay)
app.command("sample", cls=VerbCommand)(sample.sample)
app.command("invert", cls=VerbCommand)(invert.invert)
app.command("bench", cls=VerbCommand)(bench.bench)
app.command("bundle", cls=VerbCommand)(bundle.bundle)
app.command("inspect", cls=VerbCommand)(inspect.inspect)
app.command("targets", cls=VerbCommand)(targets.targets)
app.command("doctor", cls=VerbCommand)(doctor.doctor)
app.command("demo", cls=VerbCommand)(demo.demo)
app.command("serve", cls=VerbCommand)(serve.serve)


def main() -> None:
    """Run the command line; exit codes: 0 done and verified, 1 a check failed, 2 wrong usage."""
    signal.signal(signal.SIGTERM, _terminate)
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
