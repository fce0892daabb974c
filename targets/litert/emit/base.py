"""The common part of emitters: an emitter's row, operands brought to one order, small compositions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.operators.geometry import dims
from edgekit.targets.litert.node_emission import Item, NodeEmission
from edgekit.targets.litert.orders import UNIT, Order, natural

Emit = Callable[[NodeEmission, ir.Node], None]
Integer = Callable[[NodeEmission, ir.Node], bool]


@dataclass(frozen=True)
class Emitter:
    """The writer of an operator; `integer`: whether a framed node of it runs in integers."""

    emit: Emit
    integer: Integer | None = None


def always(_writer: NodeEmission, _node: ir.Node) -> bool:
    """Accept integers wherever the node is framed."""
    return True


def requantize_operand(w: NodeEmission, value: ir.Value | None) -> Item:
    """An operand in the integers of the node's first result."""
    item = w.item(value)
    if not w.integer:
        return item
    kind = w.work_kind(next(i for i, frame in enumerate(w.frames) if frame is not None))
    if item.array is not None:
        real = item.array if item.kind is None else item.kind.dequantize(item.array)
        return Item(item.name, item.shape, kind.dtype, kind, kind.quantize(real))
    return w.requantized(item, kind)


def expand_rank(w: NodeEmission, item: Item, rank: int) -> Item:
    """An operand with leading axes of extent 1, as broadcasting adds them."""
    missing = rank - len(item.shape)
    if missing == 0:
        return item
    shape = (*[1] * missing, *item.shape)
    if item.array is not None:
        return replace(item, shape=shape, array=item.array.reshape(shape), tensors={}, source=None)
    new = Item(item.name, shape, item.dtype, item.kind)
    new.tensors[natural(rank)] = w.reshaped(w.flat(item), shape)
    return new


def align_orders(w: NodeEmission, items: Sequence[Item], rank: int) -> tuple[Order, list[int]]:
    """Tensors of several operands in one order: that of the largest computed one."""
    computed = [item for item in items if item.array is None and len(item.shape) == rank]
    order = leader(computed).order if computed else natural(rank)
    return order, [w.tensor(expand_rank(w, item, rank), order) for item in items]


def leader(items: Sequence[Item]) -> Item:
    """The operand whose order the others take: the largest, but no state, whose order is free."""
    return max(items, key=lambda item: (item.source is None, int(np.prod(item.shape))))


def rank_of(value: ir.Value | None) -> int:
    """Its number of axes."""
    return len(dims(value))


def axis_last(order: Order, axis: int) -> Order:
    """The order with one axis moved to the end."""
    return (*(a for a in order if a != axis), axis)


def order_without_axes(order: Order, axes: Sequence[int]) -> Order:
    """The order of a tensor that lost these axes, still stored with extent 1."""
    kept = [a for a in range(len([a for a in order if a != UNIT])) if a not in axes]
    return tuple(UNIT if a == UNIT or a in axes else kept.index(a) for a in order)
