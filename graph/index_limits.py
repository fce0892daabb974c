"""Finds the limits of an integer input that is an index: the size of the table that it indexes.

`integer_ranges` finds values to try, and may guess. A limit here is certain: a value outside is no valid ONNX.
"""

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, attribute, static_shape

WIDE = (ir.DataType.INT32, ir.DataType.INT64)
INTEGERS = (*WIDE, ir.DataType.INT8, ir.DataType.INT16, ir.DataType.UINT8)
RESHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Identity", "Expand")
Limits = tuple[int, int]


def index_limits(value: ir.Value) -> Limits | None:
    """Return the least and the largest valid value of an integer input; None if nothing limits it.

    Every element must be in these limits. Values from -size to -1 count from the end, as in ONNX.
    """
    if value.dtype not in INTEGERS:
        return None
    found = [limits for node, index in value.uses() if (limits := _limits_of(node, index))]
    if not found:
        return None
    low, high = max(low for low, _ in found), min(high for _, high in found)
    return (low, high) if low <= high else None


def _limits_of(node: ir.Node, index: int) -> Limits | None:
    """Return the limits that one reader sets to one of its operands."""
    places = facts_of(node).places
    if index == 1 and places in ("axis", "axes"):
        return _table_limits(node, places == "axes")
    if index == 0 and (node.op_type in RESHAPES or _is_wide_cast(node)) and not node.domain:
        return index_limits(node.outputs[0])
    if node.op_type in ("Add", "Sub") and not node.domain:
        return _limits_of_term(node, index)
    return None


def _is_wide_cast(node: ir.Node) -> bool:
    return node.op_type == "Cast" and node.outputs[0].dtype in WIDE


def _table_limits(node: ir.Node, several_axes: bool) -> Limits | None:
    shape, indices = static_shape(node.inputs[0]), static_shape(node.inputs[1])
    if not shape or indices is None:
        return None
    axis = int(attribute(node, "batch_dims" if several_axes else "axis", 0))
    if several_axes and indices[-1:] != (1,):
        return None
    size = shape[axis % len(shape)]
    return -size, size - 1


def _limits_of_term(node: ir.Node, index: int) -> Limits | None:
    """Return the limits of x in x + c, x - c; c is one constant integer."""
    other = array_of(node.inputs[1 - index])
    if other is None or other.size != 1 or (node.op_type == "Sub" and index == 1):
        return None
    limits = index_limits(node.outputs[0])
    if limits is None:
        return None
    shift = int(other.reshape(-1)[0]) * (1 if node.op_type == "Sub" else -1)
    return limits[0] + shift, limits[1] + shift
