"""Data movement: on floats, truth values and integers alike."""

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import dims
from edgekit.operators.indexing import SCATTERS, pad_mode, reduction
from edgekit.operators.indexing import pad as pad_by_index
from edgekit.operators.movement import pad_widths
from edgekit.operators.operator import Operator
from edgekit.operators.resize.taps import resize_taps
from edgekit.operators.roles import constant
from edgekit.operators.table import OPERATORS
from edgekit.targets.litert.emit.base import expand_rank, leader, requantize_operand
from edgekit.targets.litert.emit.conv import pad
from edgekit.targets.litert.file import options
from edgekit.targets.litert.node_emission import Item, LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import UNIT, Order, natural, stored_shape, transpose_order


def is_move(w: NodeEmission, node: ir.Node) -> bool:
    """Whether all its results are of one type, so that integers fit."""
    kinds = {
        w.frame_kind(node, i) for i, v in enumerate(node.outputs) if v.uses() or v.is_graph_output()
    }
    return len(kinds) == 1


def reshape(w: NodeEmission, node: ir.Node) -> None:
    """The same memory under another shape; free where only axes of extent 1 come and go."""
    item = w.item(node.inputs[0])
    w.alias(item, reshape_tensors(w, item, dims(node.outputs[0])))


def reshape_tensors(w: NodeEmission, item: Item, shape: tuple[int, ...]) -> dict[Order, int]:
    """The tensors that hold a value under another shape of as many elements."""
    if item.array is None:
        for order, number in item.tensors.items():
            found = _renamed_order(order, item.shape, shape)
            if found is not None:
                if item.source is not None:
                    w.request(item.source, order)
                return {found: number}
    return {natural(len(shape)): w.reshaped(w.flat(item), shape)}


def _renamed_order(order: Order, old: tuple[int, ...], new: tuple[int, ...]) -> Order | None:
    """The order under the new shape, where both differ by axes of extent 1 only and the tensor has room."""
    long_old, long_new = _long_axes(old), _long_axes(new)
    if [old[a] for a in long_old] != [new[a] for a in long_new]:
        return None
    names = dict(zip(long_old, long_new, strict=True))
    units = [axis for axis, size in enumerate(new) if size == 1]
    found = []
    for axis in order:
        if axis in names:
            found.append(names[axis])
        else:
            found.append(units.pop(0) if units else UNIT)
    return None if units else tuple(found)


def _long_axes(shape: tuple[int, ...]) -> list[int]:
    return [axis for axis, size in enumerate(shape) if size > 1]


def transpose(w: NodeEmission, node: ir.Node) -> None:
    """Rename the axes; nothing is moved."""
    item = w.item(node.inputs[0])
    rank = len(item.shape)
    perm = [int(p) for p in attribute(node, "perm", None) or range(rank)[::-1]]
    if not item.tensors:
        w.tensor(item, natural(rank))
    w.alias(item, {transpose_order(order, perm): number for order, number in item.tensors.items()})


def slices(w: NodeEmission, node: ir.Node) -> None:
    """SLICE or STRIDED_SLICE; backward ones go by index."""
    starts, ends, axes, steps = (
        None if v is None else constant(v) for v in (*node.inputs[1:], None, None)[:4]
    )
    if starts is None or ends is None:
        raise LiteRTRefused("computed bounds", "constants")
    item = requantize_operand(w, node.inputs[0])
    order, rank = item.order, len(item.shape)
    named = (
        range(len(np.ravel(starts))) if axes is None else [int(a) % rank for a in np.ravel(axes)]
    )
    step_of = np.ones(len(list(named)), np.int64) if steps is None else np.ravel(steps)
    if (step_of < 0).any():
        by_index(w, node)
        return
    bounds = {
        a: slice(int(s), int(e), int(t)).indices(item.shape[a])
        for a, s, e, t in zip(named, np.ravel(starts), np.ravel(ends), step_of, strict=True)
    }
    w.put(cut(w, w.tensor(item, order), order, bounds), order)


def cut(w: NodeEmission, x: int, order: Order, bounds: dict[int, tuple[int, int, int]]) -> int:
    """Part of a tensor: (start, stop, step) by logical axis."""
    whole = [(0, n, 1) for n in w.shape(x)]
    wanted = [bounds.get(axis, extent) for axis, extent in zip(order, whole, strict=True)]
    shape = [len(range(*b)) for b in wanted]
    if wanted == whole:
        return x
    begin = w.ints_constant(b[0] for b in wanted)
    if all(b[2] == 1 for b in wanted):
        return w.op("SLICE", [x, begin, w.ints_constant(shape)], shape)
    end, stride = w.ints_constant(b[1] for b in wanted), w.ints_constant(b[2] for b in wanted)
    return w.op("STRIDED_SLICE", [x, begin, end, stride], shape, chosen=options("StridedSlice"))


