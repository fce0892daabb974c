"""The options of `export` and `stream`: declared once, for the command line and for `edgekit.api`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, get_type_hints

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import FORM, Layout, parse_layout
from edgekit.base.random_normals import DISTRIBUTIONS

if TYPE_CHECKING:
    from edgekit.export.onnx_file.constants import Constants


@dataclass(frozen=True)
class Flag:
    """How an option is given on the command line.

    Attributes:
        help: what it is, for both.
        metavar: what stands for its value.
        name: of the flag, where it is not that of the option.
        minimum: of a number.
        many: of a repeatable flag: what its parsed texts become.
        parse: one text of a repeatable flag to what `many` takes.
        takes: which texts are this option's, where two options share a flag.
    """

    help: str
    metavar: str | None = None
    name: str | None = None
    minimum: int | None = None
    many: Callable[[Iterable[Any]], Any] | None = None
    parse: Callable[[str], Any] = str
    takes: Callable[[str], bool] = bool


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


def parse_rate(text: str) -> tuple[str, Fraction]:
    """Split ``INPUT=SAMPLES``: samples of the reference stream for a frame; gives frames for a sample."""
    name, _, given = text.rpartition("=")
    try:
        samples = Fraction(given)
    except (ValueError, ZeroDivisionError):
        samples = Fraction(0)
    if not name or samples <= 0:
        step = (
            "write how many samples one frame of it lasts, as f0=64, or f0=1/2 for two in a sample"
        )
        raise UsageError(Problem(f"--rate '{text}'", "no rate", "INPUT=SAMPLES", step))
    return name, 1 / samples


def parse_layout_option(text: str) -> tuple[str, Layout]:
    """Split ``NAME=LETTERS``."""
    name, _, letters = text.rpartition("=")
    try:
        if name:
            return name, parse_layout(letters)
        found = "no name"
    except ValueError as error:
        found = str(error)
    step = "write a letter for each axis, as --layout pcm=NCT"
    raise UsageError(Problem(f"--layout '{text}'", found, FORM, step))


def collect_frontends(texts: Iterable[str]) -> str | dict[str, str]:
    """One text for all streams, or ``NAME=SPEC`` of each."""
    given = list(texts)
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    named = [(name, spec) for name, _, spec in (text.rpartition("=") for text in given)]
    names = [name for name, _ in named]
    if "" in names or len(set(names)) < len(names):
        found = "several without a name" if "" in names else "a name given twice"
        step = "name the stream of each, as --frontend mic=mel:512:160:hann:40"
        raise UsageError(Problem("--frontend", found, "one SPEC, or NAME=SPEC for each", step))
    return dict(named)


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


def parse_noise(text: str) -> tuple[str, str]:
    """Split ``INPUT[=DISTRIBUTION]``; without one it is normal."""
    name, _, distribution = text.partition("=")
    if not name or (distribution or "normal") not in DISTRIBUTIONS:
        found = "no name" if not name else f"'{distribution}'"
        allowed = " or ".join(DISTRIBUTIONS)
        step = "write --noise z, or --noise z=uniform"
        raise UsageError(Problem(f"--noise '{text}'", found, f"INPUT=({allowed})", step))
    return name, distribution or "normal"


def _has_value(text: str) -> bool:
    return "=" in text


def _has_no_value(text: str) -> bool:
    return "=" not in text


CONSTANT = (
    "An input that stays the same for a session, or for ever: a number, numbers with commas, or a JSON list; "
    "repeatable."
)


class StreamOptions(TypedDict, total=False):
    """What the file of a network does not say about it: keywords of `edgekit.api.stream`."""

    hop: Annotated[
        int | None,
        Flag(
            "Samples of one call; rewrites a network with an open time axis.", "SAMPLES", minimum=1
        ),
    ]
    sample_rate: Annotated[int | None, Flag("Of the network's audio.", "HZ", minimum=1)]
    shapes: Annotated[
        Mapping[str, Sequence[int]],
        Flag(
            "Dims of an open input, as 1,16,257; repeatable.",
            "INPUT=DIMS",
            name="shape",
            many=dict,
            parse=parse_shape,
        ),
    ]
    constants: Annotated[
        "Constants",
        Flag(
            CONSTANT,
            "INPUT[=VALUE]",
            name="constant",
            many=dict,
            parse=parse_constant,
            takes=_has_value,
        ),
    ]
    session_constants: Annotated[
        Sequence[str],
        Flag(CONSTANT, "INPUT[=VALUE]", name="constant", many=tuple, takes=_has_no_value),
    ]
    time_axes: Annotated[
        Mapping[str, int],
        Flag(
            "The time axis of an offline network; repeatable.",
            "INPUT:AXIS",
            name="time-axis",
            many=dict,
            parse=parse_time_axis,
        ),
    ]
    replace: Annotated[
        Sequence[str],
        Flag(
            "Of an offline network, what needs the end: pad=zeros, pad=first, mean=cumulative, mean=window:N, "
            "norm=cumulative, norm=window:N, max=window:N, attention=window:N or stft=causal; repeatable.",
            "KIND=FORM",
            many=tuple,
        ),
    ]
    causal: Annotated[
        bool, Flag("Replace all that needs the end and has a default: pad, mean and norm.")
    ]
    rates: Annotated[
        Mapping[str, Fraction],
        Flag(
            "Samples that a frame of an input lasts, as f0=64; repeatable.",
            "INPUT=SAMPLES",
            name="rate",
            many=dict,
            parse=parse_rate,
        ),
    ]
    controls: Annotated[
        Sequence[str],
        Flag(
            "An input that holds one value for a hop, as a knob; repeatable.",
            "INPUT",
            name="control",
            many=tuple,
        ),
    ]
    layouts: Annotated[
        Mapping[str, Layout],
        Flag(
            "What the axes of an input or output are, as NCT: batch, channel, time; see docs/ports.md; repeatable.",
            "NAME=LETTERS",
            name="layout",
            many=dict,
            parse=parse_layout_option,
        ),
    ]


class ExportOptions(StreamOptions, total=False):
    """Keywords of `edgekit.api.export`."""

    recipe: Annotated[
        str | None,
        Flag(
            "float32, w8a8, w8a16, w4a8, auto, or a recipe.toml; litert: float16. By default the target's."
        ),
    ]
    calibration: Annotated[
        str | None, Flag("Folder of .wav or .npz, or package.module:factory.", "SOURCE")
    ]
    min_snr_db: Annotated[
        float | None,
        Flag("Least fidelity to the source network; what auto looks for.", "DB", name="min-snr"),
    ]
    metric: Annotated[
        str | None,
        Flag(
            "package.module:function of (outputs, float outputs, clean form or None): instead of the ratio; --min-snr "
            "is in its unit.",
            "SOURCE",
        ),
    ]
    max_flash: Annotated[
        int | None, Flag("Of weights: bounds what auto may choose.", "BYTES", minimum=1)
    ]
    max_ram: Annotated[
        int | None,
        Flag("Of states and scratch: bounds what auto may choose.", "BYTES", minimum=1),
    ]
    max_instructions: Annotated[
        int | None,
        Flag(
            "Of a hop, counted under QEMU: bounds what auto may choose.",
            "NUMBER",
            minimum=1,
        ),
    ]
    states: Annotated[
        Sequence[tuple[str, str]],
        Flag(
            "A state pair, besides those that names tell; repeatable.",
            "IN:OUT",
            name="state",
            many=tuple,
            parse=parse_state,
        ),
    ]
    frontend: Annotated[
        str | Mapping[str, str] | None,
        Flag(
            "stft:N_FFT:HOP:WINDOW[:mag|logpow][:plain][:full] or frame:LENGTH:HOP: PCM in, and out; "
            "mel, mfcc, erb, gcc or intensity:N_FFT:HOP:WINDOW:...: features of PCM, see docs/frontends.md; "
            "repeatable with the name of a stream.",
            "[NAME=]SPEC",
            many=collect_frontends,
        ),
    ]
    device_rate: Annotated[
        int | None,
        Flag("Of the sound device: an adapter beside the network resamples.", "HZ", minimum=1),
    ]
    wrap: Annotated[
        str | None,
        Flag("host and c99: a plug-in around a build of sound, lv2; see docs/plugins.md.", "KIND"),
    ]
    then: Annotated[
        str | None,
        Flag(
            "A second .onnx, fed with the samples of each frame; then/NAME is its input where both have NAME.",
            "FILE",
        ),
    ]
    sampler: Annotated[
        str | Path | None,
        Flag("A sampler.toml: the network is a denoiser, see docs/diffusion.md.", "FILE"),
    ]
    until: Annotated[
        str | None,
        Flag(
            "The network is a step to iterate, until its scalar OUTPUT is at most TOLERANCE, in at most MOST calls.",
            "OUTPUT:TOLERANCE:MOST",
        ),
    ]
    mid_side: Annotated[
        Sequence[str],
        Flag(
            "An input or output of two channels that the network has as mid and side; repeatable.",
            "NAME",
            name="mid-side",
            many=tuple,
        ),
    ]
    noise: Annotated[
        Mapping[str, str],
        Flag(
            "An input that the build draws itself: normal, or uniform in [-1, 1); see docs/ports.md; repeatable.",
            "INPUT[=DISTRIBUTION]",
            many=dict,
            parse=parse_noise,
        ),
    ]
    decide: Annotated[
        str | None,
        Flag(
            "The first output is scores: say detected, label and score. on=0.8:off=0.5:smooth=0.3s:hold=1s:labels=A,B,"
            "see docs/frontends.md.",
            "SPEC",
        ),
    ]
    strict: Annotated[
        bool,
        Flag(
            "Refuse what an integer recipe leaves in float, and sound below 20 dB at any level that is judged."
        ),
    ]
    part: Annotated[str | None, Flag("fpga: XCZU3EG (default), XC7Z020 or LFE5UM5G-85F.")]
    goal: Annotated[str | None, Flag("fpga: fps (default), or small: the fewest LUTs.")]
    cpu_fallback: Annotated[bool, Flag("fpga: leave to a CPU what the engine does not run.")]
    stateful: Annotated[bool, Flag("litert: keep the states inside the file.")]
    board: Annotated[
        str | Path | None,
        Flag("microcontrollers: a board.toml of your own, see docs/boards.md.", "FILE"),
    ]
    allow_oversize: Annotated[
        bool, Flag("Write a build that does not fit its target's board, with a note.")
    ]
    force: Annotated[bool, Flag("Replace the build that is in the folder; never another folder.")]


@dataclass(frozen=True)
class Declared:
    """One option: its name as a keyword, its type, and its flag."""

    name: str
    type: Any
    flag: Flag

    @property
    def flag_name(self) -> str:
        """As on the command line."""
        return f"--{self.flag.name or self.name.replace('_', '-')}"


def declared(options: type) -> dict[str, Declared]:
    """Return the options of a class of keywords, by name."""
    hints = get_type_hints(
        options, {**globals(), "Constants": Mapping[str, Any]}, include_extras=True
    )
    rows = {}
    for name, hint in hints.items():
        (flag,) = hint.__metadata__
        rows[name] = Declared(name, hint.__origin__, flag)
    return rows


def check_names(options: Mapping[str, object], known: type) -> None:
    """Raise a TypeError for a keyword that is no option, as Python does for functions."""
    if unknown := options.keys() - known.__annotations__.keys():
        raise TypeError(
            f"no option {', '.join(sorted(unknown))}; there are {', '.join(known.__annotations__)}"
        )
