"""Transposed convolutions by their phases: a convolution makes all pixels, DepthToSpace interleaves them.

With stride s, pixel ``s q + a`` takes only taps k with ``k dilation = a + pad (mod s)``, from the input's pixels
around q. So the phases (a, b) are the channels of one ordinary convolution. Later functions per channel are applied to
the phases, so that the engine computes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64, Int64
from edgekit.fpga.tail import Tail, tail_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, array_of, unused_name, value_names
from edgekit.operators.geometry import ConvShape, conv_shape, optional

F64 = Float64


def with_phases(model: Model) -> Model:
    """Return the model with every transposed convolution that has whole phases as a convolution and a DepthToSpace."""
    if not any(node.op_type == "ConvTranspose" for node in model.ir.graph):
        return model
    changed = Model(model.ir.clone())
    for node in list(changed.ir.graph):
        if node.op_type == "ConvTranspose" and node.domain == "":
            _replace(changed.ir.graph, node)
    return changed


@dataclass(frozen=True)
class _Axis:
    """Taps along one axis: the phase that each is of, and how many input pixels it lies from the phase's own."""

    phase: Int64
    offset: Int64

    @property
    def before(self) -> int:
        """Pixels that the kernel reaches before its own."""
        return max(-int(self.offset.min()), 0)

    @property
    def size(self) -> int:
        """The size of the kernel of all phases."""
        return self.before + max(int(self.offset.max()), 0) + 1


def _axis(taps: int, stride: int, dilation: int, pad: int) -> _Axis:
    # tap k of input pixel i is output pixel i stride + k dilation - pad
    place = np.arange(taps) * dilation - pad
    phase = place % stride
    return _Axis(phase, -(place - phase) // stride)


def _replace(graph: ir.Graph, node: ir.Node) -> None:
    """Put convolution and DepthToSpace in the place of a node; leave it where its phases differ in their sizes."""
    w, bias = array_of(node.inputs[1]), optional(node, 2)
    b = None if bias is None else array_of(bias)
    if w is None or w.ndim != 4 or (bias is not None and b is None):
        return
    shape = conv_shape(node, list(w.shape[2:]))
    stride = shape.stride_h
    whole = shape.in_h * stride, shape.in_w * stride
    if shape.stride_w != stride or (shape.out_h, shape.out_w) != whole:
        return
    tail = tail_of(node.outputs[0], None, ())
    start = np.zeros(shape.out_c) if b is None else b.astype(np.float64)
    rows = _axis(shape.k_h, stride, shape.dil_h, shape.pad_top)
    columns = _axis(shape.k_w, stride, shape.dil_w, shape.pad_left)
    weights = _weights(w.astype(np.float64), shape, rows, columns)
    phases = stride * stride
    weights *= np.repeat(tail.factor, phases)[:, None, None, None]
    start = np.repeat(start * tail.factor + tail.addend, phases)
    new = _nodes(graph, node, tail, shape, (rows, columns), (weights, start))
    ir.convenience.replace_nodes_and_values(
        graph, node, [*reversed(tail.nodes), node], new, [tail.value], [new[-1].outputs[0]]
    )


def _weights(w: F64, shape: ConvShape, rows: _Axis, columns: _Axis) -> F64:
    """Weights ``(in, outputs of a group, k, k)`` as ``(outputs * phases, inputs of a group, k, k)``."""
    stride, groups = shape.stride_h, shape.groups
    inputs, outputs = shape.in_c // groups, shape.out_c // groups
    made = np.zeros((groups, outputs, stride, stride, inputs, rows.size, columns.size))
    own = w.reshape(groups, inputs, outputs, shape.k_h, shape.k_w)
    for ky, (a, y) in enumerate(zip(rows.phase, rows.offset + rows.before, strict=True)):
        for kx, (b, x) in enumerate(
            zip(columns.phase, columns.offset + columns.before, strict=True)
        ):
            made[:, :, a, b, :, y, x] += own[:, :, :, ky, kx].transpose(0, 2, 1)
    return made.reshape(shape.out_c * stride * stride, inputs, rows.size, columns.size)


def _nodes(
    graph: ir.Graph,
    node: ir.Node,
    tail: Tail,
    shape: ConvShape,
    axes: tuple[_Axis, _Axis],
    sums: tuple[F64, F64],
) -> list[ir.Node]:
    """Return the convolution, its limits, and the node that interleaves the phases."""
    rows, columns = axes
    channels = len(sums[0])
    made = ir.Shape([1, channels, shape.in_h, shape.in_w])
    constants = [
        add_initializer(graph, f"{node.name}.constant", a.astype(np.float32)) for a in sums
    ]
    behind = rows.size - 1 - rows.before, columns.size - 1 - columns.before
    settings = {"group": shape.groups, "kernel_shape": [rows.size, columns.size]}
    settings["pads"] = [rows.before, columns.before, *behind]
    nodes = [
        _node(graph, "Conv", f"{node.name}.phases", [node.inputs[0], *constants], made, settings)
    ]
    if (tail.low, tail.high) != (-np.inf, np.inf):
        ends = [
            add_initializer(graph, f"{node.name}.constant", np.asarray(end, np.float32))
            if np.isfinite(end)
            else None
            for end in (tail.low, tail.high)
        ]
        limited: list[ir.Value | None] = [nodes[0].outputs[0], *ends]
        nodes.append(_node(graph, "Clip", f"{node.name}.limited", limited, made, {}))
    if shape.stride_h == 1:
        return nodes
    last = [nodes[-1].outputs[0]]
    settings = {"blocksize": shape.stride_h, "mode": "CRD"}
    whole = ir.Shape([1, shape.out_c, shape.out_h, shape.out_w])
    return [*nodes, _node(graph, "DepthToSpace", str(node.name), last, whole, settings)]


def _node(
    graph: ir.Graph,
    kind: str,
    name: str,
    inputs: Sequence[ir.Value | None],
    shape: ir.Shape,
    settings: Mapping[str, object],
) -> ir.Node:
    own = unused_name(value_names(graph), name)
    made = ir.Value(name=own, shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
    attributes = ir.convenience.convert_attributes(settings)  # type: ignore[arg-type]
    return ir.Node("", kind, inputs, attributes, outputs=[made], name=name)
