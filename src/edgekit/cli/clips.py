"""``edgekit clips``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json


def clips(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    channels: Annotated[
        int, typer.Option(min=1, max=16, help="Channels of each recording, for stereo networks.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Write a few licensed recordings: DIR/calibration to calibrate with, DIR/noisy.wav to try."""
    files = api.clips(directory, channels)
    if as_json:
        print_json({"directory": str(directory), "files": list(files)})
        return
    for file in files:
        out.print(f"wrote {directory / file}", markup=False, soft_wrap=True)
    out.print(
        f"calibrate with them: --calibration {directory / 'calibration'}",
        markup=False,
        soft_wrap=True,
    )
    out.print(
        f"try one: edgekit run BUILD {directory / 'noisy.wav'} out.wav",
        markup=False,
        soft_wrap=True,
    )
