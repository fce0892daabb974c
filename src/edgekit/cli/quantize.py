"""``edgekit quantize``."""

from pathlib import Path
from typing import Annotated, cast

import typer

from edgekit import api
from edgekit.cli.arguments import Model
from edgekit.cli.completion import TARGETS, names
from edgekit.cli.console import AsJson, out, print_json, print_notes, progress
from edgekit.cli.options import flag, with_options
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.literal_names import TargetName
from edgekit.verbs.export.options import ExportOptions, QuantizeOptions

OPTIONS = option_specs(ExportOptions)


@with_options(QuantizeOptions)
def quantize(
    model: Model,
    recipe: Annotated[str, flag(OPTIONS["recipe"], "w8a8, w8a16, w4a8, auto, or a recipe.toml.")],
    calibration: Annotated[str, flag(OPTIONS["calibration"])],
    path: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The .onnx to write.")],
    min_snr: Annotated[
        float | None, flag(OPTIONS["min_snr_db"], "The fidelity that auto looks for.")
    ] = None,
    *,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Target of the bounds; by default host.",
            autocompletion=names(TARGETS),
        ),
    ] = None,
    options: QuantizeOptions,
    as_json: AsJson = False,
) -> None:
    """Write the QDQ form of a network as one .onnx."""
    with progress(as_json) as report:
        notes = api.quantize(
            model,
            recipe,
            calibration,
            path,
            min_snr_db=min_snr,
            target=cast(TargetName | None, target),
            progress=report,
            **options,
        )
    if as_json:
        print_json({"path": str(path), "recipe": recipe, "notes": list(notes)})
        return
    print_notes(notes)
    out.print(f"wrote {path}", markup=False, soft_wrap=True)
