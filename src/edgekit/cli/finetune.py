"""``edgekit finetune``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.arguments import Model, Seed
from edgekit.cli.console import AsJson, out, print_json, print_notes, print_table, progress
from edgekit.cli.options import flag, with_options
from edgekit.cli.units import number_reader
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import ExportOptions, NetworkOptions

OPTIONS = option_specs(ExportOptions)


@with_options(NetworkOptions)
def finetune(
    model: Model,
    recipe: Annotated[str, flag(OPTIONS["recipe"], "w8a8, w8a16, w4a8, or a recipe.toml.")],
    calibration: Annotated[str, flag(OPTIONS["calibration"])],
    steps: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=number_reader("--steps", None, 1),
            help="Training steps; some hundreds.",
        ),
    ],
    path: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The .onnx to write.")],
    options: NetworkOptions,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train the weights of a network and its scales a little, so that a recipe's integers lose less.

    The teacher is the float network itself, on the calibration: no labels. An interrupted run continues from its
    checkpoint, which lies next to the file.
    """
    with progress(as_json) as report:
        tuned = api.finetune(
            model, recipe, calibration, path, steps=steps, seed=seed, progress=report, **options
        )
    if as_json:
        print_json({"path": str(path), **asdict(tuned)})
        return
    if tuned.unknown:
        print_notes((f"no gradient goes through {', '.join(tuned.unknown)}",))
    rows = [
        ("before", f"{tuned.before_db:.1f} dB"),
        ("after", f"{tuned.after_db:.1f} dB"),
        ("measured on", f"{tuned.clips} of {tuned.of} clips, left out of all"),
        ("trained", f"{tuned.weights} weights, {tuned.scales} scales, {tuned.steps} steps"),
    ]
    if tuned.skipped:
        rows.append(("left out", f"{tuned.skipped} steps, whose gradient was not finite"))
    if tuned.resumed:
        rows.append(("resumed", f"after step {tuned.resumed}"))
    print_table(str(path), ("fact", "value"), rows)
    out.print(f"wrote {path}, {tuned.recipe}", markup=False, soft_wrap=True)
    out.print(f"next: edgekit export {path} --recipe {tuned.recipe}", markup=False, soft_wrap=True)
