"""Casts of floats that do not fit in their integer type, found in the values that a network computes."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem
from edgekit.export.hop_runner import run_hops
from edgekit.export.passes.checks import WHOLE, beyond
from edgekit.graph.model import Model


def undefined_casts(model: Model, samples: Mapping[str, Array]) -> list[Problem]:
    """Return every Cast whose operand, over these samples, leaves the range of its integer type.

    Args:
        model: the network.
        samples: as for `run_hops`.
    """
    casts = {
        str(node.inputs[0].name): node
        for node in model.ir.graph
        if node.op_type == "Cast" and not node.domain and node.inputs[0] is not None
        if node.inputs[0].dtype == ir.DataType.FLOAT and node.outputs[0].dtype in WHOLE
    }
    if not casts:
        return []
    seen = run_hops(model, samples, [*casts])
    step = "put a Clip in front of it, or give a calibration whose values stay inside"
    return [
        Problem(f"Cast '{node.name}'", *found, step)
        for name, node in casts.items()
        if (found := beyond(node.outputs[0].dtype, seen[name])) is not None
    ]
