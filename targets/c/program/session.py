"""``<name>_session``: the part that depends on session constants alone, computed once into the state block."""

from dataclasses import dataclass

from edgekit.graph.model import Model
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.plan.layout import make_layout
from edgekit.targets.c.plan.storage import Layout
from edgekit.targets.c.program.functions import (
    argument_names,
    emit_process,
    field_names,
    function_body,
    members,
)
from edgekit.targets.c.program.groups import traits_of
from edgekit.targets.c.program.guards import refusal
from edgekit.targets.c.rewrite.moves import fuse_moves


@dataclass(frozen=True)
class Session:
    """The session part of a network: its graph, its plan, and its statements."""

    model: Model
    layout: Layout
    ctx: Context


def lower_session(model: Model, hop: Layout, ctx: Context) -> Session:
    """Plan and emit a session part.

    Args:
        model: its inputs are the session constants, its outputs the values that the hop's plan keeps.
        hop: that plan.
        ctx: the hop's context, which gets the constants and kernels.
    """
    moved = fuse_moves(model)
    traits = traits_of(moved, ctx.selection)
    kept = {str(value.name): hop.slots[str(value.name)] for value in moved.stream_outputs}
    layout = make_layout(moved, traits, kept=kept)
    own = ctx.sibling(layout, argument_names(moved))
    return Session(moved, layout, emit_process(moved, own))


def scratch_bytes(hop: Layout, session: Session | None) -> int:
    """Bytes that suit both parts; they never run at the same time."""
    return (
        hop.scratch_bytes
        if session is None
        else max(hop.scratch_bytes, session.layout.scratch_bytes)
    )


def session_header(session: Session, name: str) -> str:
    """The struct of the constants and the prototype."""
    return PROTOTYPE.format(name=name, constants=members(session.model.stream_inputs, "const "))


def session_source(session: Session, hop: Layout, name: str) -> str:
    """The function."""
    body = function_body(session.ctx, ("in",))
    fields = field_names(session.model.stream_inputs).values()
    refused = refusal(name.upper(), ("net", "scratch", "in"), (f"in->{field}" for field in fields))
    return FUNCTION.format(name=name, body=body, ready=hop.ready, refused=refused)


PROTOTYPE = """
typedef struct {{
{constants}
}} {name}_constants;

/* Take the session constants, before the first hop and whenever they change; states stay as they are. Returns 0,
 * or -1 when a pointer is NULL, one in the struct too, or scratch is misaligned. */
int {name}_session({name} *net, void *scratch, const {name}_constants *in);
"""

FUNCTION = """
int {name}_session({name} *net, void *scratch, const {name}_constants *in)
{{
    const int32_t ready = 1;
    if ({refused}) {{
        return -1;
    }}
{body}
    memcpy((unsigned char *)net + {ready}, &ready, sizeof ready);
    return 0;
}}
"""

CLEAR = """\
    memset(state, 0, {upper}_STATE_BYTES);
"""

READY = """\
    {{
        int32_t ready;
        memcpy(&ready, (const unsigned char *)net + {ready}, sizeof ready);
        if (ready == 0) {{
            return -2;
        }}
    }}
"""
