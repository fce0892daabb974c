"""``edgekit bundle``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.completion import builds
from edgekit.cli.console import AsJson, print_json, print_table
from edgekit.cli.units import number_reader


def bundle(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="BUILD", help="A build with --weights external.", autocompletion=builds
        ),
    ],
    path: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The file to write.")],
    key: Annotated[
        Path,
        typer.Option(
            help="An Ed25519 private key, PEM without a password; `openssl genpkey -algorithm ed25519` makes one."
        ),
    ],
    release: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=number_reader("--release", None, 1, 2**32 - 1),
            help="A number that rises with each bundle.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Sign the weights of a build, for devices that replace them at run time."""
    made = asdict(api.bundle(directory, path, key=key, release=release))
    if as_json:
        print_json({"path": str(path), **made})
        return
    print_table(f"{path}", ("fact", "value"), [(name, str(value)) for name, value in made.items()])
