"""``--wrap lv2``: a build of sound as an LV2 plug-in, in a folder of its own beside the C that it is made of."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edgekit.base.errors import Problem
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import PLUGIN_FOLDER, Manifest, Tensor, c_identifier
from edgekit.targets.build import Build, digest
from edgekit.targets.c.adapter import adapter_files
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.functions import field_names
from edgekit.targets.c.templates import template
from edgekit.targets.describe import describe

MOST_CONTROLS = 64


def wrap_problems(model: Model, target: str) -> list[Problem]:
    """Return why a network is no plug-in, if it is none."""
    manifest = describe(model, target)
    step = "leave out --wrap"
    problems = []
    if not manifest.is_pcm:
        found = ", ".join(f"{t.name} {list(t.shape)}" for t in _streams(manifest))
        allowed = "inputs and outputs of sound alone, and controls"
        problems.append(Problem("--wrap lv2", found, allowed, f"export with --frontend, or {step}"))
    if manifest.stream["sample_rate_hz"] is None:
        problems.append(Problem("--wrap lv2", "no sample rate", "one", "give --sample-rate"))
    if manifest.constants:
        found = f"session constants {', '.join(t.name for t in manifest.constants)}"
        step = "give them values with --constant NAME=VALUE"
        problems.append(Problem("--wrap lv2", found, "none, which no host gives", step))
    if (count := len(_knobs(manifest.controls))) > MOST_CONTROLS:
        found = f"{count} values of controls"
        problems.append(Problem("--wrap lv2", found, f"at most {MOST_CONTROLS}", "join them"))
    return problems


def _streams(manifest: Manifest) -> Sequence[Tensor]:
    return *manifest.stream_inputs, *manifest.stream_outputs


@dataclass(frozen=True)
class Knob:
    """One control port: a value of a control.

    Attributes:
        control: the control's name.
        index: which of its values.
        symbol: of the port.
        label: for people.
    """

    control: str
    index: int
    symbol: str
    label: str


def _knobs(controls: Sequence[Tensor]) -> list[Knob]:
    knobs = []
    for tensor in controls:
        size = math.prod(tensor.shape)
        for index in range(size):
            number = "" if size == 1 else f" {index + 1}"
            label = f"{tensor.name}{number}"
            knobs.append(Knob(tensor.name, index, c_identifier(label), label))
    return knobs


def wrapped(build: Build, model: Model) -> Build:
    """A build of C with its plug-in."""
    files = {**build.files, **lv2_files(model, build.manifest)}
    return replace(build, files=files, manifest=replace(build.manifest, digest=digest(files)))


def lv2_files(model: Model, manifest: Manifest) -> dict[str, bytes]:
    """The plug-in's C, what describes it to hosts, and CMakeLists.txt, by file name."""
    name = manifest.c_name
    made = {
        **{file: text.decode() for file, text in adapter_files(model, manifest).items()},
        f"{name}_lv2.c": _source(model, manifest),
        "manifest.ttl": MANIFEST.format(uri=_uri(manifest), name=name),
        f"{name}.ttl": _description(manifest),
        "CMakeLists.txt": CMAKE.format(name=name),
    }
    return {f"{PLUGIN_FOLDER}/{file}": text.encode() for file, text in made.items()}


def _uri(manifest: Manifest) -> str:
    return f"urn:edgekit:{manifest.c_name}"


def _source(model: Model, manifest: Manifest) -> str:
    sources, sinks = manifest.stream_inputs, manifest.sounds
    ins, outs = ([t.pcm_channels or 1 for t in side] for side in (sources, sinks))
    fields = field_names(model.stream_inputs)
    controls = manifest.controls
    buffers = "\n".join(
        f"    {C_ARRAYS[t.dtype]} {fields[t.name]}_values[{math.prod(t.shape)}];" for t in controls
    )
    return template("lv2.c").format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        uri=_uri(manifest),
        inputs=sum(ins),
        outputs=sum(outs),
        controls=len(_knobs(controls)),
        ins=len(ins),
        outs=len(outs),
        channels_in=", ".join(map(str, ins)),
        channels_out=", ".join(map(str, outs)),
        rate=manifest.stream["sample_rate_hz"],
        hop=manifest.stream["hop_samples"],
        delay=manifest.stream["delay_samples"] or 0,
        buffers=buffers,
        given="\n".join(_given(controls, fields)),
    )


