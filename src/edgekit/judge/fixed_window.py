"""Compare the hops of a fixed window with the whole window, by `edgekit.export.stream.fixed_window`."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, VerificationError
from edgekit.export.hop_runner import Arrays, run_hops
from edgekit.export.random_inputs import draw
from edgekit.export.verify import compare
from edgekit.graph.model import SOURCE_RECIPE, Model
from edgekit.graph.nodes import array_of, static_shape
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.targets.macs import node_macs

WINDOWS = 24  # that are compared, less of networks of many products
MOST_PRODUCTS = 2e8  # in all of them, so that a large network is compared in seconds


def prove_window(window: Model, stream: Model, axes: Mapping[str, int]) -> str:
    """Compare hops with whole windows on random inputs, and return a sentence on them.

    Args:
        window: the network of the window.
        stream: the same, as `stream_window` returns it.
        axes: input name -> its time axis, from the front or the back.

    Raises:
        VerificationError: an integer of an output differs, or a float by more than 1e-5 of the peak.
    """
    hop = stream.stream.hop_samples or 1
    shapes = {str(value.name): static_shape(value) or () for value in window.stream_inputs}
    size = next(shapes[name][axis] for name, axis in axes.items())
    full = -(-size // hop)  # hops until the window is full
    products = [_products(model) for model in (stream, window)]
    count = int(np.clip(MOST_PRODUCTS // max(products[1], 1), 2, WINDOWS))
    hops = {str(value.name): _draw(value, full + count) for value in stream.stream_inputs}
    windows = {name: _windows(array, axes.get(name), full, size) for name, array in hops.items()}
    values, equal = _compare(window, stream, windows, hops, full)
    return (
        f"{hop} of {size} frames in a hop: {values} of {values} values over {count} windows are {equal}, "
        f"with {products[0]} of {products[1]} products; outputs have a meaning from hop {full} on, "
        "when the window is full"
    )


def _compare(
    window: Model, stream: Model, windows: Arrays, hops: Arrays, full: int
) -> tuple[int, str]:
    """Return the number of values that were compared, and how equal they are."""
    integers = window.quantization.recipe == SOURCE_RECIPE
    found = {name: array[full:] for name, array in _outputs(stream, hops, integers).items()}
    expected = _outputs(window, windows, integers)
    if integers:
        _check_integers(found, expected)
    else:
        compare(expected, found, what="the network of one hop")
    values = sum(array.size for array in expected.values())
    return values, "equal" if integers else "equal to 1e-5 of the peak"


def _draw(value: ir.Value, hops: int) -> Array:
    """Return random inputs, over the range of the integers that a quantizer makes of them."""
    random = np.random.default_rng(0)
    users = [use.node for use in value.uses() if use.node.op_type == "QuantizeLinear"]
    grid = [array_of(parameter) for parameter in users[0].inputs[1:]] if users else []
    if len(grid) != 2 or grid[0] is None or grid[1] is None or grid[0].size != 1:
        return draw(value, random, hops, 1)
    limits = np.iinfo(grid[1].dtype)
    shape = (hops, *(static_shape(value) or ()))
    levels = random.integers(limits.min, limits.max, shape, endpoint=True)
    return np.asarray((levels - int(grid[1])) * float(grid[0]), np.float32)


def _products(model: Model) -> int:
    return sum(node_macs(to_integer(model)).values())


def _check_integers(found: Arrays, expected: Arrays) -> None:
    problems = [
        Problem(
            f"output '{name}'",
            f"{int((found[name] != array).sum())} of {array.size} values differ",
            "those of the whole window",
            "leave out --time-axis: every call then computes the whole window",
        )
        for name, array in expected.items()
        if not np.array_equal(found[name], array)
    ]
    if problems:
        raise VerificationError(problems)


def _windows(array: Array, axis: int | None, first: int, size: int) -> Array:
    """Return the windows that end with each hop from `first` on, of hops (hops, *shape)."""
    if axis is None:
        return array[first:]
    frames = np.concatenate(list(array), axis=axis)
    hop = array.shape[1:][axis]
    ends = range((first + 1) * hop, frames.shape[axis] + 1, hop)
    return np.stack([np.take(frames, range(end - size, end), axis=axis) for end in ends])


def _outputs(model: Model, inputs: Arrays, integers: bool) -> Arrays:
    return dict(Oracle(model).run_hops(inputs)) if integers else run_hops(model, inputs)
