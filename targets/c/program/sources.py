"""The C sources of a build: header, program, and the kernels they need."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.qdq import ZERO_POINT
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.kernel_sources import PORTABLE, kernel_sources
from edgekit.targets.c.emit.base import Context, size
from edgekit.targets.c.plan.memory import ALIGN
from edgekit.targets.c.plan.storage import Layout
from edgekit.targets.c.program.constants import declarations
from edgekit.targets.c.program.functions import field_names, function_body, members
from edgekit.targets.c.program.groups import Bodies
from edgekit.targets.c.program.guards import CHECK_PROTOTYPE, check_source, refusal
from edgekit.targets.c.program.iterate import until_header, until_source
from edgekit.targets.c.program.noise import clear_lines, noise_prototype, noise_source, reset_lines
from edgekit.targets.c.program.pcm import pcm_prototype, pcm_source
from edgekit.targets.c.program.sampler import sampler_header, sampler_source
from edgekit.targets.c.program.sampler_storage import Loop
from edgekit.targets.c.program.session import (
    CLEAR,
    READY,
    Session,
    scratch_bytes,
    session_header,
    session_source,
)
from edgekit.targets.c.stubs import hosts
from edgekit.targets.c.templates import template

INCLUDE = re.compile(r'#include "(ek_\w+\.h)"')
NO_BODIES = Bodies()
CALL = re.compile(r"\b(ek_\w+)\s*\(")
IN_SCALAR_ORDER = {
    "ek_interpolate_f32.c"
}  # float kernels with the portable one's bits in every folder


@dataclass(frozen=True)
class Extras:
    """The parts of a build besides the function of one hop.

    Attributes:
        session: of a network with session constants.
        bodies: of its other step groups, and of its decoder alone.
        loop: of a denoiser with a sampler.
    """

    session: Session | None = None
    bodies: Bodies = NO_BODIES
    loop: Loop | None = None

    def network_bytes(self, layout: Layout) -> int:
        """Scratch bytes that suit all parts of the network; they never run at the same time."""
        return max(
            scratch_bytes(layout, self.session),
            *(other.scratch_bytes for other in self.bodies.layouts),
            0,
        )

    def state_bytes(self, layout: Layout) -> int:
        """Return the bytes of the state block: the decoder's inputs are kept for each call of a row."""
        if self.loop is not None and self.loop.others:
            return self.loop.state_bytes
        return self.own_state_bytes(layout, 1 if self.loop is None else self.loop.table.calls)

    def own_state_bytes(self, layout: Layout, calls: int) -> int:
        """The state bytes of the network alone."""
        return max(layout.state_bytes, self.bodies.kept_bytes * calls, ALIGN)

    def scratch_bytes(self, layout: Layout) -> int:
        """Bytes of the scratch block."""
        return self.network_bytes(layout) if self.loop is None else self.loop.scratch_bytes


def header(model: Model, layout: Layout, prefix: str, pcm: Manifest | None, extras: Extras) -> str:
    """``<name>.h``: sizes, and the API of one network."""
    session, loop = extras.session, extras.loop
    inputs = _hop_inputs(model, extras)
    upper, stream = prefix.upper(), model.stream
    hop = stream.hop_samples
    constants = {
        "STATE_BYTES": f"{extras.state_bytes(layout)}u",
        "SCRATCH_BYTES": f"{extras.scratch_bytes(layout)}u",
        "ALIGN": f"{ALIGN}u",
        **({} if hop is None else {"HOP": str(hop)}),
        **({} if stream.delay_samples is None else {"DELAY": str(stream.delay_samples)}),
    }
    defines = "\n".join(f"#define {upper}_{name} {value}" for name, value in constants.items())
    defines += _longest_recording(model, prefix)
    until_line = "" if model.until is None else until_header(model.until, prefix)
    pcm_line = "" if pcm is None else pcm_prototype(model, pcm, prefix)
    end_line = END_PROTOTYPE.format(name=prefix) if model.end_state is not None else ""
    return HEADER.format(
        name=prefix,
        upper=upper,
        defines=defines,
        inputs=members(inputs, "const "),
        outputs=members(model.stream_outputs, ""),
        session="" if session is None else session_header(session, prefix),
        status="" if session is None else f", -2 before {prefix}_session",
        reset="".join(f"; {kept} stay" for kept in _values_kept_by_reset(model, session)),
        pcm=end_line
        + noise_prototype(model, prefix)
        + until_line
        + pcm_line
        + CHECK_PROTOTYPE.format(name=prefix)
        + ("" if loop is None else sampler_header(loop, prefix)),
    )


