"""Carry whole windows instead of states that are parts of them.

A streaming convolution joins past frames (a state) with new ones into a window, and the last frames of the
window are the next state: two copies of nearly the same. When the window itself is carried, it only
shifts, in place, and takes in the new frames.
"""

from typing import Protocol

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model, StatePair
from edgekit.graph.nodes import unused_name, value_names
from edgekit.targets.c.rewrite.shared_storage import Numbers, can_shift


class MovementFacts(Protocol):
    """The facts of a graph's movement: see `edgekit.targets.c.rewrite.moves`."""

    first: dict[ir.Value, int]
    numbers: dict[ir.Value, Numbers]
    read: set[ir.Value]
    composed: set[ir.Value]

    def number(self, value: ir.Value) -> Numbers: ...  # noqa: D102
    def expanded(self, value: ir.Value) -> Numbers: ...  # noqa: D102
    def readers(self, origin: ir.Value) -> list[ir.Value]: ...  # noqa: D102


def carry_windows(graph: ir.Graph, model: Model, moved: MovementFacts) -> list[StatePair]:
    """Replace states by windows, in the graph and in `moved`; return the new pairs.

    A state is replaced where only windows read it. Each of them must find all elements that it needs of the state in
    its own values of one hop ago, and then shifts in place.
    """
    inputs = {str(value.name): value for value in graph.inputs}
    outputs = {str(value.name): value for value in graph.outputs}
    pairs: list[StatePair] = []
    for pair in model.states:
        old, new = inputs[pair.input], outputs[pair.output]
        windows = {} if pair.input == model.end_state else _windows(old, new, moved)
        pairs += _carry_windows(graph, old, new, windows, moved) if windows else [pair]
    return pairs


def _windows(old: ir.Value, new: ir.Value, moved: MovementFacts) -> dict[ir.Value, Numbers]:
    """Return for each window the places, one hop ago in the window, of its elements of the state."""
    moved_only = all(v in moved.numbers for user in old.uses() for v in user.node.outputs)
    if old not in moved.first or new not in moved.numbers or new.uses() or not moved_only:
        return {}
    found = {}
    for window in moved.readers(old):
        if window is not new:
            before = _places_before(window, old, moved.expanded(new), moved)
            if before is None:
                return {}
            found[window] = before
    return found


def _places_before(
    window: ir.Value, old: ir.Value, origins: Numbers, moved: MovementFacts
) -> Numbers | None:
    """Return where a window held its state elements a hop ago; None if it lacked some, or cannot shift."""
    places = np.flatnonzero(np.isin(moved.numbers[window], moved.number(old)))
    wanted = origins[moved.numbers[window].ravel()[places] - moved.first[old]]
    own = moved.expanded(window)
    order = np.argsort(own, kind="stable")
    before = order[np.searchsorted(own[order], wanted).clip(max=own.size - 1)]
    known = wanted.all() and (own[before] == wanted).all()
    return before if known and not window.is_graph_output() and can_shift(before, places) else None


def _carry_windows(
    graph: ir.Graph,
    old: ir.Value,
    new: ir.Value,
    windows: dict[ir.Value, Numbers],
    moved: MovementFacts,
) -> list[StatePair]:
    pairs = []
    for window, before in windows.items():
        name = unused_name(value_names(graph), f"{window.name}_before")
        past = ir.Value(name=name, shape=window.shape, type=window.type)
        past.metadata_props.update(window.metadata_props)
        numbers = moved.number(past)
        flat = moved.numbers[window].ravel().copy()
        flat[np.isin(flat, moved.number(old))] = numbers[before]
        moved.numbers[window] = flat.reshape(moved.numbers[window].shape)
        moved.composed.add(window)
        graph.inputs.append(past)
        graph.outputs.append(window)
        pairs.append(StatePair(name, str(window.name)))
    moved.read.discard(new)
    graph.outputs.remove(new)
    graph.inputs.remove(old)
    return pairs
