"""The largest integer sums of a layer, for any input: from its own weights, biases and zero points."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.operators.geometry import ConvShape, dims
from edgekit.operators.scheme import SUM_LIMITS
from edgekit.operators.weight_layout import summed_rows

PRODUCT_BITS = 62  # of a sum and its multiplier
PARTS = {"": "w", "w_": "w", "r_": "r"}  # prefixes of bias and multiplier, and their weights
AXES = {"RingConv": -1, "RingFc": 1}  # of outputs, where it is not the first
HIGHEST = {"int8": 128, "int16": 32768}


def sums_of(node: ir.Node) -> dict[str, list[int]]:
    """Return [largest sum, largest that fits] of each product of a layer, by its weights; `a` for two tensors.

    The bound holds for sums in any order, of inputs with and without their zero point.

    Raises:
        ModelError: a sum, or its product with a multiplier, does not fit.
    """
    found = {}
    for name, reach, limit, mult in _products(node):
        bits = reach.bit_length() + int(np.abs(mult.astype(np.int64)).max(initial=0)).bit_length()
        if reach > limit or bits > PRODUCT_BITS:
            what = f"sums of {name} reach {reach}, their products {bits} bits"
            allowed = f"at most {limit} and {PRODUCT_BITS} bits"
            where = f"{node.op_type} {node.name!r}"
            raise ModelError(
                Problem(where, what, allowed, "use --recipe float32, or split the layer")
            )
        found[name] = [reach, limit]
    return found


def _products(node: ir.Node) -> Iterator[tuple[str, int, int, Array]]:
    """Yield the name, the largest sum, the limit and the multipliers of each product."""
    arrays = {
        name: np.asarray(attribute.as_tensor().numpy())
        for name, attribute in node.attributes.items()
        if attribute.type == ir.AttributeType.TENSOR
    }
    for prefix, name in PARTS.items():
        if {name, f"{prefix}bias", f"{prefix}mult"} <= {*arrays}:
            bias, mult = arrays[f"{prefix}bias"], arrays[f"{prefix}mult"]
            if not bias.size:  # a cell whose inputs are its sums
                continue
            dtype = "int8" if bias.dtype == np.int32 else "int16"
            rows = _rows(node, arrays[name], len(bias))
            bias = np.repeat(bias, len(rows) // len(bias))
            yield name, _reach(node, rows, bias, HIGHEST[dtype]), SUM_LIMITS[dtype], mult
    if {"a_zero", "b_zero", "mult"} <= {*node.attributes} and node.inputs[0] is not None:
        dtype = "int8" if node.inputs[0].dtype == ir.DataType.INT8 else "int16"
        spans = [HIGHEST[dtype] + abs(node.attributes[f"{side}_zero"].as_int()) for side in "ab"]
        count = dims(node.inputs[0])[-1]
        mult = np.array([node.attributes["mult"].as_int()])
        yield "a", count * spans[0] * spans[1], SUM_LIMITS[dtype], mult


def _rows(node: ir.Node, w: Array, outputs: int) -> Array:
    """The weights of each sum of an output, as int64: of a transposed convolution several sums."""
    wide = w.astype(np.int64)
    if node.op_type == "ConvTranspose":  # (inputs, outputs of a group, taps)
        groups, shape = (
            outputs // w.shape[1],
            ConvShape.of(list(node.attributes["shape"].as_ints())),
        )
        split = wide.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
        rows = split.reshape(outputs, *split.shape[2:])
        strides, dilations = (shape.stride_h, shape.stride_w), (shape.dil_h, shape.dil_w)
        rows = summed_rows(rows, strides[4 - w.ndim :], dilations[4 - w.ndim :])
        return rows.reshape(len(rows), -1)
    axis = AXES.get(node.op_type, 0)
    return np.moveaxis(wide, axis, 0).reshape(outputs, -1)


def _reach(node: ir.Node, rows: Array, bias: Array, highest: int) -> int:
    """The largest sum of an output with its bias, of inputs as they are and without their zero point."""
    zero = node.attributes["x_zero"].as_int() if "x_zero" in node.attributes else 0
    sizes, wide = np.abs(rows).sum(1), bias.astype(np.int64)
    whole = sizes * highest + np.abs(wide - zero * rows.sum(1))
    apart = sizes * (highest + abs(zero)) + np.abs(wide)
    return int(np.maximum(whole, apart).max(initial=0))
