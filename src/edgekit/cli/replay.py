"""``edgekit replay``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json, progress

if TYPE_CHECKING:
    from edgekit.verbs.recordings.findings import Replay


def replay(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="A file that a recorder wrote.")
    ],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The build that ran on the device.")
    ],
    as_json: AsJson = False,
) -> None:
    """Replay a device's recording, and name the first hop and layer that differ from the network.

    The C of recorder/ in a build writes a recording on a device, and edgekit run --record on this machine. The exit
    code is 1 where the device does not compute what its network computes.
    """
    with progress(as_json) as report:
        found = api.replay(recording, directory, progress=report)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    if found.faults or not found.judged:
        raise typer.Exit(1)


def _show(found: "Replay") -> None:
    """Print the verdict and the findings, a line each."""
    out.print(found.verdict, markup=False, soft_wrap=True)
    for finding in found.findings:
        out.print(f"- {finding.text}", markup=False, soft_wrap=True)
    counts = f"{found.hops:,} hops recorded, {found.judged:,} compared, {found.differing:,} differ"
    out.print(counts, markup=False, soft_wrap=True)
