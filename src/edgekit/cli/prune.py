"""``edgekit prune``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.arguments import Model
from edgekit.cli.completion import names
from edgekit.cli.console import AsJson, out, print_json, print_table, progress
from edgekit.cli.units import number_reader

Pattern = Annotated[
    str,
    typer.Option(
        metavar="N:M",
        help="2:4, 1:4, 2:8, 1:8 or 1:16: how many of a group of weights stay.",
        autocompletion=names(("2:4", "1:4", "2:8", "1:8", "1:16")),
    ),
]


def prune(
    model: Model,
    pattern: Pattern,
    path: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The .onnx to write.")],
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="A regular expression that selects layers or weights by name."
        ),
    ] = None,
    smallest: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=number_reader("--smallest"),
            help="Leave layers with fewer weights whole; 1024 by default.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a float network with N:M sparse weights: of each M inputs the N largest weights stay."""
    with progress(as_json) as report:
        rows = api.prune(model, pattern, path, layers=layers, smallest=smallest, progress=report)
    if as_json:
        print_json({"path": str(path), "pattern": pattern, "layers": [asdict(row) for row in rows]})
        return
    table = [
        (
            f"{row.operator} {row.node}",
            row.weight,
            " x ".join(map(str, row.shape)),
            f"{row.kept:.1%}",
            f"{row.energy:.1%}",
            row.left or "",
        )
        for row in rows
    ]
    head = ("layer", "weights", "shape", "not zero", "energy kept", "left as it was")
    print_table(str(path), head, table)
    out.print(f"wrote {path}", markup=False, soft_wrap=True)
