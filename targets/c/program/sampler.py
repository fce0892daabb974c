"""``<name>_sample``: the loop over a step table in C, with the terms that the table uses and no others."""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import indent

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Float64
from edgekit.base.random_normals import quantiles
from edgekit.base.sampler_table import StepTable
from edgekit.operators.geometry import dims
from edgekit.targets.c.emit.base import Context, float_literal, size
from edgekit.targets.c.program.functions import field_names, members
from edgekit.targets.c.program.groups import DECODER
from edgekit.targets.c.program.guards import refusal
from edgekit.targets.c.program.sampler_storage import Loop

KERNEL = "ek_normal_f32"


def sampler_header(loop: Loop, name: str) -> str:
    """The struct of the conditions, and the prototype."""
    conditions = loop.conditions
    struct = (
        CONDITIONS.format(name=name, members=members(conditions, "const ")) if conditions else ""
    )
    return struct + PROTOTYPE.format(
        name=name,
        shape="".join(f"[{d}]" for d in dims(loop.image)),
        rows=loop.table.rows,
        calls=loop.table.calls,
        parameter=f"const {name}_conditions *given, " if conditions else "",
        given=" and conditions" if conditions else "",
    )


def sampler_source(loop: Loop, ctx: Context) -> str:
    """The function; its tables become constants of the build."""
    name, table = ctx.prefix, loop.table
    begins, draws = loop.counts
    ctx.kernels |= {KERNEL} if begins or draws else set()
    conditions, image = bool(loop.conditions), "image" if "last" in loop.others else "out"
    pointers = ("net", "scratch", image, *(["given"] if conditions else []))
    fields = (f"given->{field}" for field in field_names(loop.conditions).values())
    return FUNCTION.format(
        name=name,
        includes=_lines(f'#include "{o.manifest.c_name}.h"' for o in loop.others.values()),
        image=image,
        others=_lines(_open_networks(loop), 1),
        y=_lines(_call_other_network(loop, "y", "y", None), 1),
        last=_lines(_call_other_network(loop, "last", "image", "out"), 1),
        parameter=f"const {name}_conditions *given, " if conditions else "",
        refused=refusal(name.upper(), pointers, fields),
        arrays=_lines(_scratch_arrays(loop), 1).rstrip("\n"),
        size=size(loop.x),
        start=_lines(_start(loop, ctx), 2).rstrip("\n"),
        z="    float z[4];\n" if begins or draws else "    (void)seed;\n",
        first=_noise(ctx, "0") if begins else "",
        rows=table.rows,
        calls=_lines(_calls(loop, ctx), 2).rstrip("\n"),
        coefficients=f"{ctx.constant('sampler_rows', coefficients(table))} + row * {len(coefficient_names(table))}",
        noise=indent(_noise(ctx, "row + 1"), "    ") if draws else "",
        update=_lines(_update(loop), 3).rstrip("\n"),
        end=_add_residual(loop),
    )


def _lines(texts: Iterable[str], depth: int = 0) -> str:
    """Lines of C in some blocks, each with its end."""
    return "".join(f"{'    ' * depth}{text}\n" for text in texts)


def _scratch_arrays(loop: Loop) -> Iterator[str]:
    """Yield declarations of the loop's arrays in scratch."""
    for array in loop.arrays:
        place = f"((unsigned char *)scratch + {loop.at(array)})"
        yield f"float *const {array} = (float *)(void *){place};"


def _add_residual(loop: Loop) -> str:
    """Return the lines after the last row that add a network's residual."""
    residual = loop.table.roles.residual
    if residual is None:
        return ""
    return END.format(size=size(loop.x), residual=loop.given(residual))


def _open_networks(loop: Loop) -> Iterator[str]:
    """An instance of each other network, in the state block."""
    for role, other in loop.others.items():
        own = other.manifest.c_name
        place = f"(unsigned char *)net + {loop.state_at(role)}"
        opened = f"{own}_init({place}, {own.upper()}_STATE_BYTES)"
        yield f"{own} *const {role}_net = net == NULL ? NULL : {opened};"


def _call_other_network(loop: Loop, role: str, output: str, x: str | None) -> Iterator[str]:
    """A call of another network, on x or on conditions alone."""
    if role not in loop.others:
        return
    model, own = loop.model.networks[role], loop.others[role].manifest.c_name
    (made,) = field_names(model.stream_outputs).values()
    yield "{"
    yield f"    {own}_inputs {role}_in;"
    yield f"    {own}_outputs {role}_out;"
    yield f"    int {role}_status;"
    for name, member in field_names(model.stream_inputs).items():
        source = x if x is not None and name == loop.table.roles.x else loop.given(name)
        yield f"    {role}_in.{member} = {source};"
    yield f"    {role}_out.{made} = {output};"
    call = f"{own}_process({role}_net, scratch, &{role}_in, &{role}_out)"
    yield f"    {role}_status = {call};"
    yield f"    if ({role}_status != 0) {{"
    yield f"        return {role}_status;"
    yield "    }"
    yield "}"


