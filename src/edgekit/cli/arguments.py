"""Arguments that several verbs have: a network, a build, a file to write."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli.completion import MODEL, builds
from edgekit.cli.units import number_reader

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="package.module:factory, a .pt2, an .onnx or a .tflite.",
        autocompletion=MODEL,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=number_reader("--seed", None, 0, 2**32 - 1),
        help="Seed of random draws.",
    ),
]
BuildFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A build folder.", autocompletion=builds)
]
