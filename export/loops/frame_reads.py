"""`FrameRead`: a node that takes frames at constant places from a tensor."""

from dataclasses import dataclass

import onnx_ir as ir

from edgekit.graph.nodes import array_of, attribute, static_shape


@dataclass(frozen=True)
class FrameRead:
    """Frames ``[start, stop)`` of an axis; `drops_axis` where one frame is taken without its axis."""

    source: ir.Value
    axis: int
    start: int
    stop: int
    drops_axis: bool


def frame_read(node: ir.Node) -> FrameRead | None:
    """Return what a Gather or a Slice with constant places takes; None of other nodes."""
    if node.domain or node.op_type not in ("Gather", "Slice"):
        return None
    source = node.inputs[0]
    shape = static_shape(source)
    if source is None or not shape:
        return None
    return (
        _of_gather(node, source, shape)
        if node.op_type == "Gather"
        else _of_slice(node, source, shape)
    )


def _of_gather(node: ir.Node, source: ir.Value, shape: tuple[int, ...]) -> FrameRead | None:
    index = array_of(node.inputs[1])
    if index is None or index.size != 1 or index.ndim > 1:
        return None
    axis = int(attribute(node, "axis", 0)) % len(shape)
    place = int(index.ravel()[0]) % shape[axis]
    return FrameRead(source, axis, place, place + 1, index.ndim == 0)


def _of_slice(node: ir.Node, source: ir.Value, shape: tuple[int, ...]) -> FrameRead | None:
    places = [_only_number(value) for value in node.inputs[1:]]
    numbers = [number for number in places if number is not None]
    if len(numbers) < max(len(places), 3) or numbers[3:] not in ([], [1]):
        return None
    axis = numbers[2] % len(shape)
    start, stop = (_place(number, shape[axis]) for number in numbers[:2])
    if stop <= start or stop - start == shape[axis]:
        return None
    return FrameRead(source, axis, start, stop, False)


def _only_number(value: ir.Value | None) -> int | None:
    """Return the number in a constant of one element."""
    array = array_of(value)
    return None if array is None or array.size != 1 else int(array.ravel()[0])


def _place(number: int, size: int) -> int:
    """Return a bound of a Slice, which may count from the end, as a place from 0."""
    return min(number if number >= 0 else max(number + size, 0), size)
