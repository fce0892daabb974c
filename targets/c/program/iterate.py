"""``<name>_iterate``: calls of a step network until it has settled."""

from edgekit.base.until import Until
from edgekit.graph.model import Model
from edgekit.targets.c.emit.base import float_literal
from edgekit.targets.c.program.functions import field_names


def until_header(until: Until, name: str) -> str:
    """The limits that the export named, and the prototype."""
    limits = {"most": until.most, "tolerance": float_literal(until.tolerance)}
    return PROTOTYPE.format(name=name, upper=name.upper(), output=until.output, **limits)


def until_source(model: Model, name: str) -> str:
    """The function."""
    assert model.until is not None
    output = field_names(model.stream_outputs)[model.until.output]
    return FUNCTION.format(name=name, output=output)


PROTOTYPE = """
#define {upper}_UNTIL_MOST {most}
#define {upper}_UNTIL_TOLERANCE {tolerance}

/* Call {name}_process on the same inputs until the output '{output}' is at most `tolerance`, at most `most` times.
 * Returns how many calls that took, `most` where it did not settle too: the output tells; or what a call returned that
 * is not 0. States stay: reset, or go on from a solution near by. */
int {name}_iterate({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out, int32_t most,
                   float tolerance);
"""

FUNCTION = """
int {name}_iterate({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out, int32_t most,
                   float tolerance)
{{
    int32_t calls = 0;
    while (calls < most) {{
        const int status = {name}_process(net, scratch, in, out);
        if (status != 0) {{
            return status;
        }}
        calls++;
        if (out->{output}[0] <= tolerance) {{
            break;
        }}
    }}
    return calls;
}}
"""
