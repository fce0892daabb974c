"""``edgekit demo``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json, print_table, progress

if TYPE_CHECKING:
    from edgekit.demos.show_denoise import DenoiseDemo

HEAD = (
    "build", "SI-SDR in (dB)", "out (dB)", "gain (dB)", "median (us/hop)", "p99 (us/hop)",
    "weights (bytes)", "state (bytes)", "scratch (bytes)", "latency (ms)",
)  # fmt: skip


def demo(
    name: Annotated[str, typer.Argument(help="denoise")],
    target: Annotated[str, typer.Option(help="host, c99 or onnxruntime.")] = "host",
    directory: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder to make; demo-NAME.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a bundled network on a bundled clip and write what it makes."""
    with progress(as_json) as report:
        shown = api.demo(name, target, directory, progress=report)
    if as_json:
        rows = [{**asdict(row), "gain_db": row.gain_db} for row in shown.rows]
        print_json({"directory": str(shown.directory), "rows": rows, "files": list(shown.files)})
        return
    show(shown)


def show(demo: "DenoiseDemo") -> None:
    """Print the demo's table and its files."""
    rows = []
    for row in demo.rows:
        memory, stream = row.manifest.memory, row.manifest.stream
        numbers = (row.si_sdr_in_db, row.si_sdr_out_db, row.gain_db)
        sizes = (memory[f"{block}_bytes"] for block in ("weights", "state", "scratch"))
        rows.append(
            (
                row.recipe,
                *(f"{number:.2f}" for number in numbers),
                f"{row.median_us:.0f}",
                f"{row.p99_us:.0f}",
                *("-" if size is None else f"{size:,}" for size in sizes),
                f"{stream['latency_ms']:g}",
            )
        )
    print_table(f"denoise on {demo.rows[0].manifest.target}", HEAD, rows)
    for file in demo.files:
        out.print(f"wrote {demo.directory / file}", markup=False, soft_wrap=True)
