"""``edgekit export``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgekit import api
from edgekit.base.errors import Problem, UsageError
from edgekit.cli.console import AsJson, out, print_json, print_notes, print_table, progress
from edgekit.cli.facts import manifest_rows

TimeAxes = Annotated[
    list[str] | None,
    typer.Option(metavar="INPUT:AXIS", help="The time axis of an offline network; repeatable."),
]


def export(
    model: Annotated[str, typer.Argument(help="package.module:factory, a .pt2 or an .onnx.")],
    target: Annotated[str, typer.Option(help="A name that `edgekit targets` lists.")],
    directory: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="float32 (default), w8a8, w8a16, w4a8, auto, or a recipe.toml; litert: float16."
        ),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(help="Folder of .wav or .npz, or package.module:factory.")
    ] = None,
    min_snr: Annotated[
        float | None, typer.Option(metavar="DB", help="Least fidelity to the source network.")
    ] = None,
    hop: Annotated[
        int | None,
        typer.Option(
            metavar="SAMPLES", min=1, help="One call; rewrites a network with an open time axis."
        ),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(metavar="IN:OUT", help="A state pair; repeatable.")
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(metavar="INPUT=DIMS", help="Dims of an open input, as 1,16,257; repeatable."),
    ] = None,
    constant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT[=VALUE]",
            help="An input that stays the same for a session, or for ever: a number, numbers with commas, "
            "or a JSON list; repeatable.",
        ),
    ] = None,
    sample_rate: Annotated[int | None, typer.Option(metavar="HZ", min=1)] = None,
    frontend: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="stft:N_FFT:HOP:WINDOW[:mag|logpow][:plain][:full] or frame:LENGTH:HOP: PCM in, and out.",
        ),
    ] = None,
    then: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A second .onnx, fed with the samples of each frame."),
    ] = None,
    time_axis: TimeAxes = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what an integer recipe leaves in float.")
    ] = False,
    part: Annotated[
        str | None, typer.Option(help="fpga: XCZU3EG (default), XC7Z020 or LFE5UM5G-85F.")
    ] = None,
    goal: Annotated[
        str | None, typer.Option(help="fpga: fps (default), or small: the fewest LUTs.")
    ] = None,
    cpu_fallback: Annotated[
        bool,
        typer.Option("--cpu-fallback", help="fpga: leave to a CPU what the engine does not run."),
    ] = False,
    sampler: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A sampler.toml: the network is a denoiser, see docs/diffusion.md."
        ),
    ] = None,
    allow_oversize: Annotated[
        bool,
        typer.Option(
            "--allow-oversize",
            help="Write a build that does not fit its target's board, with a note.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the build that is in the folder.")
    ] = False,
    as_json: AsJson = False,
    stateful: Annotated[
        bool, typer.Option("--stateful", help="litert: keep the states inside the file.")
    ] = False,
) -> None:
    """Make a verified build folder of a network.

    A factory or a .pt2 is your own code and is run; .onnx and calibration files are not trusted.
    """
    with progress(as_json) as report:
        exported = api.export(
            model,
            target,
            directory,
            recipe=recipe,
            calibration=calibration,
            min_snr_db=min_snr,
            hop=hop,
            sample_rate=sample_rate,
            states=[parse_state(text) for text in state or ()],
            shapes=dict(parse_shape(text) for text in shape or ()),
            constants=dict(parse_constant(text) for text in constant or () if "=" in text),
            session_constants=[text for text in constant or () if "=" not in text],
            frontend=frontend,
            then=then,
            time_axes=dict(parse_time_axis(text) for text in time_axis or ()),
            sampler=sampler,
            strict=strict,
            part=part,
            goal=goal,
            cpu_fallback=cpu_fallback,
            stateful=stateful,
            allow_oversize=allow_oversize,
            force=force,
            progress=report,
        )
    if as_json:
        notes = list(exported.notes)
        print_json(
            {"directory": str(directory), "notes": notes, "manifest": asdict(exported.manifest)}
        )
        return
    print_notes(exported.notes)
    print_table(f"{directory}", ("fact", "value"), manifest_rows(exported.manifest))
    out.print(f"report: {directory / 'report.html'}", soft_wrap=True, markup=False)


def parse_state(text: str) -> tuple[str, str]:
    """Split ``IN:OUT`` at its middle colon, since names may hold colons of their own."""
    parts = text.split(":")
    half = len(parts) // 2
    names = ":".join(parts[:half]), ":".join(parts[half:])
    if len(parts) % 2 or not all(names):
        step = "name the state's input and the output that follows it"
        raise UsageError(Problem(f"--state '{text}'", "not a pair", "IN:OUT", step))
    return names


def parse_time_axis(text: str) -> tuple[str, int]:
    """Split ``INPUT:AXIS``."""
    name, _, axis = text.rpartition(":")
    if not name or not axis.removeprefix("-").isdecimal():
        step = "name an input and the number of its time axis, from 0"
        raise UsageError(Problem(f"--time-axis '{text}'", "no axis", "INPUT:AXIS", step))
    return name, int(axis)


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Split ``INPUT=DIMS``; dims are separated by commas or x."""
    name, _, dims = text.rpartition("=")
    numbers = dims.replace("x", ",").split(",")
    if not name or not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        step = "give every dimension of the input"
        raise UsageError(Problem(f"--shape '{text}'", "no dimensions", "INPUT=1,16,257", step))
    return name, tuple(int(number) for number in numbers)


def parse_constant(text: str) -> tuple[str, object]:
    """Split ``INPUT=VALUE``; the value is a number, numbers with commas, or a nested JSON list."""
    name, _, value = text.partition("=")
    try:
        content = json.loads(value if value.startswith("[") or "," not in value else f"[{value}]")
    except ValueError:
        content = None
    if not name or not isinstance(content, int | float | list):
        step = "write a number, 1,2,3 or [[1, 2], [3, 4]]"
        raise UsageError(Problem(f"--constant '{text}'", "no value", "INPUT=VALUE", step))
    return name, content
