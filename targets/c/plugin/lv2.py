"""LV2: the plug-in's C, and its description for hosts."""

from collections.abc import Sequence

from edgekit.base.errors import Problem
from edgekit.runtime.build_folder.manifest import Manifest, c_identifier
from edgekit.targets.c.plugin.core import cmake_file, sides, words
from edgekit.targets.c.plugin.knobs import Knob
from edgekit.targets.c.templates import template


def lv2_problems(_knobs: Sequence[Knob]) -> list[Problem]:
    """Knobs need no range."""
    return []


def lv2_files(manifest: Manifest, knobs: Sequence[Knob]) -> dict[str, str]:
    """The plug-in's own files, by name."""
    name, uri = manifest.c_name, _uri(manifest)
    return {
        f"{name}_lv2.c": template("lv2.c").format(name=name, uri=uri),
        "manifest.ttl": MANIFEST.format(uri=uri, name=name),
        f"{name}.ttl": _description(manifest, knobs),
        "CMakeLists.txt": cmake_file(
            name, "lv2", HEAD.format(name=name), 99, TAIL.format(name=name)
        ),
    }


def _uri(manifest: Manifest) -> str:
    return f"urn:edgekit:{manifest.c_name}"


def _description(manifest: Manifest, knobs: Sequence[Knob]) -> str:
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

    for way, side, tensors in zip(("Input", "Output"), ("in", "out"), sides(manifest), strict=True):
        for tensor in tensors:
            channels = tensor.pcm_channels or 1
            for channel in range(channels):
                label = tensor.name if channels == 1 else f"{tensor.name} {channel + 1}"
                symbol = f"{side}_{c_identifier(label)}"
                port(f"lv2:{way}Port , lv2:AudioPort", symbol, words(label))
    for knob in knobs:
        port("lv2:InputPort , lv2:ControlPort", knob.symbol, words(knob.label), *_range(knob))
    port("lv2:InputPort , lv2:ControlPort", "enabled", "Enabled", *ENABLED)
    port("lv2:OutputPort , lv2:ControlPort", "latency", "Latency", *LATENCY)
    ports = " ,\n".join(rows)
    return DESCRIPTION.format(
        uri=_uri(manifest), title=words(manifest.source["name"]), ports=ports.lstrip()
    )


def _range(knob: Knob) -> list[str]:
    if knob.range is None:
        return ["lv2:default 0.0"]
    values = {
        "default": knob.range.default,
        "minimum": knob.range.least,
        "maximum": knob.range.most,
    }
    return [f"lv2:{word} {value!r}" for word, value in values.items()]


ENABLED = (
    "lv2:default 1",
    "lv2:minimum 0",
    "lv2:maximum 1",
    "lv2:portProperty lv2:toggled",
    "lv2:designation lv2:enabled",
)
LATENCY = ("lv2:portProperty lv2:integer , lv2:reportsLatency", "lv2:designation lv2:latency")

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

HEAD = "# The plug-in {name}.lv2, a folder for ~/.lv2. Needs the headers of LV2 (Debian: lv2-dev)."

TAIL = """\
set_target_properties({name}_lv2 PROPERTIES
    SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY ${{CMAKE_CURRENT_BINARY_DIR}}/{name}.lv2)
configure_file(manifest.ttl {name}.lv2/manifest.ttl COPYONLY)
configure_file({name}.ttl {name}.lv2/{name}.ttl COPYONLY)
"""
