"""The options of `export` and `stream`: declared once, for the command line and for `edgekit.api`."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, TypedDict

from edgekit.base.layout import Layout
from edgekit.verbs.export import literal_names as names
from edgekit.verbs.export.flags import Flag
from edgekit.verbs.export.texts import (
    CONSTANT,
    collect_frontends,
    collect_settings,
    has_no_value,
    has_value,
    parse_constant,
    parse_knob,
    parse_layout_option,
    parse_noise,
    parse_package,
    parse_rate,
    parse_setting,
    parse_shape,
    parse_state,
    parse_time_axis,
)


class StreamOptions(TypedDict, total=False):
    """Facts about a network that its file does not contain: keywords of `edgekit.api.stream`."""

    hop: Annotated[
        int | None,
        Flag(
            "What one call consumes, such as 128 or 8ms; rewrites an offline network to hops.",
            "SAMPLES",
            minimum=1,
        ),
    ]
    sample_rate: Annotated[int | None, Flag("The audio's rate, such as 16k.", "HZ", minimum=1)]
    shapes: Annotated[
        Mapping[str, Sequence[int]],
        Flag(
            "Dimensions of an input whose shape is open, such as x=1,16,257.",
            "INPUT=DIMS",
            name="shape",
            many=dict,
            parse=parse_shape,
        ),
    ]
    constants: Annotated[
        Mapping[str, Any],
        Flag(
            CONSTANT,
            "INPUT[=VALUE]",
            name="constant",
            many=dict,
            parse=parse_constant,
            takes=has_value,
        ),
    ]
    session_constants: Annotated[
        Sequence[str],
        Flag(CONSTANT, "INPUT[=VALUE]", name="constant", many=tuple, takes=has_no_value),
    ]
    time_axes: Annotated[
        Mapping[str, int],
        Flag(
            "The time axis of an offline network, or of a file's fixed window, such as x:2.",
            "INPUT:AXIS",
            name="time-axis",
            many=dict,
            parse=parse_time_axis,
        ),
    ]
    replace: Annotated[
        Sequence[str],
        Flag(
            "Replace parts that need the end of a recording: pad=zeros, pad=first, mean=cumulative, mean=window:N, "
            "norm=cumulative, norm=window:N, max=window:N, attention=window:N or stft=causal.",
            "KIND=FORM",
            many=tuple,
        ),
    ]
    causal: Annotated[
        bool, Flag("Make pads, means and norms causal where they need the end of a recording.")
    ]
    rates: Annotated[
        Mapping[str, Fraction | float | str],
        Flag(
            "How many samples a frame of an input lasts, such as f0=64.",
            "INPUT=SAMPLES",
            name="rate",
            many=dict,
            parse=parse_rate,
            read="edgekit.verbs.export.readers:read_rates",
        ),
    ]
    controls: Annotated[
        Sequence[str],
        Flag(
            "An input with one value for each hop, such as a knob.",
            "INPUT",
            name="control",
            many=tuple,
        ),
    ]
    signature: Annotated[
        str | None, Flag("The graph of a .tflite to read, where it has several.", "NAME")
    ]
    layouts: Annotated[
        Mapping[str, Layout | str],
        Flag(
            "Meaning of the axes of an input or output, such as NCT: batch, channel, time; see `edgekit help ports`.",
            "NAME=LETTERS",
            name="layout",
            many=dict,
            parse=parse_layout_option,
            read="edgekit.verbs.export.readers:read_layouts",
        ),
    ]
    iterate: Annotated[
        str | None,
        Flag(
            "Iterate a step network until its scalar OUTPUT is at most TOLERANCE, in at most MOST calls.",
            "OUTPUT:TOLERANCE:MOST",
            read="edgekit.base.until:read_iterate",
        ),
    ]
    until: Annotated[
        int | str | None,
        Flag(
            "The longest recording of an offline network; tables of positions and attention to its start need it.",
            "SAMPLES",
            read="edgekit.base.until:read_until",
        ),
    ]


class SettingOptions(TypedDict, total=False):
    """Values of inputs that calibration clips lack: keywords of all functions that calibrate."""

    settings: Annotated[
        Mapping[str, Any],
        Flag(
            "Value of an input that clips do not hold: drive=0:1 is swept; also drive=0.3, drive=0s:0.1,2s:0.9 or "
            "voice=FILE.npy; see `edgekit help ports`.",
            "INPUT=VALUE",
            name="set",
            many=collect_settings,
            parse=parse_setting,
            read="edgekit.base.settings:read_settings",
        ),
    ]


class NetworkOptions(StreamOptions, SettingOptions, total=False):
    """Further facts about a network, and its front end: keywords of `edgekit.api.finetune`."""

    states: Annotated[
        Sequence[tuple[str, str]],
        Flag(
            "A state and its next value, if their names do not match.",
            "IN:OUT",
            name="state",
            many=tuple,
            parse=parse_state,
        ),
    ]
    frontend: Annotated[
        str | Mapping[str, str] | None,
        Flag(
            "Sound to input, and output to sound, such as stft:512:128:hann; see `edgekit help frontends`.",
            "[NAME=]SPEC",
            many=collect_frontends,
            read="edgekit.export.frontend.spec:parse_forms",
        ),
    ]


class BoundOptions(TypedDict, total=False):
    """Bounds for `auto`, and where it measures: keywords of `edgekit.api.quantize` and `edgekit.api.export`."""

    max_flash: Annotated[int | None, Flag("For auto: most bytes of weights.", "BYTES", minimum=1)]
    max_ram: Annotated[
        int | None, Flag("For auto: most bytes of states and scratch.", "BYTES", minimum=1)
    ]
    max_instructions: Annotated[
        int | None,
        Flag("For auto: most instructions of a hop, counted under QEMU.", "NUMBER", minimum=1),
    ]
    workers: Annotated[
        int | None,
        Flag("Processes on this machine in which auto measures; same result.", "N", minimum=1),
    ]
    scheduler: Annotated[
        str | None, Flag("A Dask cluster on which auto measures; same result.", "TCP://HOST:PORT")
    ]


class QuantizeOptions(BoundOptions, SettingOptions, total=False):
    """Keywords of `edgekit.api.quantize`."""


class RecipeOptions(NetworkOptions, BoundOptions, total=False):
    """How a network becomes integers, and the options above."""

    recipe: Annotated[
        names.RecipeName | str | Path | None,  # a text may be the path of a recipe.toml
        Flag(
            "float32, float16, w8a8, w8a16, w4a8, auto or a recipe.toml.",
            "RECIPE",
            read="edgekit.verbs.export.readers:read_recipe",
        ),
    ]


class CalibrationOptions(TypedDict, total=False):
    """Where clips come from; `edgekit.deploy` takes arrays in their place."""

    calibration: Annotated[
        str | None,
        Flag("Folder of sound files, .csv, .npz or pictures, or package.module:factory.", "SOURCE"),
    ]


class BuildOptions(TypedDict, total=False):
    """What an export makes, and what it must reach."""

    min_snr_db: Annotated[
        float | None,
        Flag(
            "Least SNR against the source network, such as 20; the goal of auto.",
            "DB",
            name="min-snr",
            read="edgekit.verbs.export.readers:read_min_snr",
        ),
    ]
    metric: Annotated[
        str | None,
        Flag(
            "package.module:function of (outputs, float outputs, clean clip or None) that replaces the SNR; --min-snr "
            "is in its unit.",
            "SOURCE",
            read="edgekit.judge.metric:read_metric",
        ),
    ]
    device_rate: Annotated[
        int | None,
        Flag("Rate of the sound device: an adapter resamples to the network's.", "HZ", minimum=1),
    ]
    wrap: Annotated[
        names.PluginName | Sequence[names.PluginName] | None,
        Flag(
            "For host and c99: make a plug-in, lv2 or clap, of a build with sound; see `edgekit help plugins`.",
            "KIND",
            many=tuple,
        ),
    ]
    knobs: Annotated[
        Mapping[str, str],
        Flag(
            "Range of a control in a plug-in or page, or of each of its values with commas.",
            "CONTROL=LEAST:MOST:DEFAULT",
            name="knob",
            many=dict,
            parse=parse_knob,
            read="edgekit.verbs.export.readers:read_knob_ranges",
        ),
    ]
    then: Annotated[
        str | None,
        Flag(
            "A second .onnx for the samples of each frame; then/NAME is its input if both have NAME.",
            "FILE",
        ),
    ]
    sampler: Annotated[
        str | Path | None,
        Flag(
            "A sampler.toml: the network is a denoiser of a diffusion model; see `edgekit help sampler`.",
            "FILE",
            read="edgekit.verbs.export.readers:read_sampler",
        ),
    ]
    mid_side: Annotated[
        Sequence[str],
        Flag(
            "A stereo input or output that the network has as mid and side.",
            "NAME",
            name="mid-side",
            many=tuple,
        ),
    ]
    noise: Annotated[
        Mapping[str, str],
        Flag(
            "An input that the build draws itself: normal, or uniform in [-1, 1); see `edgekit help ports`.",
            "INPUT[=DISTRIBUTION]",
            many=dict,
            parse=parse_noise,
        ),
    ]
    decide: Annotated[
        str | None,
        Flag(
            "Turn scores, the first output, into detections: on=0.8:off=0.5:smooth=0.3s:hold=1s:labels=A,B; "
            "see `edgekit help decisions`.",
            "SPEC",
            read="edgekit.base.decide:read_decide",
        ),
    ]
    strict: Annotated[
        bool,
        Flag(
            "Fail if a layer stays in float, or held-out SNR is below 20 dB; write no failed build."
        ),
    ]
    part: Annotated[
        names.PartName | None, Flag("XCZU3EG (default), XC7Z020 or LFE5UM5G-85F.", "PART")
    ]
    goal: Annotated[
        names.GoalName | None, Flag("fps (default), or small: the fewest LUTs.", "GOAL")
    ]
    datapath: Annotated[
        names.DatapathName | None,
        Flag("rtl (default), or hls: XLS compiles the data paths of the engine.", "KIND"),
    ]
    picture: Annotated[
        str | None,
        Flag(
            "Values of black and white, and the kind of the outputs: range=-1,1:labels=A,B, or "
            "range=0,1:mean=...:std=..., see `edgekit help fpga`.",
            "SPEC",
        ),
    ]
    cpu_fallback: Annotated[bool, Flag("Leave to a CPU what the engine does not run.")]
    stateful: Annotated[bool, Flag("Keep the states inside the .tflite, not in the caller.")]
    micro: Annotated[bool, Flag("For tflite-micro: Fourier transforms become matrix products.")]
    packages: Annotated[
        Mapping[str, str],
        Flag(
            "A package for zephyr, arduino, platformio, esp-idf, cmsis-pack or cmake.",
            "KIND[=VERSION]",
            name="package",
            many=dict,
            parse=parse_package,
        ),
    ]
    bindings: Annotated[
        Sequence[names.BindingName],
        Flag(
            "Write bindings: cpp, rust; see `edgekit help languages`.",
            "LANGUAGE",
            many=tuple,
        ),
    ]
    weights: Annotated[
        names.WeightsName | None,
        Flag(
            "inside (default), or external: a signed bundle replaces them; see `edgekit help updates`.",
            "PLACE",
        ),
    ]
    tune: Annotated[
        bool,
        Flag("Measure the kernels of each layer and take the best; see `edgekit help c`."),
    ]
    schedule: Annotated[
        str | Path | None,
        Flag(
            "A schedule.toml that --tune wrote: the kernel of each layer.",
            "FILE",
            read="edgekit.verbs.export.schedule:read_schedule",
        ),
    ]
    board: Annotated[
        str | Path | None,
        Flag(
            "A board.toml that describes your board; see `edgekit help boards`.",
            "FILE",
            read="edgekit.runtime.devices.board:read_board",
        ),
    ]
    allow_oversize: Annotated[
        bool, Flag("Write a build that does not fit its target's board, with a note.")
    ]
    force: Annotated[bool, Flag("Replace the build in the folder; never another folder.")]


class DeployOptions(RecipeOptions, BuildOptions, total=False):
    """Keywords of `edgekit.deploy`."""


class ExportOptions(RecipeOptions, CalibrationOptions, BuildOptions, total=False):
    """Keywords of `edgekit.api.export`."""
