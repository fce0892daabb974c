"""Normalizations with computed statistics (layer, instance) or given ones (batch)."""

import math

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import dims, optional
from edgekit.targets.c.emit.base import Context, float_literal, int_attribute, node_label, size


def emit_layernorm(ctx: Context, node: ir.Node) -> None:
    """Layer normalization over the last axes; mean and inverse deviation where they are read."""
    x, scale, bias = node.inputs[0], node.inputs[1], optional(node, 2)
    n = math.prod(dims(x)[int_attribute(node, "axis", -1) % len(dims(x)) :])
    statistics = [ctx.pointer(v) if _is_used(v) else "NULL" for v in node.outputs[1:3]]
    mean, inverse = (*statistics, "NULL", "NULL")[:2]
    ctx.call(
        "ek_layernorm_f32",
        ctx.pointer(x),
        ctx.pointer(scale),
        "NULL" if bias is None else ctx.pointer(bias),
        _epsilon(node),
        ctx.pointer(node.outputs[0]),
        mean,
        inverse,
        size(x) // n,
        n,
    )


def check_layernorm(node: ir.Node) -> list[Problem]:
    """Scale and bias of the normalized shape."""
    axis = int_attribute(node, "axis", -1) % len(dims(node.inputs[0]))
    wanted = dims(node.inputs[0])[axis:]
    wrong = [v for v in node.inputs[1:] if v is not None and size(v) != math.prod(wanted)]
    if wrong:
        found = f"scale or bias {dims(wrong[0])}"
        return [Problem(node_label(node), found, f"shape {wanted}", "expand it")]
    return []


def emit_instancenorm(ctx: Context, node: ir.Node) -> None:
    """Normalization of every channel."""
    x, scale, bias = node.inputs[:3]
    batch, channels = dims(x)[:2]
    ctx.call(
        "ek_instancenorm_f32",
        ctx.pointer(x),
        ctx.pointer(scale),
        ctx.pointer(bias),
        _epsilon(node),
        ctx.pointer(node.outputs[0]),
        batch,
        channels,
        math.prod(dims(x)[2:]),
    )


def emit_batchnorm(ctx: Context, node: ir.Node) -> None:
    """Batch normalization with given statistics."""
    x, scale, bias, mean, variance = (ctx.pointer(v) for v in node.inputs)
    batch, channels, *rest = (*dims(node.inputs[0]), 1)[: max(2, len(dims(node.inputs[0])))]
    n = math.prod(rest)
    ctx.line(f"for (int32_t i = 0; i < {batch * channels}; i++) {{")
    for text in (
        f"const int32_t c = i % {channels};",
        f"const float factor = {scale}[c] / ek_sqrtf1({variance}[c] + {_epsilon(node)});",
        f"const float shift = {bias}[c] - {mean}[c] * factor;",
        f"for (int32_t k = 0; k < {n}; k++) {{",
        f"    {ctx.pointer(node.outputs[0])}[i * {n} + k] = {x}[i * {n} + k] * factor + shift;",
        "}",
    ):
        ctx.line(f"    {text}")
    ctx.line("}")


def check_batchnorm(node: ir.Node) -> list[Problem]:
    """Check that it is not in training mode."""
    if int_attribute(node, "training_mode", 0):
        return [Problem(node_label(node), "training mode", "inference", "export in eval mode")]
    return []


def _is_used(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()


def _epsilon(node: ir.Node) -> str:
    epsilon = node.attributes.get("epsilon")
    return float_literal(1e-5 if epsilon is None else epsilon.as_float())


def sizes_instancenorm(node: ir.Node) -> JsonObject:
    """Return the elements of a channel."""
    return {"n": math.prod(dims(node.inputs[0])[2:])}


def sizes_lrn(node: ir.Node) -> JsonObject:
    """Return the channels, and the elements of each."""
    shape = dims(node.inputs[0])
    return {"channels": shape[1], "n": math.prod(shape[2:])}
