"""CLAP: the plug-in's C, and the declarations of CLAP that it uses."""

from collections.abc import Sequence

from edgekit.base.errors import Problem
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.targets.c.plugin.core import cmake_file, sides, words
from edgekit.targets.c.plugin.knobs import Knob
from edgekit.targets.c.plugin.ranges import STEP
from edgekit.targets.c.templates import template

DECLARATIONS = "clap_abi.h"
LAYOUTS = {1: "CLAP_PORT_MONO", 2: "CLAP_PORT_STEREO"}
FEATURES = {1: '"mono", ', 2: '"stereo", '}


def clap_problems(knobs: Sequence[Knob]) -> list[Problem]:
    """Return which knobs lack the range that CLAP wants of each."""
    bare = dict.fromkeys(knob.control for knob in knobs if knob.range is None)
    return [
        Problem("--wrap clap", f"control '{name}' without a range", "--knob for each control", STEP)
        for name in bare
    ]


def clap_files(manifest: Manifest, knobs: Sequence[Knob]) -> dict[str, str]:
    """The plug-in's own files, by name."""
    name = manifest.c_name
    taken, given = sides(manifest)
    (main, *_) = given
    source = template("clap.c").format(
        name=name,
        title=words(manifest.source["name"]),
        layout=FEATURES.get(main.pcm_channels or 1, ""),
        knobs="\n".join(_row(knob) for knob in knobs),
        taken=_ports(taken),
        given=_ports(given),
    )
    return {
        f"{name}_clap.c": source,
        DECLARATIONS: template(DECLARATIONS),
        "CMakeLists.txt": cmake_file(
            name, "clap", HEAD.format(name=name), 11, TAIL.format(name=name)
        ),
    }


def _row(knob: Knob) -> str:
    assert knob.range is not None  # checked by `clap_problems`
    values = knob.range.least, knob.range.most, knob.range.default
    return f'    {{"{words(knob.label)}", {", ".join(map(repr, values))}}},'


def _ports(tensors: Sequence[Tensor]) -> str:
    rows = []
    for tensor in tensors:
        channels = tensor.pcm_channels or 1
        rows.append(f'{{"{words(tensor.name)}", {channels}, {LAYOUTS.get(channels, "NULL")}}}')
    return ", ".join(rows)


HEAD = """\
# The plug-in {name}.clap, a file for ~/.clap. Needs no headers but its own clap_abi.h; with those of
# free-audio/clap instead: -DCLAP_INCLUDE=their folder `include`."""

TAIL = """\
set_target_properties({name}_clap PROPERTIES SUFFIX ".clap")
set(CLAP_INCLUDE "" CACHE PATH "the folder `include` of free-audio/clap, instead of clap_abi.h")
if(CLAP_INCLUDE)
    target_include_directories({name}_clap PRIVATE ${{CLAP_INCLUDE}})
    target_compile_definitions({name}_clap PRIVATE CLAP_OFFICIAL)
endif()
"""
