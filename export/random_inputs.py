"""Random inputs of a network: of its types, and for integers within its limits."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import Arrays
from edgekit.graph.integer_ranges import value_ranges
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, optional, static_shape

# Largest value of integer inputs with unknown range: arithmetic, an index, an index into one value.
INTEGER_LIMITS = (9, 1, 0)
Ranges = Mapping[str, tuple[int, int]]


def draw(
    value: ir.Value,
    generator: np.random.Generator,
    count: int,
    highest: int,
    lowest: int | None = None,
) -> Array:
    """Return random arrays for a stream input, (count, *shape) of its type.

    Floats are standard normal, truth values are fair. Integers go up to `highest`: from 1, or from 0 if it is below 2,
    so that they are valid indices. With `lowest` floats too are whole numbers from there on.
    """
    assert value.dtype is not None
    shape = (count, *(static_shape(value) or ()))
    if value.dtype == ir.DataType.FLOAT and lowest is None:
        return generator.normal(size=shape).astype(np.float32)
    low, high = int(highest > 1) if lowest is None else lowest, highest
    if value.dtype == ir.DataType.BOOL:
        low, high = 0, 1
    return generator.integers(low, high, shape, endpoint=True).astype(value.dtype.numpy())


def input_ranges(
    reference: Callable[[Arrays], Arrays], model: Model, examples: Mapping[str, Array] | None
) -> Ranges:
    """Return the ranges of graph and examples; for other integers the largest of `INTEGER_LIMITS` that works.

    The source runs with every element at the limit, so that the answer does not depend on a random draw.
    """
    ranges = value_ranges(model, examples)
    integers = {
        str(value.name): value
        for value in model.ir.graph.inputs
        if value.dtype not in (ir.DataType.FLOAT, ir.DataType.BOOL) and value.name not in ranges
    }
    if not integers:
        return ranges
    for highest in INTEGER_LIMITS:
        untold = dict.fromkeys(integers, (int(highest > 1), highest))
        feed = random_feed(model, 0, model.ir.graph.inputs, ranges | untold)
        for name in integers:
            feed[name] = np.full_like(feed[name], highest)
        try:
            reference(feed)
            break
        except ModelError:
            continue
    return ranges | untold


def call_inputs(
    reference: Callable[[Arrays], Arrays], model: Model, seed: int, ranges: Ranges
) -> tuple[Arrays, Arrays]:
    """Return random inputs of a call, positive if the source returns numbers only then, as for a variance.

    The second value is its outputs.
    """
    drawn = random_feed(model, seed, model.ir.graph.inputs, ranges)
    states = {pair.input for pair in model.states}
    first = None
    for positive in (set[str](), states, {*drawn}):
        feed = {name: np.abs(a) if name in positive else a for name, a in drawn.items()}
        answer = reference(feed)
        if all(np.isfinite(array).all() for array in answer.values()):
            return feed, answer
        first = first or answer
    assert first is not None
    return drawn, first


def random_feed(model: Model, seed: int, values: Sequence[ir.Value], ranges: Ranges) -> Arrays:
    """Return random arrays of some inputs by name.

    Float states are uniform from -1 to 1, inputs that are quantized at once over what their integers hold, others as
    `draw` makes them.
    """
    generator = np.random.default_rng(seed)
    states = {pair.input for pair in model.states}
    feed = {}
    for value in values:
        bounds = quantized_range(value)
        is_state = value.name in states and value.dtype == ir.DataType.FLOAT
        if is_state or bounds is not None:
            low, high = bounds or (-1.0, 1.0)
            array = generator.uniform(low, high, static_shape(value) or ()).astype(np.float32)
        else:
            least, most = ranges.get(str(value.name), (None, INTEGER_LIMITS[0]))
            array = draw(value, generator, 1, most, least)[0]
        feed[str(value.name)] = np.asarray(array)
    return feed


def quantized_range(value: ir.Value) -> tuple[float, float] | None:
    """Return the least and the largest real value that the only quantizer of an input keeps; None without one."""
    readers = [node for node, _ in value.uses()]
    if len(readers) != 1 or readers[0].op_type != "QuantizeLinear":
        return None
    scale, zero = array_of(readers[0].inputs[1]), array_of(optional(readers[0], 2))
    if scale is None or scale.size != 1 or zero is None or zero.dtype.kind not in "iu":
        return None
    limits = np.iinfo(zero.dtype)
    low, high = (
        (limit - int(zero.item())) * float(scale.item()) for limit in (limits.min, limits.max)
    )
    return low, high