def _noise(ctx: Context, draw: str) -> str:
    constant = ctx.constant("normal_quantiles", quantiles())
    call = f"{KERNEL}((int64_t)seed, {draw}, i / 4, {constant}, z);"
    return f"        if (i % 4 == 0) {{\n            {call}\n        }}\n"


def coefficient_names(table: StepTable) -> list[str]:
    """The coefficients of a row that are kept, in order."""
    outputs = range(table.v.shape[1])
    names = []
    if table.needs_x0:
        names += [
            "u",
            *(f"v{k}" for k in outputs if np.any(table.v[:, k])),
            *_used_names(table, "w"),
        ]
        names += [f"bias{c}" for c in range(0 if table.bias is None else table.bias.shape[1])]
    names += ["a", *_used_names(table, "b"), *(f"e{k}" for k in outputs if np.any(table.e[:, k]))]
    return names + _used_names(table, "cdhs")


def _used_names(table: StepTable, names: Iterable[str]) -> list[str]:
    """The coefficients that are not 0 in all rows."""
    return [name for name in names if table.uses(name)]


def coefficients(table: StepTable) -> Float32:
    """The rows (rows, coefficients)."""

    def column(name: str) -> Float64:
        plain, number = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz")
        array: Float64 = getattr(table, plain)
        return array[:, int(number)] if number else array

    return np.stack([column(name) for name in coefficient_names(table)], axis=1).astype(np.float32)


def _start(loop: Loop, ctx: Context) -> Iterator[str]:
    """x_T: the terms in the order of `edgekit.base.sampler_table`."""
    first, *others = [*_start_terms(loop, ctx)] or ["0.0f"]
    yield f"out[i] = {first};"
    yield from (f"out[i] = out[i] + {term};" for term in others)
    yield from (
        f"{name}[i] = {value};"
        for name, value in (("start", "out[i]"), ("before", "0.0f"))
        if name in loop.arrays
    )


def _start_terms(loop: Loop, ctx: Context) -> Iterator[str]:
    table = loop.table
    if table.start_noise:
        yield f"{float_literal(table.start_noise)} * z[i % 4]"
    if table.start_y:
        yield f"{float_literal(table.start_y)} * {_y(loop)}[i]"
    if table.start_scale:
        yield f"{float_literal(table.start_scale)} * {loop.given(table.roles.start)}[i]"
    if (mean := table.start_mean) is not None:
        own = mean.astype(np.float32)
        yield float_literal(own[0]) if own.size == 1 else f"{ctx.constant('sampler_mean', own)}[i]"


def _y(loop: Loop) -> str:
    return loop.given(loop.table.roles.y)


def _calls(loop: Loop, ctx: Context) -> Iterator[str]:
    """The network calls of a row; the first row may be another network's."""
    if "first" not in loop.others:
        yield from _own_calls(loop, ctx)
        return
    yield "if (row == 0) {"
    yield from (f"    {line}" for line in _call_other_network(loop, "first", "e0", "out"))
    rest = range(1, loop.table.v.shape[1])
    yield from (f"    memset(e{k}, 0, {size(loop.x) * 4});" for k in rest)
    yield "} else {"
    yield from (f"    {line}" for line in _own_calls(loop, ctx))
    yield "}"


def _own_calls(loop: Loop, ctx: Context) -> Iterator[str]:
    table, roles = loop.table, loop.table.roles
    inputs = field_names(loop.model.stream_inputs)
    outputs = list(field_names(loop.model.stream_outputs).values())
    yield f"in.{inputs[roles.x]} = out;"
    for role, column in ((roles.time, table.time), (roles.group, table.group)):
        if role is not None:
            yield f"in.{inputs[role]} = {_per_row(loop, ctx, role, column)};"
    for call in range(table.calls):
        for value in loop.model.stream_inputs:
            key = str(value.name)
            if key in (roles.x, roles.time, roles.group):
                continue
            source = loop.given(key)
            if call and key in roles.null:
                source = null_array(ctx, value, roles.null[key])
            yield f"in.{inputs[key]} = {source};"
        for number, output in enumerate(outputs):
            yield f"made.{output} = e{call * len(outputs) + number};"
        yield f"status = {_call_network(loop, ctx, call)};"
        yield "if (status != 0) {"
        yield "    return status;"
        yield "}"


def _call_network(loop: Loop, ctx: Context, call: int) -> str:
    """Return the call of the network, or, at rows of graph 1, of its decoder on the tensors kept by the row's call."""
    net, kept = "net", call * loop.kept_bytes
    if kept:
        net = f"({ctx.prefix} *)(void *)((unsigned char *)net + {kept})"
    whole = f"{ctx.prefix}_process({net}, scratch, &in, &made)"
    if not loop.kept_bytes:
        return whole
    graph = ctx.constant("sampler_graph", loop.table.graph.astype(np.int8))
    return f"{graph}[row] == 0 ? {whole} : {ctx.prefix}_{DECODER}({net}, scratch, &in, &made)"


