"""``edgekit invert``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.arguments import Seed
from edgekit.cli.completion import builds
from edgekit.cli.console import AsJson, out, print_json, progress
from edgekit.cli.sample import Conditions, parse_conditions


def invert(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A build with given start and noise.", autocompletion=builds
        ),
    ],
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="A .npz of images x, (n, channels, ...).")
    ],
    path: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FILE", help="The .npz for start, noise and residual."),
    ],
    seed: Seed = 0,
    condition: Conditions = None,
    as_json: AsJson = False,
) -> None:
    """Find the noise with which a build draws given images again; `edgekit sample --start --noise` takes it.

    The build's sampler.toml says start = "given" and noise = "given". Its C code is compiled and run: run only
    builds that you trust.
    """
    given = parse_conditions(condition)
    with progress(as_json) as report:
        maps = api.invert(directory, images, seed=seed, conditions=given, out=path, progress=report)
    shapes = {name: list(array.shape) for name, array in maps.items()}
    if as_json:
        print_json({"path": str(path), "seed": seed, "arrays": shapes})
        return
    out.print(f"wrote {path}", markup=False, soft_wrap=True)
