"""Hops of a stream, cut from arrays of many."""

from collections.abc import Mapping
from typing import Any

from edgekit.base.json_values import JsonObject
from edgekit.graph.model import Model


def of_hop(model: Model, inputs: Mapping[str, Any], hop: int) -> JsonObject:
    """Return one hop of the stream inputs (hops, *shape), and the session constants (*shape) as they are."""
    constants = set(model.constants)
    return {name: array if name in constants else array[hop] for name, array in inputs.items()}
