"""Fits integer weights layer by layer, so that each layer has the outputs of the float network.

The order is that of the graph. A layer's inputs are those of the network quantized so far, with all earlier fits; its
target is the float network's output. Layers that do not depend on each other are fitted together. Nothing is random.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.sparsity import zeros_to_keep
from edgekit.operators.roles import RECURRENT, constant
from edgekit.operators.scheme import WEIGHT_LIMITS, quantize_weights, weight_scales
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.rounding.fitted_weights import Fitted, FittedWeight
from edgekit.quantize.rounding.moments import Moments, gather, is_layer
from edgekit.quantize.rounding.rounding import (
    F64,
    PULL,
    ROUNDINGS,
    Layer,
    Mask,
    best_weights,
    with_gain,
)
from edgekit.quantize.types.weights import weight_inputs, weight_type

SILENT = 1e-9  # of the power of the loudest channel: there is nothing to drown
Progress = Callable[[int, int], None]  # layers done, layers in all


def reconstruct(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    names: Collection[str],
    quantized: Callable[[Fitted], Model],
    progress: Progress,
) -> Fitted:
    """Return fitted weights for the layers among the named nodes.

    Args:
        model: the float network.
        calibration: data on which the layers are fitted.
        recipe: its weights, rounding and bias correction count.
        names: names of the nodes that run in integers.
        quantized: makes the quantized network from the fits so far.
        progress: called with the number of finished layers.
    """
    # Correcting earlier errors shrinks noisy outputs: noise averages out along a trajectory, shrinking adds up.
    pull = PULL if model.sampler is None else np.inf
    fitted: Fitted = {}
    levels = _levels(model.ir.graph, names)
    total, done = sum(map(len, levels)), 0
    progress(done, total)
    for nodes in levels:
        found = gather(quantized(fitted), model, [str(n.name) for n in nodes], calibration)
        for node in nodes:
            for index in weight_inputs(node):
                key = (str(node.name), index)
                fitted[key] = fit_layer(node, index, found[key], recipe, pull)
            done += 1
            progress(done, total)
    return fitted


def _levels(graph: ir.Graph, names: Collection[str]) -> list[list[ir.Node]]:
    """Return the layers, by the number of layers in the longest chain before them."""
    depth: dict[ir.Value, int] = {}
    levels: dict[int, list[ir.Node]] = {}
    for node in graph:
        own = max((depth.get(value, 0) for value in node.inputs if value is not None), default=0)
        if node.name in names and is_layer(node):
            levels.setdefault(own, []).append(node)
            own += 1
        depth.update(dict.fromkeys(node.outputs, own))
    return [levels[level] for level in sorted(levels)]


def fit_layer(
    node: ir.Node, index: int, moments: Moments, recipe: Recipe, pull: float
) -> FittedWeight:
    """Return the integers of one weight, from the moments of its operands; `pull` as in `best_weights`."""
    weight, dtype = constant(node.inputs[index]), weight_type(node, index, recipe)
    assert weight is not None
    rows = weight[0] if node.op_type in RECURRENT else channel_rows(node, weight)
    used = moments.centred() if recipe.bias_correction else moments
    groups = len(used.own)
    flat = rows.reshape(groups, len(rows) // groups, -1).astype(np.float64)
    sparse = zeros_to_keep(rows) if recipe.sparse else None
    zeros = [None] * groups if sparse is None else sparse.reshape(flat.shape)
    q, scales = np.zeros(flat.shape), np.zeros(flat.shape[:2])
    for group in range(groups):
        if recipe.rounding == "nearest":
            nearest = weight_scales(flat[group], dtype=dtype)
            q[group], scales[group] = quantize_weights(flat[group], nearest, dtype), nearest
        else:
            fit = _ChannelGroupRounding(
                flat[group], used.own[group], used.cross[group], used.real[group]
            )
            q[group], scales[group] = fit.round(zeros[group], dtype, recipe.rounding, pull)
    shift = None
    if recipe.bias_correction:
        x, real = moments.means / max(moments.count, 1)
        wanted = np.einsum("gok,gk->go", flat, real)
        shift = (wanted - scales * np.einsum("gok,gk->go", q, x)).ravel()
    noise = float(
        np.mean(_power(scales[..., None] * q - flat, used.real) / _power(flat, used.real))
    )
    whole = q.reshape(rows.shape).astype(np.int8)
    return FittedWeight(whole, scales.ravel().astype(np.float32), shift, noise)


@dataclass(frozen=True)
class _ChannelGroupRounding:
    """Rows of a group of channels, and the moments of their operands, as in `Moments`."""

    rows: F64
    own: F64
    cross: F64
    real: F64

    def round(self, zeros: Mask | None, dtype: str, rounding: str, pull: float) -> tuple[F64, F64]:
        """Return the integers and the scales of the rows; `zeros` stay zero."""
        target, damped = best_weights(self.rows, self.own, self.cross, pull, zeros)
        layer = Layer(target, damped, WEIGHT_LIMITS[dtype], np.zeros(len(target)), zeros)
        q, scales = ROUNDINGS[rounding](layer)
        if np.isinf(pull):
            scales = with_gain(self.rows, q, scales, self.cross, self.real)
        return q, scales


def _power(rows: F64, moments: F64) -> F64:
    """Return each row's power on inputs, (groups, outputs), at least `SILENT` of the peak.

    Rows are (groups, outputs, inputs).
    """
    found: F64 = np.sum(rows @ moments * rows, axis=-1)
    return np.maximum(found, max(SILENT * float(found.max(initial=0.0)), 1e-30))