def _longest_recording(model: Model, prefix: str) -> str:
    """Return the hops of the longest recording, if one was declared and the network depends on it."""
    hops, upper = model.most_hops, prefix.upper()
    return "" if hops is None else MOST_HOPS.format(name=prefix, upper=upper, hops=hops)


def _hop_inputs(model: Model, extras: Extras) -> tuple[ir.Value, ...]:
    """Return the inputs of a hop, with the input that chooses a step group."""
    chooser = extras.bodies.chooser
    return (*model.stream_inputs, *(() if chooser is None else (chooser,)))


def source(model: Model, layout: Layout, ctx: Context, pcm: Manifest | None, extras: Extras) -> str:
    """``<name>.c``."""
    prefix, session = ctx.prefix, extras.session
    sampler = "" if extras.loop is None else sampler_source(extras.loop, ctx)
    return SOURCE.format(
        name=prefix,
        upper=prefix.upper(),
        externs=declarations(ctx),
        reset="\n".join(reset_lines(model, layout, _reset_lines(model, layout))),
        clear=(CLEAR.format(upper=prefix.upper()) if session is not None else "")
        + clear_lines(model, layout),
        ready=READY.format(ready=layout.ready) if session is not None else "",
        session="" if session is None else session_source(session, layout, prefix),
        refused=refusal(
            prefix.upper(),
            ("net", "scratch", "in", "out"),
            (
                *(f"in->{field}" for field in field_names(_hop_inputs(model, extras)).values()),
                *(f"out->{field}" for field in field_names(model.stream_outputs).values()),
            ),
        ),
        check=check_source(model, layout, prefix),
        groups=extras.bodies.functions,
        dispatch=extras.bodies.dispatch,
        body=function_body(ctx, ("in", "out")),
        end=_end_source(model, layout, prefix)
        + noise_source(model, layout, prefix)
        + ("" if model.until is None else until_source(model, prefix)),
        pcm=("" if pcm is None else pcm_source(model, pcm, layout, prefix)) + sampler,
    )


def kernel_files(
    kernels: set[str], program: str, folders: Sequence[str] = (), fixed_order: bool = False
) -> dict[str, bytes]:
    """Return ``edgekit.h`` and the sources of the named kernels, with the files that those include and call.

    A file of ``src/<folder>`` replaces the one of its name in ``src/portable``; the first of `folders` that
    has one wins. With `fixed_order` none replaces a float kernel, ``ek_<name>_f32``, but those `IN_SCALAR_ORDER`.
    """
    available = dict(_sources(PORTABLE))
    for folder in reversed(folders):
        own = _sources(folder).items()
        available |= {name: source for name, source in own if _replaces(name, fixed_order)}
    include = files("edgekit.runtime") / "include"
    chosen: dict[str, bytes] = {"edgekit.h": (include / "edgekit.h").read_bytes()}
    named = kernels | set(CALL.findall(program))
    queue = sorted({hosts().get(name, f"{name}.c") for name in named} & set(available))
    while queue:
        name = queue.pop()
        if name not in chosen:
            chosen[name] = available[name].content
            queue += [other for other in available[name].needs if other in available]
    return chosen


