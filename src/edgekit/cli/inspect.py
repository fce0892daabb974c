"""``edgekit inspect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit import api
from edgekit.base.json_values import JsonObject
from edgekit.cli.completion import MODEL
from edgekit.cli.console import AsJson, out, print_json, print_table, progress
from edgekit.cli.facts import manifest_rows
from edgekit.cli.options import with_options
from edgekit.runtime.build_folder.streaming_rows import DELAY_HEAD, TIME_HEAD, delay_rows, time_rows
from edgekit.verbs.export.options import StreamOptions

if TYPE_CHECKING:
    from edgekit.runtime.build_folder.manifest import Manifest
    from edgekit.verbs.inspection_result import Inspection


@with_options(StreamOptions)
def inspect(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DIR|MODEL", help="A build folder or network.", autocompletion=MODEL
        ),
    ],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report there.")
    ] = None,
    proof: Annotated[
        bool, typer.Option("--proof", help="Check a build's C against its proof.json.")
    ] = False,
    *,
    options: StreamOptions,
    as_json: AsJson = False,
) -> None:
    """Show the facts of a build, or of a network and what it would be on this machine."""
    with progress(as_json) as report:
        report("import", 0, 1)
        found = api.inspect(source, html, proof, **options)
    if as_json:
        print_json(found.to_dict())
        return
    show_findings(found)
    if found.proof is not None:
        show_proof(found.proof)
    if html is not None:
        out.print(f"report: {html}", markup=False, soft_wrap=True)


def show_findings(found: "Inspection") -> None:
    """Print the facts of a build or of a network as tables."""
    if found.manifest is not None:
        show_manifest(found.manifest)
    if found.streaming is not None:
        show_streaming(found.streaming, found.sample_rate_hz)
    if found.operators:
        counts = [(name, str(count)) for name, count in found.operators.items()]
        print_table("operators", ("operator", "nodes"), counts, numbers=True)
    if found.problems:
        rows = [(p.where, p.found, p.allowed, p.next_step) for p in found.problems]
        print_table("not supported", ("where", "found", "allowed", "next"), rows)


def show_proof(proof: JsonObject) -> None:
    """Print what was proved of the C of a build."""
    sums = [[str(cell) for cell in row.values()] for row in proof["sums"]]
    if sums:
        head = ("layer", "weights", "largest sum", "fits")
        print_table("integer sums, for any input", head, sums, numbers=True)
    show_times(proof)
    out.print(f"proof: holds for {proof['calls']} calls of kernels", markup=False)


def show_times(proof: JsonObject) -> None:
    """Print where data decides how many instructions of a hop run."""
    rows = [
        (
            row["layer"] or row["function"],
            "a choice" if row["call"] == "?" else row["call"],
            row["why"],
            "no bound" if row["most"] is None else f"{row['most']:,}",
        )
        for row in proof["times"]
    ]
    if not rows:
        out.print("time: instructions of a hop do not depend on the data", markup=False)
        return
    head = ("layer", "call", "what data decides", "most")
    print_table("instructions that data may add, on Cortex-M", head, rows)
    most = proof["most_added"]
    text = "no bound is known" if most is None else f"at most {most:,} instructions of a hop"
    out.print(f"time: depends on the data, {text}", markup=False)


def show_streaming(streaming: JsonObject, sample_rate_hz: int | None) -> None:
    """Print what the rewrite to hops found."""
    print_table("delay of the outputs", DELAY_HEAD, delay_rows(streaming, sample_rate_hz))
    print_table("time in the tensors of the offline network", TIME_HEAD, time_rows(streaming))


def show_manifest(manifest: "Manifest") -> None:
    """Print a manifest as tables."""
    from edgekit.runtime.build_folder.port_rows import (
        PORT_HEAD,
        STREAM_HEAD,
        port_rows,
        stream_rows,
    )

    print_table("inputs and outputs", PORT_HEAD, port_rows(manifest))
    if streams := stream_rows(manifest):
        print_table("streams", STREAM_HEAD, streams)
    print_table(manifest.source["name"], ("fact", "value"), manifest_rows(manifest))
