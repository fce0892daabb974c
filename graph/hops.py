"""Hops of a stream: cut from arrays of many, and the states between them."""

from collections.abc import Mapping
from typing import Any

import onnx_ir as ir

from edgekit.base.json_values import JsonObject
from edgekit.graph.model import Model


def of_hop(model: Model, inputs: Mapping[str, Any], hop: int) -> JsonObject:
    """Return one hop of the stream inputs (hops, *shape), and the session constants (*shape) unchanged."""
    constants = set(model.constants)
    return {name: array if name in constants else array[hop] for name, array in inputs.items()}


def state_values(model: Model) -> list[tuple[ir.Value, ir.Value]]:
    """Return the input and the output of each state."""
    inputs = {value.name: value for value in model.ir.graph.inputs}
    outputs = {value.name: value for value in model.ir.graph.outputs}
    return [(inputs[pair.input], outputs[pair.output]) for pair in model.states]
