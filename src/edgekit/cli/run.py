"""``edgekit run``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json, print_notes, progress
from edgekit.cli.later import refuse_given


def run(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A build folder.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A .wav, or a .npz of hops.")],
    path: Annotated[
        Path, typer.Argument(metavar="OUT", help="A .wav, or a .npz or .csv of outputs.")
    ],
    constants: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .npz with the session constants.")
    ] = None,
    as_json: AsJson = False,
    mic: Annotated[bool, typer.Option("--mic", hidden=True)] = False,
) -> None:
    """Stream a file through a build, hop by hop.

    A .wav is resampled and mixed down as the build needs, with a note, and comes out without the
    delay; a build that gives no audio writes a .npz, or a .csv with a line per hop. A .npz holds one
    array per stream input or output, first axis = hops; it may hold the session constants of a build, too,
    in their own shape. The C code of a build is compiled and run:
    run only builds that you trust.
    """
    refuse_given(mic=mic)
    with progress(as_json) as report:
        notes = api.run(directory, source, path, constants=constants, progress=report)
    if as_json:
        print_json({"path": str(path), "notes": list(notes)})
        return
    print_notes(notes)
    out.print(f"wrote {path}", markup=False, soft_wrap=True)
