"""What every target makes of the networks of `pinned/`, as digests of the emitted files.

    make digests      # python tests/digests.py: writes pinned/digests.toml anew

A file of `edgekit.runtime` that a build copies counts by its path: `library` has its digest. Versions are left out.
"""

import hashlib
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.fpga import engine as engines
from edgekit.fpga.lower import lower_observed
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import choose
from edgekit.fpga.spec import EngineSpec
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import Observer
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.devices import profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS
from edgekit.verbs.targets import TARGETS

FOLDER = Path(__file__).parent / "pinned"
PINNED = FOLDER / "digests.toml"
RUNTIME = Path(__file__).parent.parent / "runtime"
HEADER = RUNTIME / "include" / "edgekit.h"
COPIED = ("include", "src", "replay")  # folders of the runtime whose files builds copy
REFUSED = "refused"
LIBRARY = "library"
VERSIONED = ("edgekit", "tools", "digest")  # of a manifest: what other versions write otherwise
Digests = dict[str, str]  # by the kind of file


@dataclass(frozen=True)
class Lowering:
    """A way to lower a network that passes `check`."""

    check: Callable[[Model], list[Problem]]
    lower: Callable[[Model], Build]


def _of_target(name: str) -> Lowering:
    target = TARGETS[name]
    return Lowering(target.check, lambda model: target.lower(model, name))


def _with_kernels(isa: str) -> Lowering:
    """The host's C as on a machine with this instruction set and these caches, whichever this one has."""
    folders = INSTRUCTION_SETS[isa].folders
    device = replace(profile("host"), kernels=folders, l1d_bytes=48 << 10, l2_bytes=1 << 20)
    return Lowering(check_c, lambda model: lower_c(model, "host", device))


def _engine(recipe: str, cpu_fallback: bool = False) -> Lowering:
    def lower(model: Model) -> Build:
        spec, part = EngineSpec(weight_bits=engines.RECIPES[recipe]), PARTS[engines.DEFAULT_PART]
        network = lower_observed(model, seeded_ranges(model), spec, cpu_fallback)
        engine = engines.Engine(network, choose(network, part), part)
        return engines.make_build(engine, model, Calibration((), "seeded ranges"), recipe)

    return Lowering(partial(engines.check, cpu_fallback=cpu_fallback), lower)


def seeded_ranges(model: Model) -> dict[str, Observer]:
    """Observers that saw seeded values of every float tensor: a calibration that no machine changes."""
    graph, observers = model.ir.graph, {}
    for value in (*graph.inputs, *(v for node in graph for v in node.outputs)):
        if value.name and value.dtype == ir.DataType.FLOAT:
            random = np.random.default_rng(crc32(value.name.encode()))
            low, high = -random.uniform(0, 4), random.uniform(1, 4)
            observers[value.name] = Observer()
            observers[value.name].update(random.uniform(low, high, 500).astype(np.float32))
    return observers


LOWERINGS: dict[str, Lowering] = {
    **{
        name: _of_target(name)
        for name in ("c99", "wasm", "cortex-m4", "cortex-m55", "cortex-a76", "riscv64-v")
    },
    **{
        f"host-{isa}": _with_kernels(isa)
        for isa, row in INSTRUCTION_SETS.items()
        if row.machine == "x86_64"
    },
    **{name: _of_target(name) for name in ("onnxruntime", "litert")},
    "fpga-w8a8": _engine("w8a8"),
    "fpga-w4a8": _engine("w4a8"),
    "fpga-cpu": _engine("w8a8", cpu_fallback=True),
}


def networks() -> list[str]:
    """The names of the committed networks, ``<network>-<recipe>``."""
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def digests_of(name: str) -> dict[str, Digests | str]:
    """What each target makes of a committed network: a digest by kind of file, or `REFUSED`."""
    model = Model.from_bytes((FOLDER / f"{name}.onnx").read_bytes())
    refused = {check: bool(check(model)) for check in {row.check for row in LOWERINGS.values()}}
    return {
        target: REFUSED if refused[row.check] else digests(row.lower(model))
        for target, row in LOWERINGS.items()
    }


def digests(build: Build) -> Digests:
    """The digest of each kind of file of a build, and of the facts beside the files."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, content in sorted(build.files.items()):
        if name.endswith("manifest.json"):
            content = _facts(Manifest.from_json(content.decode()))
        source = library_paths().get(content)
        if name == HEADER.name:  # what is of the build stands before the runtime's own
            content = content.removesuffix(HEADER.read_bytes())
        token = (name, source or _digest(content))
        kinds.setdefault(_kind(name, source, build.manifest.c_name), []).append(token)
    beside = (build.plan, build.steps, build.layers, build.notes)
    found = {kind: _digest(repr(files).encode()) for kind, files in kinds.items()}
    return found | {"facts": _digest(_facts(build.manifest) + repr(beside).encode())}


def _kind(name: str, source: str | None, prefix: str) -> str:
    folder, _, _ = name.rpartition("/")
    if folder:
        return folder.partition("/")[0]
    return "kernels" if source else name.replace(f"{prefix}_", "").replace(f"{prefix}.", "")


def _facts(manifest: Manifest) -> bytes:
    facts: dict[str, Any] = asdict(manifest)
    hidden = {*VERSIONED, "files"}  # digests of files, which are there once an export ends
    kept = {k: v for k, v in facts.items() if k not in hidden and v is not None}
    return json.dumps(kept, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:10]


@cache
def library_files() -> Mapping[str, bytes]:
    """The files that builds copy, by their path below ``runtime/``."""
    files = [p for folder in COPIED for p in (RUNTIME / folder).rglob("*.[ch]")]
    return {p.relative_to(RUNTIME).as_posix(): p.read_bytes() for p in sorted(files)}


@cache
def library_paths() -> Mapping[bytes, str]:
    """The first path of each content among `library_files`."""
    return {content: path for path, content in reversed(library_files().items())}


def library() -> Digests:
    """The digest of every file that builds copy."""
    return {path: _digest(content) for path, content in library_files().items()}


def pinned() -> dict[str, dict[str, Any]]:
    """What is committed: by network and target, and the files of `library`."""
    return tomllib.loads(PINNED.read_text(encoding="utf-8"))


def main() -> int:
    """Write the digests of all networks."""
    lines = [
        "# Written by `make digests`. A change of this file is a change of what EdgeKit emits."
    ]
    for name in networks():
        lines += ["", f"[{name}]"]
        for target, found in digests_of(name).items():
            row = {"": found} if isinstance(found, str) else found
            parts = [
                f'"{kind}" = "{value}"' if "." in kind else f'{kind} = "{value}"'
                for kind, value in row.items()
            ]
            text = f'"{found}"' if isinstance(found, str) else f"{{ {', '.join(parts)} }}"
            lines.append(f"{target} = {text}")
    lines += ["", f"[{LIBRARY}]", *(f'"{path}" = "{value}"' for path, value in library().items())]
    PINNED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
