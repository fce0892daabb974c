"""``edgekit stream``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, print_json, print_table, progress
from edgekit.cli.export import TimeAxes, parse_constant, parse_shape, parse_time_axis
from edgekit.cli.facts import streaming_rows
from edgekit.verbs.inspection import streaming_facts


def stream(
    model: Annotated[str, typer.Argument(help="package.module:factory, a .pt2 or an .onnx.")],
    path: Annotated[Path, typer.Option("-o", "--out", help="The .onnx to write.")],
    hop: Annotated[
        int | None, typer.Option(metavar="SAMPLES", min=1, help="The smallest where not given.")
    ] = None,
    time_axis: TimeAxes = None,
    shape: Annotated[
        list[str] | None, typer.Option(metavar="INPUT=DIMS", help="Dims besides time; repeatable.")
    ] = None,
    constant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT[=VALUE]",
            help="An input that stays the same for a session, or for ever; repeatable.",
        ),
    ] = None,
    sample_rate: Annotated[int | None, typer.Option(metavar="HZ", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite an offline network to one hop at a time, with the least delay, and prove it."""
    with progress(as_json) as report:
        streamed = api.stream(
            model,
            path,
            hop=hop,
            sample_rate=sample_rate,
            shapes=dict(parse_shape(text) for text in shape or ()),
            constants=dict(parse_constant(text) for text in constant or () if "=" in text),
            session_constants=[text for text in constant or () if "=" not in text],
            time_axes=dict(parse_time_axis(text) for text in time_axis or ()),
            progress=report,
        )
    facts = streaming_facts(streamed)
    if as_json:
        print_json(facts)
        return
    print_table(str(path), ("fact", "value"), streaming_rows(facts))
