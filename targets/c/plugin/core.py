"""The common part of plug-ins: the networks that become one, and ``NAME_plugin.h``, the network for a host."""

import math
from collections.abc import Iterator, Mapping, Sequence

from edgekit.base.errors import Problem
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.program.adapter import adapter_files
from edgekit.targets.c.program.functions import field_names
from edgekit.targets.c.templates import template


def core_files(model: Model, manifest: Manifest) -> Mapping[str, str]:
    """The adapter of the rates and ``NAME_plugin.h``, by file name."""
    adapter = {file: text.decode() for file, text in adapter_files(model, manifest).items()}
    return {**adapter, f"{manifest.c_name}_plugin.h": _header(model, manifest)}


def sound_problems(manifest: Manifest, where: str) -> list[Problem]:
    """Return the reasons why a network is no plug-in, if any; `where` is the option that asks for one."""
    step = "leave out --wrap"
    problems = []
    if not manifest.is_pcm:
        streams = *manifest.stream_inputs, *manifest.stream_outputs
        found = ", ".join(f"{t.name} {list(t.shape)}" for t in streams)
        allowed = "inputs and outputs of sound alone, and controls"
        problems.append(Problem(where, found, allowed, f"export with --frontend, or {step}"))
    if manifest.stream["sample_rate_hz"] is None:
        problems.append(Problem(where, "no sample rate", "one", "give --sample-rate"))
    if manifest.constants:
        found = f"session constants {', '.join(t.name for t in manifest.constants)}"
        step = "give them values with --constant NAME=VALUE"
        problems.append(Problem(where, found, "none: a host does not set them", step))
    return problems


def _header(model: Model, manifest: Manifest) -> str:
    ins, outs = ([t.pcm_channels or 1 for t in side] for side in sides(manifest))
    fields = field_names(model.stream_inputs)
    controls = manifest.controls
    buffers = "\n".join(
        f"    {C_ARRAYS[t.dtype]} {fields[t.name]}_values[{math.prod(t.shape)}];" for t in controls
    )
    return template("plugin.h").format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        inputs=sum(ins),
        outputs=sum(outs),
        controls=sum(math.prod(t.shape) for t in controls),
        ins=len(ins),
        outs=len(outs),
        channels_in=", ".join(map(str, ins)),
        channels_out=", ".join(map(str, outs)),
        rate=manifest.stream["sample_rate_hz"],
        hop=manifest.stream["hop_samples"],
        delay=manifest.stream["delay_samples"] or 0,
        buffers=buffers,
        given="\n".join(_knob_statements(controls, fields)) or "    (void)knobs;",
    )


def sides(manifest: Manifest) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Return the input streams of sound, and the output streams."""
    return manifest.stream_inputs, manifest.sounds


def _knob_statements(controls: Sequence[Tensor], fields: dict[str, str]) -> Iterator[str]:
    """The statements that hand the knobs over."""
    knob = 0
    for tensor in controls:
        field, kind = fields[tensor.name], C_ARRAYS[tensor.dtype]
        for index in range(math.prod(tensor.shape)):
            cast = f"knobs[{knob}]" if kind == "float" else f"({kind})knobs[{knob}]"
            yield f"    p->{field}_values[{index}] = {cast};"
            knob += 1
        yield f"    given.{field} = p->{field}_values;"


def words(text: str) -> str:
    """Text as the inside of a literal in quotes, of C or of a .ttl."""
    return "".join(c if c.isprintable() and c not in '"\\' else "_" for c in text)


def cmake_file(name: str, kind: str, head: str, standard: int, tail: str) -> str:
    """CMakeLists.txt of a plug-in `kind` that becomes ``NAME.so``, `head` and `tail` being its own lines."""
    return CMAKE.format(name=name, kind=kind, head=head, standard=standard, tail=tail)


CMAKE = """\
{head}
#   cmake -S . -B made -DCMAKE_BUILD_TYPE=Release && cmake --build made
cmake_minimum_required(VERSION 3.13)
project({name}_{kind} C)

add_subdirectory(.. network)
set_target_properties({name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
add_library({name}_{kind} MODULE {name}_{kind}.c {name}_adapter.c)
target_link_libraries({name}_{kind} PRIVATE {name} m)
set_target_properties({name}_{kind} PROPERTIES
    C_STANDARD {standard} C_STANDARD_REQUIRED ON C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden
    PREFIX "" OUTPUT_NAME {name})
target_compile_options({name}_{kind} PRIVATE -ffp-contract=off)
{tail}"""
