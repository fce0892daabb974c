"""The options of `export` and `stream`: declared once, for the command line and for `edgekit.api`."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from edgekit.base.layout import Layout
from edgekit.verbs.export.flags import Flag
from edgekit.verbs.export.texts import (
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

if TYPE_CHECKING:
    from edgekit.export.onnx_file.constants import Constants


CONSTANT = (
    "An input that is constant for a session, or always: a number, numbers with commas, or a JSON list; "
    "repeatable."
)


class StreamOptions(TypedDict, total=False):
    """Facts about a network that its file does not contain: keywords of `edgekit.api.stream`."""

    hop: Annotated[
        int | None,
        Flag(
            "Samples that one call consumes; rewrites a network with an open time axis to hops.",
            "SAMPLES",
            minimum=1,
        ),
    ]
    sample_rate: Annotated[int | None, Flag("Sample rate of the network's audio.", "HZ", minimum=1)]
    shapes: Annotated[
        Mapping[str, Sequence[int]],
        Flag(
            "Dimensions of an open input, as 1,16,257; repeatable.",
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
            "Replace parts that need the end of a recording: pad=zeros, pad=first, mean=cumulative, mean=window:N, "
            "norm=cumulative, norm=window:N, max=window:N, attention=window:N or stft=causal; repeatable.",
            "KIND=FORM",
            many=tuple,
        ),
    ]
    causal: Annotated[
        bool, Flag("Replace every pad, mean and norm that needs the end by its causal default.")
    ]
    rates: Annotated[
        Mapping[str, Fraction | float | str],
        Flag(
            "How many samples a frame of an input lasts, as f0=64; repeatable.",
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
            "An input with one value for each hop, such as a knob; repeatable.",
            "INPUT",
            name="control",
            many=tuple,
        ),
    ]
    layouts: Annotated[
        Mapping[str, Layout | str],
        Flag(
            "Meaning of the axes of an input or output, as NCT: batch, channel, time; see docs/guides/ports.md; "
            "repeatable.",
            "NAME=LETTERS",
            name="layout",
            many=dict,
            parse=parse_layout_option,
            read="edgekit.verbs.export.readers:read_layouts",
        ),
    ]


class SettingOptions(TypedDict, total=False):
    """Values of inputs that calibration clips lack: keywords of all functions that calibrate."""

    settings: Annotated[
        Mapping[str, Any],
        Flag(
            "Value of an input that clips do not hold: drive=0:1 is swept; also drive=0.3, drive=0s:0.1,2s:0.9 or "
            "voice=FILE.npy; see docs/guides/ports.md; repeatable.",
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
            "A pair of state input and output whose names do not match; repeatable.",
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
            "mel, mfcc, erb, gcc or intensity:N_FFT:HOP:WINDOW:...: features of PCM, see docs/guides/frontends.md; "
            "repeatable with the name of a stream.",
            "[NAME=]SPEC",
            many=collect_frontends,
            read="edgekit.export.frontend.spec:parse_forms",
        ),
    ]


class BoundOptions(TypedDict, total=False):
    """Bounds for `auto`, and where it measures: keywords of `edgekit.api.quantize` and `edgekit.api.export`."""

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
            "Instructions of a hop, counted under QEMU, that auto may use at most.",
            "NUMBER",
            minimum=1,
        ),
    ]
    workers: Annotated[
        int | None,
        Flag("Processes that auto measures in, on this machine; same result.", "N", minimum=1),
    ]
    scheduler: Annotated[
        str | None, Flag("Of a Dask cluster that auto measures on; same result.", "TCP://HOST:PORT")
    ]


class QuantizeOptions(BoundOptions, SettingOptions, total=False):
    """Keywords of `edgekit.api.quantize`."""


class ExportOptions(NetworkOptions, BoundOptions, total=False):
    """Keywords of `edgekit.api.export`."""

    recipe: Annotated[
        str | None,
        Flag(
            "float32, w8a8, w8a16, w4a8, auto, or a recipe.toml; litert: float16. By default the target's.",
            read="edgekit.verbs.export.readers:read_recipe",
        ),
    ]
    calibration: Annotated[
        str | None,
        Flag(
            "Folder of .wav or .npz, or package.module:factory; fpga: of .png or .jpg too.",
            "SOURCE",
        ),
    ]
    min_snr_db: Annotated[
        float | None,
        Flag(
            "Least SNR against the source network; auto's goal.",
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
        Flag("Of the sound device: an adapter next to the network resamples.", "HZ", minimum=1),
    ]
    wrap: Annotated[
        str | Sequence[str] | None,
        Flag(
            "host and c99: make a plug-in of a build with sound, lv2 or clap; see docs/guides/plugins.md; repeatable.",
            "KIND",
            many=tuple,
        ),
    ]
    knobs: Annotated[
        Mapping[str, str],
        Flag(
            "Range of a control in a plug-in or page, or of each of its values with commas; repeatable.",
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
            "A sampler.toml: the network is a denoiser of a diffusion model; see docs/reference/sampler.md.",
            "FILE",
            read="edgekit.verbs.export.readers:read_sampler",
        ),
    ]
    until: Annotated[
        str | None,
        Flag(
            "Iterate the network until its scalar OUTPUT is at most TOLERANCE, in at most MOST calls.",
            "OUTPUT:TOLERANCE:MOST",
            read="edgekit.base.until:read_until",
        ),
    ]
    mid_side: Annotated[
        Sequence[str],
        Flag(
            "A stereo input or output that the network has as mid and side; repeatable.",
            "NAME",
            name="mid-side",
            many=tuple,
        ),
    ]
    noise: Annotated[
        Mapping[str, str],
        Flag(
            "An input that the build draws itself: normal, or uniform in [-1, 1); see "
            "docs/guides/ports.md; repeatable.",
            "INPUT[=DISTRIBUTION]",
            many=dict,
            parse=parse_noise,
        ),
    ]
    decide: Annotated[
        str | None,
        Flag(
            "Turn scores, the first output, into detections: on=0.8:off=0.5:smooth=0.3s:hold=1s:labels=A,B; "
            "see docs/guides/decisions.md.",
            "SPEC",
            read="edgekit.base.decide:read_decide",
        ),
    ]
    strict: Annotated[
        bool,
        Flag(
            "Fail if any layer stays in float, or if held-out SNR is below 20 dB at any tested level. Write no build "
            "that auto marks as failed."
        ),
    ]
    part: Annotated[str | None, Flag("fpga: XCZU3EG (default), XC7Z020 or LFE5UM5G-85F.")]
    goal: Annotated[str | None, Flag("fpga: fps (default), or small: the fewest LUTs.")]
    picture: Annotated[
        str | None,
        Flag(
            "fpga: values of black and white, and the kind of the outputs: range=-1,1:labels=A,B, or "
            "range=0,1:mean=...:std=..., see docs/guides/fpga.md.",
            "SPEC",
        ),
    ]
    cpu_fallback: Annotated[bool, Flag("fpga: leave to a CPU what the engine does not run.")]
    stateful: Annotated[bool, Flag("litert: keep the states inside the file.")]
    micro: Annotated[
        bool, Flag("litert: for tflite-micro, in which Fourier transforms are products.")
    ]
    packages: Annotated[
        Mapping[str, str],
        Flag(
            "Make a package for zephyr, arduino, platformio, esp-idf, cmsis-pack or cmake; see "
            "docs/guides/packages.md; repeatable.",
            "KIND[=VERSION]",
            name="package",
            many=dict,
            parse=parse_package,
        ),
    ]
    bindings: Annotated[
        Sequence[str],
        Flag(
            "Write bindings: cpp, rust; see docs/guides/languages.md; repeatable.",
            "LANGUAGE",
            many=tuple,
        ),
    ]
    weights: Annotated[
        str | None,
        Flag(
            "C targets: inside (default), or external: a signed bundle replaces them; see docs/guides/updates.md."
        ),
    ]
    tune: Annotated[
        bool,
        Flag(
            "C targets: measure the kernels of each layer (time here, instructions on emulated devices) and take "
            "the best; see docs/reference/c.md."
        ),
    ]
    schedule: Annotated[
        str | Path | None,
        Flag(
            "C targets: a schedule.toml that --tune wrote: the kernel of each layer.",
            "FILE",
            read="edgekit.verbs.export.schedule:read_schedule",
        ),
    ]
    board: Annotated[
        str | Path | None,
        Flag(
            "microcontrollers: a board.toml that describes your board; see docs/guides/boards.md.",
            "FILE",
            read="edgekit.runtime.devices.board:read_board",
        ),
    ]
    allow_oversize: Annotated[
        bool, Flag("Write a build that does not fit its target's board, with a note.")
    ]
    force: Annotated[bool, Flag("Replace the build that is in the folder; never another folder.")]