def split(w: NodeEmission, node: ir.Node) -> None:
    """Emit one SLICE per part."""
    item = requantize_operand(w, node.inputs[0])
    order, axis, start = item.order, int(attribute(node, "axis", 0)) % len(item.shape), 0
    x = w.tensor(item, order)
    for i, output in enumerate(node.outputs):
        size = dims(output)[axis]
        if output.uses() or output.is_graph_output():
            w.put(cut(w, x, order, {axis: (start, start + size, 1)}), order, i)
        start += size


def concat(w: NodeEmission, node: ir.Node) -> None:
    """CONCATENATION in the order of the largest operand."""
    items = [requantize_operand(w, value) for value in node.inputs]
    computed = [item for item in items if item.array is None]
    first = leader(computed)
    order, rank = first.order, len(first.shape)
    axis = int(attribute(node, "axis", 0)) % rank
    numbers = [w.tensor(item, order) for item in items]
    shape = stored_shape(order, dims(node.outputs[0]))
    kind = w.work_kind() if w.integer else None
    chosen = options("Concatenation", axis=order.index(axis))
    w.put(w.op("CONCATENATION", numbers, shape, first.dtype, kind, chosen), order)


def expand(w: NodeEmission, node: ir.Node) -> None:
    """BROADCAST_TO."""
    item, shape = requantize_operand(w, node.inputs[0]), dims(node.outputs[0])
    item = expand_rank(w, item, len(shape))
    order = item.order
    target = stored_shape(order, shape)
    x = w.tensor(item, order)
    w.put(w.op("BROADCAST_TO", [x, w.ints_constant(target)], target), order)


def pads(w: NodeEmission, node: ir.Node) -> None:
    """PAD, PADV2, or, where the data is repeated, by index."""
    item = requantize_operand(w, node.inputs[0])
    require_constants(node.inputs[1:], "padding")
    arrays = [None if v is None else constant(v) for v in node.inputs[1:]]
    if arrays[0] is None:
        raise LiteRTRefused("computed padding", "constants")
    if pad_mode(node) != "constant":
        by_index(w, node)
        return
    order, rank = item.order, len(item.shape)
    widths = pad_widths([np.empty(item.shape), *arrays], rank)  # type: ignore[list-item]
    bounds = {
        axis: (max(-a, 0), n - max(-b, 0), 1)
        for axis, ((a, b), n) in enumerate(zip(widths, item.shape, strict=True))
    }
    x = cut(w, w.tensor(item, order), order, bounds)
    stored = [(0, 0) if a == UNIT else (max(widths[a][0], 0), max(widths[a][1], 0)) for a in order]
    fill = arrays[1] if len(arrays) > 1 else None
    if fill is None or not np.any(fill):
        w.put(pad(w, x, stored), order)
    else:
        w.put(_pad_constant(w, x, stored, np.ravel(fill)), order)


def _pad_constant(w: NodeEmission, x: int, stored: list[tuple[int, int]], fill: Array) -> int:
    """PADV2 with a number (1,)."""
    kind = w.work_kind() if w.integer else None
    if kind is not None:
        fill = kind.quantize(fill.astype(np.float32))
    value = w.constant(fill.astype(w.graph.tensors[x].dtype), kind)
    shape = [n + a + b for n, (a, b) in zip(w.shape(x), stored, strict=True)]
    return w.op("PADV2", [x, w.constant(np.array(stored, np.int32)), value], shape)


def require_constants(values: Iterable[ir.Value | None], what: str) -> None:
    """Refuse operands that are computed."""
    if any(value is not None and constant(value) is None for value in values):
        raise LiteRTRefused(f"computed {what}", "constants")


def gather(w: NodeEmission, node: ir.Node) -> None:
    """GATHER of constant places along an axis, else, or computed, by the operator's own rules."""
    indices = constant(node.inputs[1])
    if indices is not None and indices.ndim != 1:
        by_index(w, node)
        return
    item = requantize_operand(w, node.inputs[0])
    axis = int(attribute(node, "axis", 0)) % len(item.shape)
    if indices is None:
        _gather_computed(w, node, item, axis)
        return
    order = item.order
    places = w.ints_constant(int(i) % item.shape[axis] for i in indices)
    shape = stored_shape(order, dims(node.outputs[0]))
    chosen = options("Gather", axis=order.index(axis))
    w.put(w.op("GATHER", [w.tensor(item, order), places], shape, chosen=chosen), order)


def _gather_computed(w: NodeEmission, node: ir.Node, item: Item, axis: int) -> None:
    places = w.item(node.inputs[1])
    at = w.tensor(places, natural(len(places.shape)))
    size = w.constant(np.full(1, item.shape[axis], places.dtype))
    at = w.op("FLOOR_MOD", [at, size], w.shape(at))  # negative ones count from the end
    shape, rank = dims(node.outputs[0]), len(item.shape)
    chosen = options("Gather", axis=axis)
    w.put(
        w.op("GATHER", [w.tensor(item, natural(rank)), at], shape, chosen=chosen),
        natural(len(shape)),
    )


