"""The note on a network of a fixed batch: each call computes several items, and a build does so too."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.layout import Layout
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

NEAR = 1e-5  # of the peak: a library may add the terms of one item in another order


def with_batch_note(network: Model, declared: Mapping[str, Layout]) -> Model:
    """Return the network with a note where a call computes several items that do not depend on each other.

    A layout, of the network or declared apart, may say that the first axis holds channels.

    Two calls of a network of several items show it, which differ in the first item of each input.
    """
    count, layouts = _batch(network), {**network.layouts, **declared}
    if count is None or _has_channels_first(layouts) or not _has_items_apart(network):
        return network
    advice = "" if layouts else _advice_for_channels(network)
    note = (
        f"a call takes {count} items at a time, along the first axis of each input, and computes each by itself; "
        f"for one at a time export the network with a first axis of 1{advice}"
    )
    return network.describe(notes=[*network.notes, note])


def _has_channels_first(layouts: Mapping[str, Layout]) -> bool:
    """Whether a declared layout says that the first axis is no batch."""
    return any(layout.axes[:1] not in ((), ("N",)) for layout in layouts.values())


def _advice_for_channels(network: Model) -> str:
    """Return the option that declares the items as channels."""
    name = str(network.stream_inputs[0].name)
    rest = len(static_shape(network.stream_inputs[0]) or ()) - 1
    time = network.timing.get(name)
    letters = ["C", *"." * rest]
    if time is not None:
        letters[time.axis] = "T"
    return f", or declare that they are channels, as in --layout {name}={''.join(letters)}"


def _batch(network: Model) -> int | None:
    """Return the size that the first axis of all streams has; None where they differ, or have no axis like that."""
    if any(value.dtype != ir.DataType.FLOAT for value in network.given_inputs):
        return None
    if any(time.axis == 0 for time in network.timing.values()):
        return None
    streams = (*network.stream_inputs, *network.stream_outputs)
    first = {_first_size(static_shape(value) or ()) for value in streams}
    return first.pop() if len(first) == 1 and first != {1} else None


def _first_size(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) > 1 else 1


def _has_items_apart(network: Model) -> bool:
    """Whether another first item of the inputs changes the first item of the outputs, and no other."""
    random = np.random.default_rng(0)
    inputs = {str(v.name): _draw(v, network, random) for v in network.given_inputs}
    changed = {name: array.copy() for name, array in inputs.items()}
    for value in network.stream_inputs:
        changed[str(value.name)][:, 0] *= -0.5
    plain, other = run_hops(network, inputs), run_hops(network, changed)
    names = [str(value.name) for value in network.stream_outputs]
    return all(_differs_in_first(plain[name], other[name]) for name in names)


def _draw(value: ir.Value, network: Model, random: np.random.Generator) -> Array:
    shape = static_shape(value) or ()
    size = shape if value.name in network.constants else (1, *shape)
    return random.standard_normal(size).astype(np.float32)


def _differs_in_first(plain: Array, other: Array) -> bool:
    if not (np.isfinite(plain).all() and np.isfinite(other).all()):
        return False
    limit = NEAR * float(np.abs(plain).max(initial=0))
    distance = np.abs(other.astype(np.float64) - plain)
    return bool(distance[:, 1:].max(initial=0) <= limit < distance[:, 0].max(initial=0))
