"""``edgekit serve``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.completion import folders
from edgekit.cli.console import AsJson, out, print_json
from edgekit.cli.units import number_reader


def serve(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIRECTORY",
            help="A build for wasm, or another folder with an index.html.",
            autocompletion=folders,
        ),
    ],
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            parser=number_reader("--port", None, 0, 65535),
            help="Port; 0 takes a free one; 8000 by default.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve a folder to browsers on this machine, until Ctrl-C."""

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            out.print(f"{url}   Ctrl-C ends", markup=False, soft_wrap=True)
        sys.stdout.flush()  # a program that reads it through a pipe waits for the address

    api.serve(directory, port, ready=ready)
