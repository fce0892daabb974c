"""Rendering: the build's files, the golden replay and the templates of an ecosystem become one package.

Fields of templates are those of `render`. A line with ``@source@``, ``@header@`` or ``@example@`` is repeated for each
C file and header of the library, and each C file of the replay.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

from edgekit import __version__
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.packages.render import fill_fields, render_template, templates
from edgekit.targets.packages.table import Package

VERSION = re.compile(r"\d+\.\d+\.\d+")
DEFAULT_VERSION = "0.1.0"
NO_PAINT = "#define REPLAY_PAINTED_BYTES 0 /* the stack below main is not ours */\n"


def package_files(
    package: Package,
    version: str,
    manifest: Manifest,
    library: Mapping[str, bytes],
    replay: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Return a package's files by path.

    Args:
        package: the ecosystem.
        version: of the package, three numbers.
        manifest: facts of the build.
        library: its C files and headers by name.
        replay: the golden replay likewise: main.c, replay.h, network.c, layers.c and golden.c.
    """
    made = {f"{package.library}/{name}": content for name, content in library.items()}
    for name, content in replay.items():
        made[f"{package.example}/{name}"] = _rename_main(package, name, content)
    lists = {
        "source": _rows("source", library, ".c"),
        "header": _rows("header", library, ".h"),
        "example": _rows("example", replay, ".c"),
    }
    facts = _facts(version, manifest)
    for kind in ("all", package.name):
        for path, text in templates(files(__package__) / "templates" / kind):
            made[fill_fields(path, facts)] = render_template(text, facts, lists).encode()
    return made


def _rows(field: str, names: Iterable[str], ending: str) -> list[dict[str, str]]:
    """A row of a template's list for each file with this ending."""
    return [{field: name} for name in sorted(names) if name.endswith(ending)]


def _rename_main(package: Package, name: str, content: bytes) -> bytes:
    """The replay's main, under the name that the framework calls, and without a look at its stack."""
    if name != "main.c":
        return content
    named = "" if package.entry == "main" else f"#define main {package.entry}\n"
    return (NO_PAINT + named).encode() + content


def _facts(version: str, manifest: Manifest) -> dict[str, str]:
    name = manifest.c_name
    return {
        "name": name,
        "NAME": name.upper(),
        "dashed": name.replace("_", "-"),
        "version": version,
        "edgekit": __version__,
        "digest": manifest.digest,
        "recipe": str(manifest.quantization["recipe"]),
        "target": manifest.target,
        "weights_bytes": str(manifest.memory["weights_bytes"]),
        "ram_bytes": str(
            (manifest.memory["state_bytes"] or 0) + (manifest.memory["scratch_bytes"] or 0)
        ),
    }
