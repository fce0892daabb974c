"""Replaces a norm over all of time by one of the input so far or of a window."""

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.export.stream.replace.forms import Form
from edgekit.export.stream.replace.instance import Instance, Shape
from edgekit.export.stream.replace.means import RunningMeans
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.nodes import array_of, attribute, static_shape


def group_norm_source(node: ir.Node) -> ir.Value | None:
    """Return the input of the Reshape before a norm of channel groups; None if the norm has none."""
    made = None if node.inputs[0] is None else node.inputs[0].producer()
    if made is None or made.op_type != "Reshape":
        return None
    shape, wide = static_shape(made.inputs[0]) or (), static_shape(node.inputs[0]) or ()
    groups = len(shape) > 2 and len(wide) == 3 and shape[0] == wide[0] and shape[1] % wide[1] == 0
    return made.inputs[0] if groups else None


def norm(instance: Instance, node: ir.Node, form: Form, groups: bool) -> None:
    """Replace an InstanceNormalization; with `groups`, of the channel groups of its Reshape's input."""
    source = group_norm_source(node) if groups else node.inputs[0]
    time = instance.time(source)
    scale, bias = (array_of(value) for value in node.inputs[1:3])
    if source is None or time is None or scale is None or bias is None or time.axis < 2:
        raise StreamingRefused("a norm whose numbers are computed", "constants", "fold them")
    chain, shape, axis, x = Chain(instance.graph, node), instance.shape(source), time.axis, source
    if groups:
        shape, axis = (shape[0], scale.size, shape[1] // scale.size, *shape[2:]), axis + 1
        x = chain.reshape(source, shape)
    normal = _norm_so_far(instance, chain, x, shape, axis, form)
    column = (1, -1, *[1] * (len(shape) - 2))
    scaled = chain.add("Mul", normal, chain.constant(scale.reshape(column)))
    result = chain.add("Add", scaled, chain.constant(bias.reshape(column)))
    if groups:
        chain.reshape(result, static_shape(node.outputs[0]) or ())
    instance.finish(chain, static_shape(node.outputs[0]) or ())


def _norm_so_far(
    instance: Instance, chain: Chain, x: ir.Value, shape: Shape, axis: int, form: Form
) -> ir.Value:
    """Return x minus its mean so far, over its deviation so far, jointly over all axes after batch and channels."""
    axes = [n for n in range(2, len(shape)) if n != axis]
    narrow = tuple(1 if n in axes else size for n, size in enumerate(shape))
    running = RunningMeans(instance, chain, narrow, axis, form)
    others = chain.constant(axes, np.int64)

    def over(value: ir.Value, op_type: str) -> ir.Value:
        return chain.add(op_type, value, others, keepdims=1) if axes else value

    middle = running.mean(over(x, "ReduceMean"))
    power = running.mean(over(chain.add("Mul", x, x), "ReduceMean"))
    spread = chain.add("Sub", power, chain.add("Mul", middle, middle))
    spread = chain.add("Max", spread, chain.constant(0))
    epsilon = chain.constant(float(attribute(chain.node, "epsilon", 1e-5)))
    deviation = chain.add("Sqrt", chain.add("Add", spread, epsilon))
    return chain.add("Div", chain.add("Sub", x, middle), deviation)