def _given(controls: Sequence[Tensor], fields: dict[str, str]) -> Iterator[str]:
    """The statements that read the control ports."""
    port = 0
    for tensor in controls:
        field, kind = fields[tensor.name], C_ARRAYS[tensor.dtype]
        for index in range(math.prod(tensor.shape)):
            value = f"*p->ports[INPUTS + OUTPUTS + {port}]"
            cast = value if kind == "float" else f"({kind}){value}"
            yield f"    p->{field}_values[{index}] = {cast};"
            port += 1
        yield f"    given.{field} = p->{field}_values;"


def _description(manifest: Manifest) -> str:
    """NAME.ttl: the ports, in the order of their numbers."""
    rows: list[str] = []

    def port(kinds: str, symbol: str, label: str, *more: str) -> None:
        lines = [
            f"a {kinds}",
            f"lv2:index {len(rows)}",
            f'lv2:symbol "{symbol}"',
            f'lv2:name "{label}"',
            *more,
        ]
        rows.append("    [\n        " + " ;\n        ".join(lines) + "\n    ]")

    sides = ("Input", "in", manifest.stream_inputs), ("Output", "out", manifest.sounds)
    for way, side, tensors in sides:
        for tensor in tensors:
            channels = tensor.pcm_channels or 1
            for channel in range(channels):
                label = tensor.name if channels == 1 else f"{tensor.name} {channel + 1}"
                symbol = f"{side}_{c_identifier(label)}"
                port(f"lv2:{way}Port , lv2:AudioPort", symbol, _text(label))
    for knob in _knobs(manifest.controls):
        port("lv2:InputPort , lv2:ControlPort", knob.symbol, _text(knob.label), "lv2:default 0.0")
    port(
        "lv2:InputPort , lv2:ControlPort",
        "enabled",
        "Enabled",
        "lv2:default 1",
        "lv2:minimum 0",
        "lv2:maximum 1",
        "lv2:portProperty lv2:toggled",
        "lv2:designation lv2:enabled",
    )
    port(
        "lv2:OutputPort , lv2:ControlPort",
        "latency",
        "Latency",
        "lv2:portProperty lv2:integer , lv2:reportsLatency",
        "lv2:designation lv2:latency",
    )
    ports = " ,\n".join(rows)
    return DESCRIPTION.format(
        uri=_uri(manifest), title=_text(manifest.source["name"]), ports=ports.lstrip()
    )


def _text(words: str) -> str:
    """Words inside quotes of a .ttl."""
    return "".join(c if c.isprintable() and c not in '"\\' else "_" for c in words)


MANIFEST = """\
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .

<{uri}>
    a lv2:Plugin ;
    lv2:binary <{name}.so> ;
    rdfs:seeAlso <{name}.ttl> .
"""

DESCRIPTION = """\
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .

<{uri}>
    a lv2:Plugin ;
    doap:name "{title}" ;
    lv2:optionalFeature lv2:hardRTCapable ;
    lv2:port {ports} .
"""

CMAKE = """\
# The plug-in {name}.lv2, a folder for ~/.lv2. Needs the headers of LV2 (Debian: lv2-dev).
#   cmake -S . -B made -DCMAKE_BUILD_TYPE=Release && cmake --build made
cmake_minimum_required(VERSION 3.13)
project({name}_lv2 C)

add_subdirectory(.. network)
set_target_properties({name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
add_library({name}_lv2 MODULE {name}_lv2.c {name}_adapter.c)
target_link_libraries({name}_lv2 PRIVATE {name} m)
set_target_properties({name}_lv2 PROPERTIES
    C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden
    PREFIX "" SUFFIX ".so" OUTPUT_NAME {name}
    LIBRARY_OUTPUT_DIRECTORY ${{CMAKE_CURRENT_BINARY_DIR}}/{name}.lv2)
target_compile_options({name}_lv2 PRIVATE -ffp-contract=off)
configure_file(manifest.ttl {name}.lv2/manifest.ttl COPYONLY)
configure_file({name}.ttl {name}.lv2/{name}.ttl COPYONLY)
"""
