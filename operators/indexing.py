"""Data movement along indices, on any type; on element numbers it shows where each element goes."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators import movement
from edgekit.operators.geometry import dims
from edgekit.operators.operator import Operator, integer


def gather(node: ir.Node, x: list[Array]) -> list[Array]:
    """Slices of one axis; negative indices count from the end."""
    axis = integer(node, "axis", 0)
    return [np.take(x[0], x[1], axis=axis, mode="wrap")]


def gather_elements(node: ir.Node, x: list[Array]) -> list[Array]:
    """Select one index per result along one axis; negative ones count from the end."""
    axis = integer(node, "axis", 0)
    wrapped = x[1] % x[0].shape[axis]
    return [np.take_along_axis(_crop_to_indices(x[0], x[1].shape, axis), wrapped, axis=axis)]


def _crop_to_indices(data: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return the leading part of `data` that has the indices' shape, except on the axis they choose from."""
    ends = [
        slice(None) if i == axis % data.ndim else slice(extent) for i, extent in enumerate(shape)
    ]
    return data[tuple(ends)]


def gather_nd(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return parts of the data at index tuples, after shared batch axes; negative indices count from the end."""
    data, indices = x
    batch = integer(node, "batch_dims", 0)
    lead = int(np.prod(data.shape[:batch], dtype=np.int64))
    rows = data.reshape(lead, *data.shape[batch:])
    sizes = rows.shape[1 : 1 + indices.shape[-1]]
    tuples = indices.reshape(lead, -1, indices.shape[-1]) % np.array(sizes, indices.dtype)
    number = np.arange(lead)[:, None]
    return [rows[(number, *np.moveaxis(tuples, -1, 0))].reshape(dims(node.outputs[0]))]


def scatter_nd(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the data with parts at index tuples replaced by, or combined with, updates."""
    data, indices, updates = x
    return [_scatter_updates(node, data, tuple(np.moveaxis(indices, -1, 0)), updates)]


def scatter_elements(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the data with one element per index along one axis replaced by, or combined with, an update."""
    data, indices, updates = x
    places: list[Array] = list(np.indices(indices.shape))
    places[integer(node, "axis", 0)] = indices
    return [_scatter_updates(node, data, tuple(places), updates)]


COMBINE: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


def reduction(node: ir.Node) -> str:
    """Return how a scatter node combines: ``none``, or a key of `COMBINE`."""
    attribute = node.attributes.get("reduction")
    return "none" if attribute is None else attribute.as_string()


def _scatter_updates(
    node: ir.Node, data: Array, places: tuple[Array, ...], updates: Array
) -> Array:
    """Apply updates in their order: later ones read the results of earlier ones."""
    result = np.array(data)
    if reduction(node) == "none":
        result[places] = updates
        return result
    with np.errstate(all="ignore"):
        COMBINE[reduction(node)].at(result, places, updates)  # type: ignore[attr-defined]
    return result


def tile(node: ir.Node, x: list[Array]) -> list[Array]:
    """Repeated copies along every axis."""
    return [np.tile(x[0], np.ravel(x[1]))]


def depth_to_space(node: ir.Node, x: list[Array]) -> list[Array]:
    """Blocks of channels become squares of pixels."""
    block = integer(node, "blocksize")
    n, c, h, w = x[0].shape
    mode = node.attributes.get("mode")
    if mode is not None and mode.as_string() == "CRD":
        blocks = x[0].reshape(n, c // block**2, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = x[0].reshape(n, block, block, c // block**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return [blocks.reshape(n, c // block**2, h * block, w * block)]


def space_to_depth(node: ir.Node, x: list[Array]) -> list[Array]:
    """Squares of pixels become blocks of channels."""
    block = integer(node, "blocksize")
    n, c, h, w = x[0].shape
    blocks = x[0].reshape(n, c, h // block, block, w // block, block)
    return [blocks.transpose(0, 3, 5, 1, 2, 4).reshape(n, c * block**2, h // block, w // block)]


def reverse_sequence(node: ir.Node, x: list[Array]) -> list[Array]:
    """Reverse the leading part of each sequence, and keep the rest."""
    time, batch = integer(node, "time_axis", 0), integer(node, "batch_axis", 1)
    data = np.moveaxis(x[0], (batch, time), (0, 1))
    rows = []
    for row, length in zip(data, np.ravel(x[1]).tolist(), strict=True):
        rows.append(np.concatenate([row[:length][::-1], row[length:]]))
    return [np.moveaxis(np.stack(rows), (0, 1), (batch, time))]


def pad(node: ir.Node, x: list[Array]) -> list[Array]:
    """Padding with a constant, or with the data: mode edge, reflect or wrap; negative pads crop."""
    mode, result = pad_mode(node), x[0]
    if mode == "constant":
        return movement.pad(node, x)
    for axis, (low, high) in enumerate(movement.pad_widths(x, x[0].ndim)):
        count = x[0].shape[axis]
        positions = np.arange(-low, count + high)
        if mode == "wrap":
            positions = positions % count
        elif mode == "reflect":
            period = max(2 * (count - 1), 1)
            positions = positions % period
            positions = np.minimum(positions, period - positions)
        result = np.take(result, np.clip(positions, 0, count - 1), axis=axis)
    return [result]


def pad_mode(node: ir.Node) -> str:
    """Return the mode of a Pad node: the source of its new elements."""
    mode = node.attributes.get("mode")
    return "constant" if mode is None else mode.as_string()


def trilu(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the upper or lower triangle of matrices, zero elsewhere."""
    k = 0 if len(x) < 2 or x[1] is None else int(np.ravel(x[1])[0])
    return [np.triu(x[0], k) if integer(node, "upper", 1) else np.tril(x[0], k)]


def center_crop_pad(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the middle of the data, or the data in the middle of zeros."""
    shape, rank = dims(node.outputs[0]), x[0].ndim
    result = np.zeros(shape, x[0].dtype)
    parts = [_middles(x[0].shape[axis], shape[axis]) for axis in range(rank)]
    result[tuple(to for _, to in parts)] = x[0][tuple(source for source, _ in parts)]
    return [result]


def _middles(have: int, want: int) -> tuple[slice, slice]:
    first = abs(have - want) // 2
    if have >= want:
        return slice(first, first + want), slice(want)
    return slice(have), slice(first, first + have)


BY_INDEX: dict[str, Operator] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Tile": tile,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "ReverseSequence": reverse_sequence,
    "Trilu": trilu,
    "CenterCropPad": center_crop_pad,
}
SCATTERS: dict[str, Operator] = {"ScatterND": scatter_nd, "ScatterElements": scatter_elements}


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Pad"): pad,
    **{("", name): form for name, form in BY_INDEX.items()},
    **{("", name): form for name, form in SCATTERS.items()},
}