def null_array(ctx: Context, value: ir.Value, number: float) -> str:
    """The array of an input of the unconditional call."""
    dtype = value.dtype.numpy() if value.dtype is not None else np.float32
    return ctx.constant(f"null_{value.name}", np.full(dims(value), number, dtype))


def row_array(loop: Loop, ctx: Context, role: str, column: NDArray[np.generic]) -> str:
    """The table of an input that depends on the row, of the input's type."""
    value = loop.value(role)
    assert value.dtype is not None
    rows = np.repeat(column[:, None], size(value), axis=1).astype(value.dtype.numpy())
    return ctx.constant(f"sampler_{role}", rows)


def _per_row(loop: Loop, ctx: Context, role: str, column: NDArray[np.generic]) -> str:
    """A pointer to the row's value of an input."""
    count = size(loop.value(role))
    array = row_array(loop, ctx, role, column)
    return f"&{array}[row{'' if count == 1 else f' * {count}'}]"


def _update(loop: Loop) -> Iterator[str]:
    """One element's new value: the terms in the order of `edgekit.base.sampler_table`."""
    place = {name: f"k[{i}]" for i, name in enumerate(coefficient_names(loop.table))}
    if loop.table.needs_x0:
        yield from _update_x0(loop, place)
    yield f"float x = {place['a']} * out[i];"
    noise = loop.table.roles.noise
    z = "z[i % 4]" if noise is None else f"{loop.given(noise)}[(ptrdiff_t)row * {size(loop.x)} + i]"
    terms = {"b": "x0", **{f"e{k}": f"e{k}[i]" for k in range(loop.table.v.shape[1])}}
    terms |= {"c": f"{_y(loop)}[i]"} if "c" in place else {}
    terms |= {"d": "start[i]", "h": "before[i]", "s": z}
    yield from (f"x = x + {place[name]} * {term};" for name, term in terms.items() if name in place)
    yield "out[i] = x;"
    if "before" in loop.arrays:
        yield "before[i] = x0;"


def _update_x0(loop: Loop, place: Mapping[str, str]) -> Iterator[str]:
    """Yield the estimate of the final sample: from x and the network's outputs, then clipped."""
    table = loop.table
    yield f"float x0 = {place['u']} * out[i];"
    for k in range(table.v.shape[1]):
        if f"v{k}" in place:
            yield f"x0 = x0 + {place[f'v{k}']} * e{k}[i];"
    if "w" in place:
        yield f"x0 = x0 + {place['w']} * {_y(loop)}[i];"
    if table.bias is not None:
        plane, first = size(loop.x) // table.bias.shape[1], list(place).index("bias0")
        yield f"x0 = x0 + k[{first} + i / {plane}];"
    if table.clip is not None:
        low, high = float_literal(-table.clip), float_literal(table.clip)
        yield f"x0 = x0 < {low} ? {low} : x0 > {high} ? {high} : x0;"


CONDITIONS = """
typedef struct {{
{members}
}} {name}_conditions;
"""
PROTOTYPE = """
/* Told behind each row of the sampler how many of how many are done; what is not 0 ends the sampling. */
typedef int (*{name}_progress)(void *user, int32_t done, int32_t rows);

/* Draw one sample, {shape}: {rows} rows of {calls} network calls. The bits depend on the seed{given} alone; image i of
 * the seed S in Python is seed S + ((uint64_t)i << 32) here. `progress` may be NULL. Returns 0, -1 when a pointer is
 * NULL or scratch misaligned, 1 when `progress` ended it. */
int {name}_sample({name} *net, void *scratch, uint64_t seed, {parameter}float *out,
                  {name}_progress progress, void *user);
"""
FUNCTION = """
{includes}int {name}_sample({name} *net, void *scratch, uint64_t seed, {parameter}float *{image},
                  {name}_progress progress, void *user)
{{
{arrays}
{others}{z}    if ({refused}) {{
        return -1;
    }}
{y}    for (int32_t i = 0; i < {size}; i++) {{
{first}{start}
    }}
    for (int32_t row = 0; row < {rows}; row++) {{
        const float *const k = {coefficients};
        {name}_inputs in;
        {name}_outputs made;
        int status;
{calls}
        for (int32_t i = 0; i < {size}; i++) {{
{noise}{update}
        }}
        if (progress != NULL && progress(user, row + 1, {rows}) != 0) {{
            return 1;
        }}
    }}
{end}{last}    return 0;
}}
"""
END = """\
    for (int32_t i = 0; i < {size}; i++) {{
        out[i] = out[i] + {residual}[i];
    }}
"""
