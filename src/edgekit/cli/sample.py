"""``edgekit sample``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgekit import api
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.cli.arguments import Seed
from edgekit.cli.completion import builds
from edgekit.cli.console import AsJson, out, print_json, progress
from edgekit.cli.repetition import refuse_repeated
from edgekit.cli.units import number_reader
from edgekit.verbs.export.texts import parse_constant

Conditions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE ...",
        help="A condition, such as label=3: one value for all samples, or one for each, with commas.",
    ),
]


Start = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A .npz with the start, for builds that take one."),
]
Noise = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A .npz with the noise of each row, as invert writes it."),
]


Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="A build with a sampler.", autocompletion=builds)
]


def sample(
    directory: Directory,
    count: Annotated[
        int,
        typer.Option(
            "-n", metavar="N", parser=number_reader("-n", None, 1), help="How many samples."
        ),
    ],
    path: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="A .npz of arrays, or a .png with a grid of pictures.",
        ),
    ],
    seed: Seed = 0,
    condition: Conditions = None,
    start: Start = None,
    noise: Noise = None,
    as_json: AsJson = False,
) -> None:
    """Draw samples with a build that was exported with --sampler.

    Sample i of a seed is the same bits whatever -n is. The C code of a build is compiled and run: run only
    builds that you trust.
    """
    given = parse_conditions(condition)
    with progress(as_json) as report:
        x = api.sample(
            directory,
            count,
            seed,
            conditions=given,
            start=start,
            noise=noise,
            out=path,
            progress=report,
        )
    if as_json:
        print_json({"path": str(path), "samples": count, "seed": seed, "shape": list(x.shape[1:])})
        return
    out.print(f"wrote {path}", markup=False, soft_wrap=True)


def parse_conditions(texts: list[str] | None) -> JsonObject:
    """Read NAME=VALUE options.

    Raises:
        UsageError: one that is none, or one name twice.
    """
    parsed = [_condition(text) for text in texts or ()]
    refuse_repeated("--condition", parsed)
    return dict(parsed)


def _condition(text: str) -> tuple[str, Any]:
    try:
        return parse_constant(text)
    except UsageError as error:
        step = "write a number, 1,2,3 or [[1, 2], [3, 4]]"
        problem = Problem(f"--condition '{text}'", "no value", "NAME=VALUE", step)
        raise UsageError(problem) from error
