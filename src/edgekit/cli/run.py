"""``edgekit run``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.base.errors import Problem, UsageError
from edgekit.cli.arguments import BuildFolder
from edgekit.cli.completion import names
from edgekit.cli.console import AsJson, out, print_json, print_notes, progress
from edgekit.cli.units import number_reader


def run(
    directory: BuildFolder,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN OUT",
            help="A recording and a .wav, .npz or .csv; .csv or .npz of data; NAME=FILE for each stream; or pictures.",
        ),
    ] = None,
    *,
    constants: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .npz with the session constants.")
    ] = None,
    controls: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE ...",
            help="A control, or its values over time, such as knob=0s:0.3,2.5s:0.8; or a session constant, "
            "such as voice=FILE.npy.",
        ),
    ] = None,
    device_rate: Annotated[
        int | None,
        typer.Option(
            metavar="HZ",
            parser=number_reader("--device-rate", "HZ", 1),
            help="Rate of the sound device or the files; the adapter resamples.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=number_reader("--seed", None, 0),
            help="Seed of the noise that the build draws (0).",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE",
            autocompletion=names(("sim",)),
            help="sim: run the RTL of a build for fpga under Verilator, and print cycles.",
        ),
    ] = None,
    found: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A .json for the objects found in pictures."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every hop there, for edgekit replay."),
    ] = None,
    mic: Annotated[
        bool,
        typer.Option("--mic", metavar="", help="Microphone to loudspeaker, instead of IN and OUT."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stream files, or the microphone, through a build, hop by hop.

    Recordings are .wav, .flac, .ogg, .opus, .mp3 or .aiff. They are resampled and mixed down as the build needs,
    with a note, and come out as .wav, without the delay. A build of several streams takes one for each, by
    name: mic=mic.wav ref=far.wav out.wav.

    A build that gives no audio writes a .npz, or a .csv with a line for each hop. One that decides prints
    what it detects, and writes it to a .json or .csv.

    IN may be data of sensors: a .csv with a line for each moment and a column for each channel, a .npy, or a .npz
    with one array for each stream. An array is a whole recording, or its first axis is the hops. A .npz may hold
    the session constants in their own shape.

    An engine takes a .png or .jpg, or a folder of them, and draws what it finds.

    The C code of a build is compiled and run: run only builds that you trust.

    With --mic: d switches between the build and the microphone itself, q ends.
    """
    if mic:
        _refuse_files_with_mic(files or (), device, found, record)
        from edgekit.cli.live import hear, show

        facts = hear(directory, constants, as_json, controls or (), device_rate, seed)
        print_json(facts.to_dict()) if as_json else show(facts)
        return
    from edgekit.verbs.files import named_files

    source, out_files = named_files(directory, files or ())
    with progress(as_json) as report:
        notes = api.run(
            directory,
            source,
            out_files,
            constants=constants,
            controls=controls or (),
            device_rate=device_rate,
            seed=seed,
            device=device,
            found=found,
            record=record,
            progress=report,
        )
    paths = list(out_files.values()) if isinstance(out_files, Mapping) else [out_files]
    _show_files(paths, notes, as_json)


def _refuse_files_with_mic(
    files: Sequence[str], device: str | None, found: Path | None, record: Path | None
) -> None:
    """Refuse what goes with files alone."""
    given = [
        *files,
        *([f"--device {device}"] if device else ()),
        *([f"--found {found}"] if found else ()),
        *([f"--record {record}"] if record else ()),
    ]
    if given:
        what, step = f"'{given[0]}' with --mic", "leave out one of them"
        raise UsageError(Problem("--mic", what, "the sound devices or files", step))


def _show_files(paths: Sequence[Path], notes: Sequence[str], as_json: bool) -> None:
    """Print what was written."""
    if as_json:
        print_json({"path": str(paths[0]), "paths": list(map(str, paths)), "notes": list(notes)})
        return
    print_notes(notes)
    for path in paths:
        out.print(f"wrote {path}", markup=False, soft_wrap=True)
