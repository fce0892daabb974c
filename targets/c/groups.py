"""Step groups in C: a body of the network for each group; equal constants are stored once."""

from collections.abc import Sequence

from edgekit.export.model import Model
from edgekit.export.variants import group_count, group_input, select_group
from edgekit.quantize.integer import to_integer
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.c.functions import argument_names, emit_process, field_names, function_body
from edgekit.targets.c.moves import fuse_moves
from edgekit.targets.c.plan import make_layout


def lower_groups(model: Model, first: Context) -> list[Context]:
    """Plan and emit the groups but the first, whose context gets their constants and kernels."""
    bodies = []
    for group in range(1, group_count(model)):
        moved = fuse_moves(to_integer(select_group(model, group)))
        traits = {str(n.name): EMITTERS[n.domain, n.op_type].traits(n) for n in moved.ir.graph}
        own = first.sibling(make_layout(moved, traits), argument_names(moved))
        bodies.append(emit_process(moved, own))
    return bodies


def group_functions(bodies: Sequence[Context]) -> str:
    """The functions of all groups but the first."""
    return "".join(
        FUNCTION.format(name=own.prefix, group=group, body=function_body(own, ("in", "out")))
        for group, own in enumerate(bodies, 1)
    )


def group_dispatch(model: Model, bodies: Sequence[Context]) -> str:
    """What begins the process function: leave for the body of another group."""
    value = group_input(model)
    if value is None:
        return ""
    field = field_names(model.stream_inputs)[str(value.name)]
    cases = "".join(
        f"    case {group}:\n        return {own.prefix}_group{group}(net, scratch, in, out);\n"
        for group, own in enumerate(bodies, 1)
    )
    return f"    switch (in->{field}[0]) {{\n{cases}    default:\n        break;\n    }}\n"


FUNCTION = """
static int {name}_group{group}({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out)
{{
    (void)net;
    (void)scratch;
{body}
    return 0;
}}
"""
