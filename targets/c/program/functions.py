"""C functions of a network: the structs of their arguments, and the statements of a whole graph."""

import re
from collections.abc import Sequence

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.runtime.build_folder.manifest import c_identifier
from edgekit.targets.c.emit.base import Context, c_type, free_name
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.c.program.proof import function_facts, node_facts


def emit_process(model: Model, ctx: Context, looks: bool = False) -> Context:
    """Emit every node of the schedule into an empty context, and an EK_LAYER after it; return the context."""
    layout, facts = ctx.layout, []
    for node in model.ir.graph:
        before = len(ctx.lines)
        emitter = EMITTERS[node.domain, node.op_type]
        emitter.emit(ctx, node)
        label = _comment(str(node.name))
        facts.append(node_facts(ctx, node, label, emitter, ctx.lines[before:]))
        ctx.count_reads(node, emitter.macs(node))
        if len(ctx.lines) > before:
            ctx.lines.insert(before, f"    /* {label}: {node.op_type} */")
        if looks:
            ctx.look(node)
    if layout.moves:
        ctx.line("/* states of the next hop */")
    for move in layout.moves:
        places = ctx.place(move.destination), ctx.place(move.source)
        ctx.line(f"memcpy({', '.join(places)}, {move.size});")
        ctx.moved_bytes += 2 * move.size
    ctx.facts = function_facts(model, ctx, facts)
    return ctx


def argument_names(model: Model) -> dict[str, str]:
    """The C struct fields of a function's inputs and outputs, by tensor name."""
    return {**field_names(model.stream_inputs), **field_names(model.stream_outputs)}


def field_names(values: tuple[ir.Value, ...]) -> dict[str, str]:
    """The C struct fields of tensors, by tensor name: identifiers, all different."""
    names: dict[str, str] = {}
    for value in values:
        names[str(value.name)] = free_name(c_identifier(str(value.name)), names.values())
    return names


def members(values: tuple[ir.Value, ...], qualifier: str) -> str:
    """The members of a struct of pointers to tensors."""
    names = field_names(values)
    return "\n".join(
        f"    {qualifier}{c_type(v)} *{names[str(v.name)]}; /* {_shape_text(v)} */" for v in values
    )


def _shape_text(value: ir.Value) -> str:
    """Return ``[2][3]``, with the range for truth values, because their C type is wider."""
    text = "".join(f"[{d}]" for d in dims(value))
    return f"{text} 0 or 1".lstrip() if value.dtype == ir.DataType.BOOL else text


def function_body(ctx: Context, structs: Sequence[str]) -> str:
    """The statements of a function whose parameters are `structs`, and ``net`` and ``scratch``."""
    unused = [f"    (void){name};" for name in _unused_statements(ctx) if name in structs]
    blocks = [f"    unsigned char *const {v} = {e};" for v, e in _blocks(ctx).items()]
    declarations = [f"    {line}" for line in ctx.declarations]
    return "\n".join([*unused, *blocks, *declarations, "", *ctx.lines])


def _blocks(ctx: Context) -> dict[str, str]:
    text = "\n".join([*ctx.declarations, *ctx.lines])
    blocks = {"st": "(unsigned char *)net", "s": "scratch"}
    return {name: value for name, value in blocks.items() if re.search(rf"\b{name} \+ \d", text)}


def _unused_statements(ctx: Context) -> list[str]:
    text = "\n".join([*ctx.declarations, *ctx.lines])
    return [name for name in ("in", "out") if f"{name}->" not in text]


def _comment(text: str) -> str:
    return re.sub(r"[^\w .:/\[\]-]", "_", text.strip()).replace("/*", "__").replace("*/", "__")