def _replaces(name: str, fixed_order: bool) -> bool:
    """Whether a file of an instruction set is taken instead of the portable one."""
    is_float = name.rpartition(".")[0].endswith("_f32")
    return not fixed_order or not is_float or name in IN_SCALAR_ORDER


@dataclass(frozen=True)
class Source:
    """A file of kernels, and the files that it includes or whose functions it calls."""

    content: bytes
    needs: tuple[str, ...]


@cache
def _sources(folder: str) -> dict[str, Source]:
    """The files of an instruction set by name."""
    found = {}
    for name, path in kernel_sources(folder).items():
        content = path.read_bytes()
        text = content.decode()
        needs = (*INCLUDE.findall(text), *(f"{called}.c" for called in CALL.findall(text)))
        found[name] = Source(content, needs)
    return found


def with_own_names(
    kernels: dict[str, bytes], prefix: str, others: Iterable[str] = ()
) -> dict[str, bytes]:
    """The files of `kernel_files`, whose functions get names of this build's own in the linker.

    Two builds in one program then share no kernel: neither is there twice, nor can one build run those of another
    version. With ``EK_ALONE``, for a program of one build, the names stay. The networks `others` are in the build.
    """
    own = [name.removesuffix(".c") for name in kernels if name.endswith(".c")]
    names = sorted([*own, *(kernel for kernel, file in hosts().items() if file in kernels)])
    defines = "\n".join(f"#define {name} {prefix}_{name}" for name in names)
    builds = "\n".join(f"#define EK_BUILD_{name} 1" for name in (prefix, *others))
    start = OWN_NAMES.format(name=prefix, builds=builds, defines=defines).encode()
    return {**kernels, "edgekit.h": start + kernels["edgekit.h"]}


def _values_kept_by_reset(model: Model, session: Session | None) -> list[str]:
    """Return the values that a reset keeps."""
    kept = ["session constants"] if session is not None else []
    return kept + (["seeds"] if model.noises else [])


def _reset_lines(model: Model, layout: Layout) -> list[str]:
    lines = (
        [f"    memset(st, 0, {layout.reset_bytes}u);"] if layout.reset_bytes else ["    (void)st;"]
    )
    states = {pair.input for pair in model.states}
    for value in model.ir.graph.inputs:
        zero = int(value.metadata_props.get(ZERO_POINT, "0"))
        if zero and value.name in states:
            offset = layout.slots[str(value.name)].offset
            lines.append(
                f"    memset(st + {offset}, {zero & 255}, {size(value)}); /* {value.name}: zero point */"
            )
    return lines


def _end_source(model: Model, layout: Layout, prefix: str) -> str:
    if model.end_state is None:
        return ""
    offset = layout.slots[model.end_state].offset
    return END_SOURCE.format(name=prefix, hop=model.stream.hop_samples, offset=offset)


OWN_NAMES = """\
/* Of the build "{name}": its kernels have names of their own in the linker, so that several builds fit in one program.
 * EK_ALONE leaves the names, for a program with this build alone. */
{builds}
#ifndef EK_ALONE
{defines}
#endif

"""

HEADER = template("network.h")

MOST_HOPS = """
#define {upper}_MOST_HOPS {hops}
/* A recording has at most {upper}_MOST_HOPS hops, as --until declared. A longer one runs, but not as the source does:
 * positions keep the last row of their table, and attention drops its oldest keys. {name}_reset begins a new one.
 */"""

END_PROTOTYPE = """
/* The stream ends in the next hop, behind `valid` of its samples (0 to the hop). Fill up that hop with zeros, and
 * go on with hops of zeros until the delayed rest has come out; then reset. */
void {name}_end({name} *net, int32_t valid);
"""

SOURCE = template("network.c")

END_SOURCE = """
void {name}_end({name} *net, int32_t valid)
{{
    const float missing = (float)({hop} - valid);
    memcpy((unsigned char *)net + {offset}, &missing, sizeof missing);
}}
"""
