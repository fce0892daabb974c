"""``edgekit stream``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.arguments import Model
from edgekit.cli.console import AsJson, print_json, print_notes, print_table, progress
from edgekit.cli.facts import streaming_rows
from edgekit.cli.options import with_options
from edgekit.verbs.export.options import StreamOptions


@with_options(StreamOptions)
def stream(
    model: Model,
    path: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The .onnx to write.")],
    options: StreamOptions,
    as_json: AsJson = False,
) -> None:
    """Rewrite an offline network to one hop at a time, with the least delay, and prove it.

    Without --hop the hop is the smallest possible.
    """
    with progress(as_json) as report:
        streamed = api.stream(model, path, progress=report, **options)
    from edgekit.graph.layouts import time_unit
    from edgekit.verbs.network_inspection import streaming_facts

    facts = streaming_facts(streamed)
    if as_json:
        print_json(facts)
        return
    print_notes(streamed.notes)
    print_table(str(path), ("fact", "value"), streaming_rows(facts, time_unit(streamed)))
