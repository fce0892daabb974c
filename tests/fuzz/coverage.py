"""What a campaign reaches: passes that changed a network, emitters and kernels of its C; and what no case reached."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import onnx_ir as ir

from edgekit.export.passes import PASSES
from edgekit.runtime.kernel_sources import kernel_sources
from edgekit.targets.build import Build
from edgekit.targets.c.emit.table import EMITTERS

NODE = re.compile(r"^    /\* [^*\n]*?(?:: )?(\w+) \*/$", re.MULTILINE)
KINDS = ("emitter", "kernel", "pass")
# What no case can reach, and why.
OUT_OF_REACH = {
    "emitter:FakeQuantize": "the search of a recipe runs it; no build that is exported has it",
    "emitter:MicroFrontend": "its state is int16, which the file of a case cannot state",
    "emitter:CastLike": "an import writes Cast",
    "emitter:Split": "every Split is a movement in C",
    "emitter:Swish": "no runtime here has an operator of opset 24 to compare with",
    "kernel:ek_fake_quantize_f32": "as the emitter FakeQuantize",
    "kernel:ek_micro_frontend": "as the emitter MicroFrontend",
    "pass:CheckNodes": "it refuses or leaves a network as it is",
    "pass:CountMoves": "it leaves a network as it is",
}


def reached_by(build: Build) -> set[str]:
    """The emitters and kernels of a build, as ``kind:name``."""
    name = build.manifest.c_name
    kernels = {file[:-2] for file in build.files if re.fullmatch(r"ek_\w+\.c", file)}
    emitters = set(NODE.findall(build.files[f"{name}.c"].decode()))
    return {f"kernel:{k}" for k in kernels} | {f"emitter:{e}" for e in emitters & all_of("emitter")}


@contextmanager
def passes_that_change(found: set[str]) -> Iterator[None]:
    """Add ``pass:name`` of each pass that changes a network within."""
    call = ir.passes.PassBase.__call__

    def call_and_note(one: ir.passes.PassBase, model: ir.Model) -> ir.passes.PassResult:
        result = call(one, model)
        if result.modified:
            found.add(f"pass:{type(one).__name__}")
        return result

    ir.passes.PassBase.__call__ = call_and_note  # type: ignore[method-assign]
    try:
        yield
    finally:
        ir.passes.PassBase.__call__ = call  # type: ignore[method-assign]


def all_of(kind: str) -> set[str]:
    """All names of a kind."""
    if kind == "pass":
        return {type(one).__name__ for one in PASSES}
    if kind == "emitter":
        return {operator for _, operator in EMITTERS}
    return {name[:-2] for name in kernel_sources() if name.endswith(".c")}


def never_reached(counted: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names of each kind that are in reach and not among those that were counted, as (kind, name)."""
    known = {*counted, *(tuple(name.split(":")) for name in OUT_OF_REACH)}
    return {k: sorted(n for n in all_of(k) if (k, n) not in known) for k in KINDS}
