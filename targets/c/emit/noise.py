"""Noise that a stream draws."""

import onnx_ir as ir

from edgekit.base.random_normals import quantiles
from edgekit.targets.c.emit.base import Context, int_attributes
from edgekit.targets.c.plan.storage import Traits


def traits(_: ir.Node) -> Traits:
    """Return the traits: the state is updated in place."""
    return Traits(updates=((0, 1),))


def emit_normal(ctx: Context, node: ir.Node) -> None:
    """Normal numbers, through the sampler's table."""
    _emit(ctx, node, "ek_normal_noise_f32", ctx.constant("normal_quantiles", quantiles()))


def emit_uniform(ctx: Context, node: ir.Node) -> None:
    """Uniform numbers."""
    _emit(ctx, node, "ek_uniform_noise_f32")


def _emit(ctx: Context, node: ir.Node, kernel: str, *tables: str) -> None:
    old, new = node.inputs[0], node.outputs[1]
    assert old is not None
    ctx.copy(old, new)
    numbers = int_attributes(node, "port", "count")
    ctx.call(kernel, ctx.pointer(new), *tables, ctx.pointer(node.outputs[0]), *numbers)
