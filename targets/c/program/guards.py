"""Guards of a build: against NULL or misaligned pointers and, optionally, a damaged state block."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.targets.c.plan.storage import Layout
from edgekit.targets.c.rewrite.rings import DOMAIN, PUSH


def refusal(upper: str, pointers: Iterable[str], members: Iterable[str] = ()) -> str:
    """The condition under which a function returns -1: one of its pointers is NULL, or scratch misaligned."""
    nulls = [f"{pointer} == NULL" for pointer in pointers]
    aligned = f"(uintptr_t)scratch % {upper}_ALIGN != 0"
    return "\n        || ".join([" || ".join(nulls), aligned, *(f"{m} == NULL" for m in members)])


def check_source(model: Model, layout: Layout, name: str) -> str:
    """Return ``<name>_check``: whether a state block holds values that the network can have left."""
    kept = {pair.input for pair in model.states} | set(model.constants)
    floats = [
        (layout.slots[str(value.name)].offset, prod(dims(value)))
        for value in model.ir.graph.inputs
        if value.name in kept and value.dtype == ir.DataType.FLOAT
    ]
    places = [*_ring_places(model, layout)]
    places += [] if layout.ready is None else [(layout.ready, 1, 1)]
    parts = [FLOATS.format(**_table(floats))] if floats else []
    parts += [PLACES.format(**_table(places))] if places else []
    start = START if parts else ""
    return CHECK.format(name=name, upper=name.upper(), body=start + "".join(parts))


def _ring_places(model: Model, layout: Layout) -> Iterator[tuple[int, int, int]]:
    """Yield for each ring the place of its position, the last position, and the step between two."""
    for node in model.ir.graph:
        if (node.op_type, node.domain) == (PUSH, DOMAIN) and node.inputs[2] is not None:
            length, fresh = (node.attributes[key].as_int() for key in ("length", "fresh"))
            yield layout.slots[str(node.inputs[2].name)].offset, length - fresh, fresh


def _table(rows: Sequence[tuple[int, ...]]) -> dict[str, object]:
    text = ", ".join(f"{{{', '.join(map(str, row))}}}" for row in rows)
    return {"count": len(rows), "rows": text}


CHECK_PROTOTYPE = """
/* Whether a state block can be one that this network left: its floats are finite, its positions inside. Returns 0, -1
 * when it is NULL or misaligned, -3 when not: then reset. Whatever the block holds, no function here reads or writes
 * outside of its blocks; this tells damage that sounds from damage that does not. */
int {name}_check(const {name} *net);
"""

CHECK = """
int {name}_check(const {name} *net)
{{
    if (net == NULL || (uintptr_t)net % {upper}_ALIGN != 0) {{
        return -1;
    }}
{body}    return 0;
}}
"""

START = """\
    const unsigned char *const st = (const unsigned char *)net;
"""

FLOATS = """\
    static const int32_t floats[{count}][2] = {{{rows}}}; /* offset, elements */
    for (int32_t r = 0; r < {count}; r++) {{
        for (int32_t i = 0; i < floats[r][1]; i++) {{
            uint32_t bits;
            memcpy(&bits, st + floats[r][0] + i * 4, sizeof bits);
            if ((bits & 0x7f800000u) == 0x7f800000u) {{
                return -3;
            }}
        }}
    }}
"""

PLACES = """\
    static const int32_t places[{count}][3] = {{{rows}}}; /* offset, last, step */
    for (int32_t r = 0; r < {count}; r++) {{
        int32_t at;
        memcpy(&at, st + places[r][0], sizeof at);
        if (at < 0 || at > places[r][1] || at % places[r][2] != 0) {{
            return -3;
        }}
    }}
"""
