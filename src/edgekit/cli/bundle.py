"""``edgekit bundle``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, print_json, print_table


def bundle(
    directory: Annotated[
        Path, typer.Argument(metavar="BUILD", help="A build with --weights external.")
    ],
    path: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    key: Annotated[Path, typer.Option(help="An Ed25519 private key, PEM without a password.")],
    release: Annotated[
        int, typer.Option(min=1, max=2**32 - 1, help="A number that rises with each bundle.")
    ],
    as_json: AsJson = False,
) -> None:
    """Sign the weights of a build, for devices that replace them at run time."""
    made = asdict(api.bundle(directory, path, key=key, release=release))
    if as_json:
        print_json({"path": str(path), **made})
        return
    print_table(f"{path}", ("fact", "value"), [(name, str(value)) for name, value in made.items()])
