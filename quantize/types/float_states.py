"""States that float operators compute, kept in 16 bits between hops."""

from collections.abc import Callable, Collection, Mapping

import onnx_ir as ir

from edgekit.graph.model import ROUNDABLE, Model
from edgekit.operators.scheme import QuantType, activation_type
from edgekit.quantize.calibrate.observers import Observer, minmax_range
from edgekit.quantize.types.choose import INT16_HEADROOM

Pair = Callable[[ir.Value, QuantType, str], ir.Value]


def store_states(
    model: Model, integers: Collection[str], observers: Mapping[str, Observer], pair_of: Pair
) -> None:
    """Round the states that allow it, in place: a hop reads the stored state, and its new state is rounded.

    Args:
        model: with all its other pairs of Q and DQ.
        integers: names of tensors that integer operators have.
        observers: the observations of each tensor.
        pair_of: appends a pair of Q and DQ and returns its result, with the given name.
    """
    graph = model.ir.graph
    inputs = {str(value.name): value for value in graph.inputs}
    for pair in model.states:
        state = inputs[pair.input]
        if ROUNDABLE not in state.metadata_props or pair.input in integers:
            continue
        kind = state_type(observers[pair.input])
        users = list(state.uses())
        real = pair_of(state, kind, f"{state.name}_dq")
        for user in users:
            user.node.replace_input_with(user.idx, real)
        (place,) = [n for n, value in enumerate(graph.outputs) if value.name == pair.output]
        after = graph.outputs[place]
        stored = pair_of(after, kind, f"{after.name}_dq")
        after.name, stored.name = f"{pair.output}_raw", pair.output
        graph.outputs[place] = stored
    graph.sort()


def state_type(observer: Observer) -> QuantType:
    """Return the type of a state: up to `INT16_HEADROOM` times the largest observed value, then it saturates."""
    low, high = minmax_range(observer)
    return activation_type("int16", INT16_HEADROOM * low, INT16_HEADROOM * high)
