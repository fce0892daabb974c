"""Networks whose weights are fitted, and how much noise their integers add."""

import numpy as np
from builds import noise

from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.rounding.rounding import ROUNDINGS

FITTED = sorted(set(ROUNDINGS) - {"nearest"})


def output_parts(model: Model, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights (output channel, ...) and bias of a layer."""
    from edgekit.operators.weight_layout import channel_rows

    node = next(n for n in model.ir.graph if n.name == name)
    rows = channel_rows(node, node.inputs[1].const_value.numpy()).astype(np.float64)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    bias = np.ravel(node.inputs[2].const_value.numpy()) if has_bias else np.zeros(1)
    return rows, np.broadcast_to(bias, (len(rows),))


def calibration(model: Model) -> Calibration:
    return Calibration((correlated(model, 1), correlated(model, 2)), "noise")


def correlated(model: Model, seed: int) -> dict[str, np.ndarray]:
    """Smooth noise: neighbours of the last axis depend on each other, and the mean is not 0."""
    return {
        name: (np.cumsum(array, -1) / 3 + 0.5).astype(np.float32)
        for name, array in noise(model, 60, seed=seed).items()
    }
