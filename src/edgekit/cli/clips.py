"""``edgekit clips``."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json
from edgekit.cli.units import number_reader


def clips(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    channels: Annotated[
        int,
        typer.Option(
            metavar="CHANNELS",
            help="Channels of each recording, for stereo networks.",
            parser=number_reader("--channels", None, 1, 16),
        ),
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
