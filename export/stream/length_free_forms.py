"""`with_length_free_forms`: an offline network whose nodes need its length becomes one whose nodes do not.

Nodes that form one running operator become one node. torch.onnx.export writes ``logcumsumexp`` as
``log(cumsum(exp(x - m))) + m``, where m is the maximum over all of time; it only keeps the exponentials in range. A
linear Resize with align_corners to ``factor * (frames - 1) + 1`` frames puts ``factor - 1`` points on each line
between two frames, at every length. It becomes a transposed convolution with a triangle.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import onnx_ir as ir

from edgekit.export.own_operators.functions import define_functions
from edgekit.export.own_operators.marked_layers import LOG_SUM
from edgekit.export.passes import simplify
from edgekit.export.passes.chain import Chain
from edgekit.export.stream.sources import Offline
from edgekit.graph.model import FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import array_of, attribute, sole_user, static_shape


def with_length_free_forms(offline: Offline) -> Offline:
    """Return the network with such nodes, at every length."""

    def at(samples: int) -> Model:
        model = offline.at(samples)
        if not any(_log_sum_of(node) or _lines_of(node) for node in model.ir.graph):
            return model
        copy = model.ir.clone()
        for node in list(copy.graph):
            found, lines = _log_sum_of(node), _lines_of(node)
            if found is not None:
                _replace(copy.graph, node, *found)
            elif lines is not None:
                _draw_lines(copy.graph, node, *lines)
        define_functions(copy)
        return replace(model, ir=simplify(copy))

    return replace(offline, at=cache(at))


def _log_sum_of(node: ir.Node) -> tuple[ir.Node, int] | None:
    """Return the last node of a running log-sum whose ReduceMax is `node`, and its axis."""
    if node.op_type != "ReduceMax" or not attribute(node, "keepdims", 1):
        return None
    x, most, axis = node.inputs[0], node.outputs[0], _only_axis(node)
    if x is None or axis is None or len(list(most.uses())) != 2:
        return None
    total = _sum_of_exponentials(x, most)
    last = _then(_then(total, "Log"), "Add")
    if total is None or last is None or most not in last.inputs or not _sums(total, axis, x):
        return None
    return last, axis


def _only_axis(node: ir.Node) -> int | None:
    """Return the axis of a reduction over one."""
    axes = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if axes is None or axes.size != 1:
        return None
    return int(axes.ravel()[0]) % len(static_shape(node.inputs[0]) or (0,))


def _sum_of_exponentials(x: ir.Value, most: ir.Value) -> ir.Node | None:
    """Return the CumSum in ``cumsum(exp(x - most))``, the first reader of `most`."""
    below = [user for user in most.consumers() if list(user.inputs) == [x, most]]
    first = below[0] if below and below[0].op_type == "Sub" else None
    return _then(_then(first, "Exp"), "CumSum")


def _then(node: ir.Node | None, op_type: str) -> ir.Node | None:
    """Return the only reader of a node's output, if it is of this type."""
    reader = None if node is None else sole_user(node.outputs[0])
    return reader if reader is not None and reader.op_type == op_type else None


def _sums(node: ir.Node, axis: int, like: ir.Value) -> bool:
    """Whether a CumSum of a tensor shaped as `like` runs along an axis from its start, each element included."""
    place, rank = array_of(node.inputs[1]), len(static_shape(like) or ())
    plain = not attribute(node, "reverse", 0) and not attribute(node, "exclusive", 0)
    return plain and place is not None and int(place.ravel()[0]) % rank == axis


def _replace(graph: ir.Graph, node: ir.Node, last: ir.Node, axis: int) -> None:
    chain, x = Chain(graph, last), node.inputs[0]
    assert x is not None
    order = list(range(len(static_shape(x) or ())))
    order[axis], order[-1] = order[-1], order[axis]  # the same way back
    value = chain.transpose(x, order)
    name = f"{last.name}_running"
    chain.new.append(ir.node(LOG_SUM, [value], domain=FRONTEND_DOMAIN, name=name))
    chain.new[-1].meta.update(node.meta)
    (output,) = chain.new[-1].outputs
    output.type = x.type
    chain.transpose(output, order)
    chain.finish()


def _lines_of(node: ir.Node) -> tuple[int, int] | None:
    """The axis and the factor of a linear Resize whose points lie on the lines between frames, ends included."""
    mode = attribute(node, "mode", "nearest"), attribute(node, "coordinate_transformation_mode", "")
    if node.op_type != "Resize" or mode != ("linear", "align_corners"):
        return None
    before, after = static_shape(node.inputs[0]) or (), static_shape(node.outputs[0]) or ()
    axis = _only_resized_axis(before, after)
    if axis is None:
        return None
    frames, made = before[axis] - 1, after[axis] - 1
    fits = frames > 0 and made > 0 and made % frames == 0
    return (axis, made // frames) if fits else None


def _only_resized_axis(before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
    """Return the single axis, after batch and channels, whose size differs; the tensor has 3 or 4 axes."""
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    return changed[0] if len(before) in (3, 4) and len(changed) == 1 and changed[0] >= 2 else None


def _draw_lines(graph: ir.Graph, node: ir.Node, axis: int, factor: int) -> None:
    chain, x = Chain(graph, node), node.inputs[0]
    shape = static_shape(x) or ()
    sides = [factor - 1 if n == axis else 0 for n in range(2, len(shape))]
    kernel = np.ones([1 if n != axis else 2 * factor - 1 for n in range(2, len(shape))], np.float32)
    triangle = 1 - np.abs(np.arange(1 - factor, factor)) / factor
    kernel *= triangle.reshape([-1 if n == axis else 1 for n in range(2, len(shape))])
    weights = chain.constant(np.broadcast_to(kernel, (shape[1], 1, *kernel.shape)))
    strides = [factor if n == axis else 1 for n in range(2, len(shape))]
    chain.add("ConvTranspose", x, weights, strides=strides, pads=sides * 2, group=shape[1])
    chain.finish()