def _origins(
    node: ir.Node, read: list[ir.Value], items: list[Item]
) -> tuple[NDArray[np.integer], int]:
    """The number of the element, counted from 1 over all operands, at each place of the result; and the next number."""
    numbers, count = [], 1
    for item in items:
        size = int(np.prod(item.shape))
        numbers.append(np.arange(count, count + size).reshape(item.shape))
        count += size
    feeds = iter(numbers)
    arrays = [None if v is None else next(feeds) if v in read else constant(v) for v in node.inputs]
    form = FORMS.get(node.op_type) or OPERATORS["", node.op_type].form
    (result,) = form(node, arrays)  # type: ignore[arg-type]
    return result, count


def by_index(w: NodeEmission, node: ir.Node) -> None:
    """Emit any movement along constants: a GATHER of its NumPy form's result for element numbers."""
    read = _moved_operands(w, node)
    items = [requantize_operand(w, v) for v in node.inputs if v in read]
    result, count = _origins(node, read, items)
    flat = [w.reshaped(w.flat(item), (int(np.prod(item.shape)),)) for item in items]
    if not result.all():  # number 0 is for elements that no operand fills
        held = w.graph.tensors[flat[0]]
        kind = w.work_kind() if w.integer else None
        zero = w.constant(np.full(1, 0 if kind is None else kind.zero_point, held.dtype), kind)
        flat.append(zero)
        result = np.where(result == 0, count, result)
    kind = w.work_kind() if w.integer else None
    x = flat[0]
    if len(flat) > 1:
        total = sum(w.shape(n)[0] for n in flat)
        x = w.op(
            "CONCATENATION", flat, (total,), kind=kind, chosen=options("Concatenation", axis=0)
        )
    out = dims(node.outputs[0])
    places = w.constant((result - 1).astype(np.int32).reshape(out))
    w.put(w.op("GATHER", [x, places], out, chosen=options("Gather", axis=0)), natural(len(out)))


def _moved_operands(w: NodeEmission, node: ir.Node) -> list[ir.Value]:
    """The operands that hold the elements; refuses indices that are computed, and sums of a scatter."""
    read = [v for v in node.inputs if v is not None and _is_moved(w, v)]
    chosen_by = node.inputs[1] if node.op_type.startswith(("Gather", "Scatter")) else None
    require_constants([v for v in node.inputs if v not in read or v is chosen_by], "indices")
    if node.op_type in SCATTERS and reduction(node) != "none":
        raise LiteRTRefused(f"reduction {reduction(node)}", "none")
    return read


def _is_moved(w: NodeEmission, value: ir.Value) -> bool:
    """Whether an operand holds the elements, not where they go: computed, or data of a scatter."""
    if value in w.real or value in w.ints:
        return w.real[value].array is None if value in w.real else True
    return value in w.weights or (w.node.op_type in SCATTERS and value is not w.node.inputs[1])


def _nearest(node: ir.Node, x: list[np.ndarray]) -> list[np.ndarray]:
    """Resize by nearest neighbours, of element numbers."""
    y = x[0]
    for taps in resize_taps(node):
        y = np.take(y, np.maximum(taps.index[:, 0], 0), axis=taps.axis)
        shape = [-1 if axis == taps.axis else 1 for axis in range(y.ndim)]
        y = np.where((taps.index[:, 0] < 0).reshape(shape), 0, y)
    return [y]


FORMS: dict[str, Operator] = {"Pad": pad_by_index, "Resize": _nearest}  # where numbers want another


def multiply_along_axis(w: NodeEmission, item: Item, axis: int, matrix: np.ndarray) -> Item:
    """A value whose axis is multiplied by a constant matrix (out, in)."""
    rank = len(item.shape)
    order = (*(a for a in range(rank) if a != axis), axis)
    bias = w.real_constant(np.zeros(len(matrix)))
    inputs = [w.tensor(item, order), w.constant(np.ascontiguousarray(matrix, np.float32)), bias]
    shape = tuple(len(matrix) if a == axis else n for a, n in enumerate(item.shape))
    chosen = options("FullyConnected", keepNumDims=True)
    number = w.op("FULLY_CONNECTED", inputs, stored_shape(order, shape), chosen=chosen)
    return Item(item.name, shape, "float32", None, None, {order: number})


def resize(w: NodeEmission, node: ir.Node) -> None:
    """Nearest by index; interpolation as one product with a constant matrix per axis."""
    require_constants(node.inputs[1:], "sizes")
    if attribute(node, "mode", "nearest") == "nearest":
        by_index(w, node)
        return
    item = w.item(node.inputs[0])
    if item.dtype != "float32":
        raise LiteRTRefused(f"{item.dtype} elements", "float32")
    for taps in resize_taps(node):
        matrix = np.zeros((len(taps.index), item.shape[taps.axis]), np.float64)
        for tap in range(taps.index.shape[1]):
            np.add.at(
                matrix,
                (np.arange(len(matrix)), np.maximum(taps.index[:, tap], 0)),
                taps.weights[:, tap],
            )
        item = multiply_along_axis(w, item, taps.axis, matrix)
    w.put(w.tensor(item, item.order), item.order)
