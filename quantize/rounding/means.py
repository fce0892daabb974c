"""Biases that correct the effect of rounded weights on the mean of every output.

A row of rounded weights is off by some d, so its output is off by d x. If the inputs have means far from 0, as after
most activation functions, this error is mostly a constant, d E[x]. The bias subtracts it (Finkelstein et al., Fighting
Quantization Bias With Bias, 2019; Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2). The means are those
of the float network in the calibration, so this costs no extra run.
"""

from collections.abc import Collection, Mapping

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.operators.geometry import optional
from edgekit.operators.roles import RECURRENT, constant
from edgekit.operators.scheme import quantize_weights, weight_scales
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.rounding.fitted_weights import Fitted, FittedWeight
from edgekit.quantize.rounding.moments import Arrays, is_layer, layer_inputs, rows_of
from edgekit.quantize.types.weights import weight_inputs, weight_type


def with_means(
    model: Model, observers: Mapping[str, Observer], recipe: Recipe, names: Collection[str]
) -> Fitted:
    """Return weights of the named nodes with biases, rounded to nearest, and the addends of the biases."""
    fitted: Fitted = {}
    for node in model.ir.graph:
        if node.name not in names or not is_layer(node):
            continue
        means = _means(node, observers)
        for index in weight_inputs(node):
            if has_bias(node, index) and means is not None:
                dtype = weight_type(node, index, recipe)
                fitted[str(node.name), index] = _shift_rounding(node, index, means, dtype)
    return fitted


def _means(node: ir.Node, observers: Mapping[str, Observer]) -> Arrays | None:
    """Return the mean hop of a layer's operands, (1, *shape) each; None unless all are finite."""
    found: Arrays = {}
    for value in layer_inputs(node):
        observer = observers[str(value.name)]
        if observer.total is None or not np.isfinite(observer.total).all():
            return None
        found[str(value.name)] = (observer.total / observer.hops).astype(np.float32)[None]
    return found


def has_bias(node: ir.Node, index: int) -> bool:
    """Whether a bias can correct the rounding of a product: always in a cell, else if the layer has one.

    A layer with a scale per hop has none, and gets none.
    """
    if node.op_type in RECURRENT:
        return True
    bias_at = facts_of(node).bias
    return bias_at is not None and constant(optional(node, bias_at)) is not None


def _shift_rounding(node: ir.Node, index: int, means: Arrays, dtype: str) -> FittedWeight:
    weight = constant(node.inputs[index])
    assert weight is not None, node.name
    rows = weight[0] if node.op_type in RECURRENT else channel_rows(node, weight)
    scales = weight_scales(rows, dtype=dtype)
    q = quantize_weights(rows, scales, dtype)
    off = rows - scales.astype(np.float64).reshape(-1, *[1] * (rows.ndim - 1)) * q
    x = rows_of(node, index, means).astype(np.float64).mean(axis=1)
    shift = np.einsum("gok,gk->go", off.reshape(len(x), len(rows) // len(x), -1), x)
    return FittedWeight(q.astype(np.int8), scales, shift.ravel())
