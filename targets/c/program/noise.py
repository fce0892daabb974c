"""``<name>_seed``: which noise a build draws, and how its seed stays over a reset."""

from edgekit.graph.model import Model
from edgekit.graph.noises import PARTS
from edgekit.targets.c.plan.storage import Layout

SEED_BYTES = 4 * PARTS  # of a state; the place of the next number follows


def noise_prototype(model: Model, name: str) -> str:
    """Return the prototype of the noise function, where the build draws noise."""
    listed = ", ".join(f"{row.name} ({row.distribution})" for row in model.noises)
    return PROTOTYPE.format(name=name, inputs=listed) if model.noises else ""


def noise_source(model: Model, layout: Layout, name: str) -> str:
    """The function, where the build draws noise."""
    return (
        SOURCE.format(name=name, parts=PARTS, places=_places(model, layout)) if model.noises else ""
    )


def clear_lines(model: Model, layout: Layout) -> str:
    """Return the lines of ``<name>_init`` before the reset: seed 0."""
    return f"    memset(state, 0, {layout.reset_bytes}u);\n" if model.noises else ""


def reset_lines(model: Model, layout: Layout, lines: list[str]) -> list[str]:
    """The lines of ``<name>_reset`` with the seeds kept."""
    if not model.noises:
        return lines
    offsets = [layout.slots[row.state].offset for row in model.noises]
    keep = f"    memcpy(seed, st + {offsets[0]}, sizeof seed);"
    back = [f"    memcpy(st + {offset}, seed, sizeof seed);" for offset in offsets]
    return [f"    unsigned char seed[{SEED_BYTES}];", keep, *lines, *back]


def _places(model: Model, layout: Layout) -> str:
    return "\n".join(
        f"    memcpy((unsigned char *)net + {layout.slots[row.state].offset}, state, sizeof state);"
        for row in model.noises
    )


PROTOTYPE = """
/* Draw the noise of this seed, from its beginning: {inputs}. The seed is 0 at first; a reset begins anew and
 * keeps it. */
void {name}_seed({name} *net, uint64_t seed);
"""

SOURCE = """
void {name}_seed({name} *net, uint64_t seed)
{{
    float state[2 * {parts}] = {{0.0f}};
    for (int32_t i = 0; i < {parts}; i++) {{
        state[i] = (float)(uint32_t)(seed >> 16 * i & 0xFFFFu);
    }}
{places}
}}
"""
