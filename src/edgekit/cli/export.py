"""``edgekit export``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from edgekit import api
from edgekit.cli.arguments import Model
from edgekit.cli.completion import TARGETS, names
from edgekit.cli.console import AsJson, out, print_json, print_notes, print_table, progress
from edgekit.cli.facts import manifest_rows
from edgekit.cli.options import with_options
from edgekit.verbs.export.literal_names import TargetName
from edgekit.verbs.export.options import ExportOptions


@with_options(ExportOptions)
def export(
    model: Model,
    target: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            help="One of `edgekit targets`, or a board.",
            autocompletion=names(TARGETS),
        ),
    ],
    directory: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="The folder to make.")
    ],
    options: ExportOptions,
    as_json: AsJson = False,
) -> None:
    """Make a verified build folder of a network.

    A factory or a .pt2 is your own code and is run; .onnx and calibration files are not trusted.
    """
    with progress(as_json) as report:
        exported = api.export(
            model, cast(TargetName, target), directory, progress=report, **options
        )
    if as_json:
        notes = list(exported.notes)
        print_json(
            {"directory": str(directory), "notes": notes, "manifest": asdict(exported.manifest)}
        )
        return
    print_notes(exported.notes)
    print_table(f"{directory}", ("fact", "value"), manifest_rows(exported.manifest))
    if (directory / "index.html").is_file():
        out.print(f"page: edgekit serve {directory}", soft_wrap=True, markup=False)
    out.print(f"report: {directory / 'report.html'}", soft_wrap=True, markup=False)
