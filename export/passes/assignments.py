"""Assignments to constant places become concatenations, and reads of what they leave alone pass them by.

``y[:, 1:3] = a`` is the rest of y around a. Frames written at every n-th place are one of n phases, which are joined on
an axis of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int64
from edgekit.export.passes.constant_parts import Parts
from edgekit.export.passes.overlap_add import Frames, add_overlaps
from edgekit.graph.nodes import array_of, attribute, static_shape

FEW = 4  # places that are joined one by one


@dataclass(frozen=True)
class Places:
    """The places along one axis to which rows of an update are written, in the order of the update."""

    axis: int
    rows: Int64


class AssignmentsToConcat(ir.passes.InPlacePass):
    """Rewrite every ScatterND and ScatterElements whose indices are constant and none of which is there twice."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place, in the order of the graph: a written value may be read by the next assignment."""
        changes = [rewrite_one(model.graph, node) for node in list(model.graph)]
        return ir.passes.PassResult(model, modified=any(changes))


def rewrite_one(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a node if it is such an assignment, or such a read; return whether it was."""
    if node.domain:
        return False
    if node.op_type == "Slice":
        return _read_parts(graph, node)
    if node.op_type == "Gather":
        return _pick_from_part(graph, node)
    places_of = PLACES.get(node.op_type)
    found = None if places_of is None else places_of(node)
    if found is None:
        return False
    if not all(_are_different(one.rows) for one in found):
        return _frame_places(node, found) is not None and _assign(graph, node, found)
    return _assign(graph, node, found)


def _frame_places(node: ir.Node, found: Sequence[Places]) -> Frames | None:
    """Return the frames that a node adds at places of one axis, where they may overlap; None of other nodes."""
    if len(found) != 1 or attribute(node, "reduction", "none") != "add":
        return None
    return Frames.find(found[0].rows)


def _are_different(rows: Int64) -> bool:
    return rows.size > 0 and len(np.unique(rows)) == rows.size


def places_of_rows(node: ir.Node) -> list[Places] | None:
    """Return the places of a ScatterND whose indices are a box, one axis after another."""
    shape, indices = static_shape(node.inputs[0]), array_of(node.inputs[1])
    if shape is None or indices is None or static_shape(node.inputs[2]) is None:
        return None
    depth = indices.shape[-1] if indices.ndim else 0
    if indices.ndim - 1 != depth or not indices.size:
        return None
    whole = np.asarray(indices, np.int64)
    whole = np.where(whole < 0, whole + np.array(shape[:depth]), whole)
    return _box(whole, depth)


def _box(whole: Int64, depth: int) -> list[Places] | None:
    """Return the places along each axis of indices, (rows of axis 0, ..., depth), if they are all combinations."""
    found = []
    for axis in range(depth):
        first = tuple(slice(None) if n == axis else 0 for n in range(depth))
        rows = np.asarray(whole[(*first, axis)])
        around = [1] * depth
        around[axis] = -1
        if not (whole[..., axis] == rows.reshape(around)).all():
            return None
        found.append(Places(axis, rows))
    return found


def _places_of_elements(node: ir.Node) -> list[Places] | None:
    """Return the places of a ScatterElements whose indices are the same in every row."""
    shape, indices = static_shape(node.inputs[0]), array_of(node.inputs[1])
    if shape is None or indices is None or not indices.size or not shape:
        return None
    axis = int(attribute(node, "axis", 0)) % len(shape)
    first = tuple(slice(None) if n == axis else slice(0, 1) for n in range(len(shape)))
    rows = np.asarray(indices[first], np.int64)
    if not (indices == rows).all():
        return None
    rows = rows.ravel()
    along = Places(axis, np.where(rows < 0, rows + shape[axis], rows))
    return [along, *_smaller_axes(indices.shape, shape, axis)]


def _smaller_axes(sizes: Sequence[int], shape: Sequence[int], axis: int) -> list[Places]:
    """Return the first places of all other axes along which fewer are written than there are."""
    return [
        Places(other, np.arange(size))
        for other, size in enumerate(sizes)
        if other != axis and size != shape[other]
    ]


PLACES: dict[str, Callable[[ir.Node], list[Places] | None]] = {
    "ScatterND": places_of_rows,
    "ScatterElements": _places_of_elements,
}


def _assign(graph: ir.Graph, node: ir.Node, found: Sequence[Places]) -> bool:
    data, update, result = node.inputs[0], node.inputs[2], node.outputs[0]
    assert data is not None and update is not None
    parts, perm = Parts(graph, node), _layout(node)
    back = [perm.index(n) for n in range(len(perm))]
    places = [Places(perm[one.axis], one.rows) for one in found]
    target, source = parts.transpose(data, back), parts.transpose(update, back)
    if (frames := _frame_places(node, places)) is not None:
        written = add_overlaps(parts, target, source, places[0].axis, frames)
    else:
        source = _combine(parts, node, target, source, places)
        written = write(parts, target, source, places)
    following = _readers_that_turn(result, back)
    inner = parts.transpose(written, perm)
    if not following or perm == sorted(perm):
        inner, following = parts.own(inner), []
    elif inner is written:
        return False
    parts.finish({result: inner})
    for user in following:
        user.outputs[0].replace_all_uses_with(written)
        graph.remove(user, safe=True)
    return True


def _combine(
    parts: Parts, node: ir.Node, target: ir.Value, source: ir.Value, places: Sequence[Places]
) -> ir.Value:
    """Return an update together with what it is added to, multiplied with or compared with."""
    reduction = str(attribute(node, "reduction", "none"))
    if reduction == "none":
        return source
    for one in places:
        target = parts.rows(target, one.axis, one.rows)
    return parts.add_shaped(reduction.capitalize(), (target, source), parts.shape(source))


def write(parts: Parts, data: ir.Value, update: ir.Value, places: Sequence[Places]) -> ir.Value:
    """Return `data` with `update` at a box of places."""
    partial = [one for one in places if not _is_whole(parts, data, one)]
    for one in places:
        if one not in partial and (np.diff(one.rows) != 1).any():
            update = parts.rows(update, one.axis, np.argsort(one.rows))
    if not partial:
        return update
    first, *more = partial
    order = np.argsort(first.rows)
    rows = first.rows[order]
    if (np.diff(order) != 1).any():
        update = parts.rows(update, first.axis, order)
    if more:
        update = write(parts, parts.rows(data, first.axis, rows), update, more)
    return _write_sorted(parts, data, update, Places(first.axis, rows))


def _is_whole(parts: Parts, data: ir.Value, one: Places) -> bool:
    return bool(one.rows.size == parts.shape(data)[one.axis])


def _write_sorted(parts: Parts, data: ir.Value, update: ir.Value, one: Places) -> ir.Value:
    """Return `data` with rows of `update`, whose places rise."""
    axis, rows, size = one.axis, one.rows, parts.shape(data)[one.axis]
    steps = np.unique(np.diff(rows))
    if len(rows) <= FEW or (len(steps) == 1 and steps[0] == 1):
        return _join_runs(parts, data, update, one)
    step = int(steps[0])
    if len(steps) == 1 and rows[0] < step and rows[-1] + step >= size:
        return _join_phases(parts, data, update, one, step)
    both = np.arange(size)
    both[rows] = size + np.arange(len(rows))
    return parts.rows(parts.join([data, update], axis), axis, both)


def _join_runs(parts: Parts, data: ir.Value, update: ir.Value, one: Places) -> ir.Value:
    joined, end, done = list[ir.Value](), 0, 0
    breaks = [0, *(np.flatnonzero(np.diff(one.rows) != 1) + 1), len(one.rows)]
    for first, last in pairwise(breaks):
        start = int(one.rows[first])
        joined += [parts.cut(data, one.axis, end, start)] if start > end else []
        joined.append(parts.cut(update, one.axis, done, done + int(last - first)))
        done, end = int(last), start + int(last - first)
    if end < parts.shape(data)[one.axis]:
        joined.append(parts.cut(data, one.axis, end, parts.shape(data)[one.axis]))
    return parts.join(joined, one.axis)


def _join_phases(
    parts: Parts, data: ir.Value, update: ir.Value, one: Places, step: int
) -> ir.Value:
    """Write every `step`-th row: rows are pairs of a group and a phase, and the update is one phase."""
    axis, shape = one.axis, parts.shape(data)
    groups, phase = -(-shape[axis] // step), int(one.rows[0])
    whole = parts.fill_up(data, axis, groups * step)
    column = (*shape[:axis], groups, 1, *shape[axis + 1 :])
    split = parts.reshape(whole, (*shape[:axis], groups, step, *shape[axis + 1 :]))
    written = parts.reshape(parts.fill_up(update, axis, groups), column)
    phases = [written if n == phase else parts.cut(split, axis + 1, n, n + 1) for n in range(step)]
    flat = (*shape[:axis], groups * step, *shape[axis + 1 :])
    return parts.cut(parts.reshape(parts.join(phases, axis + 1), flat), axis, 0, shape[axis])


def _readers_that_turn(value: ir.Value, perm: list[int]) -> list[ir.Node]:
    """Return the Transposes inside the graph that bring the axes of a value into an order."""
    readers = (user for user in value.consumers() if _perm_of(user) == perm)
    return [user for user in readers if not user.outputs[0].is_graph_output()]


def _perm_of(node: ir.Node) -> list[int] | None:
    return list(attribute(node, "perm", ())) if node.op_type == "Transpose" else None


def _layout(node: ir.Node) -> list[int]:
    """Return the order of axes in which torch wrote an assignment: the one that its reader turns back."""
    rank = len(static_shape(node.inputs[0]) or ())
    for reader in node.outputs[0].consumers():
        perm = _perm_of(reader)
        if perm is not None:
            return [perm.index(n) for n in range(rank)]
    return list(range(rank))


def _read_parts(graph: ir.Graph, node: ir.Node) -> bool:
    """Let a Slice of a concatenation read only the parts that it takes frames of."""
    joined = _concat_of(node)
    size = static_shape(node.inputs[0])
    if joined is None or size is None:
        return False
    axis = int(attribute(joined, "axis", 0)) % len(size)
    parts = Parts(graph, node)
    bounds = parts.bounds(node, axis)
    if bounds is None:
        return False
    taken = _taken_parts(joined, axis, *bounds)
    if taken is None or len(taken) == len(joined.inputs):
        return False
    pieces = [parts.cut(value, axis, start, end) for value, start, end in taken]
    parts.finish({node.outputs[0]: parts.own(parts.join(pieces, axis))})
    return True


def _pick_from_part(graph: ir.Graph, node: ir.Node) -> bool:
    """Let a Gather of one index read the part of a concatenation that holds it."""
    joined, index = _concat_of(node), array_of(node.inputs[1])
    shape = static_shape(node.inputs[0])
    if joined is None or index is None or index.size != 1 or shape is None:
        return False
    axis = int(attribute(joined, "axis", 0)) % len(shape)
    if int(attribute(node, "axis", 0)) % len(shape) != axis:
        return False
    place = int(index.ravel()[0]) % shape[axis]
    taken = _taken_parts(joined, axis, place, place + 1)
    if taken is None:
        return False
    ((value, start, _),) = taken
    parts = Parts(graph, node)
    within = parts.constant(np.full(index.shape, start), np.int64)
    parts.add_shaped("Gather", (value, within), static_shape(node.outputs[0]) or (), axis=axis)
    return parts.finish()


def _concat_of(node: ir.Node) -> ir.Node | None:
    source = node.inputs[0]
    producer = None if source is None else source.producer()
    return producer if producer is not None and producer.op_type == "Concat" else None


def _taken_parts(
    joined: ir.Node, axis: int, start: int, end: int
) -> list[tuple[ir.Value, int, int]] | None:
    """Return the parts of a Concat between two places, each with its own bounds; None if a size is open.

    Some frames of a state are read from its window: targets then keep both in one ring, which no hop moves.
    """
    taken, place = list[tuple[ir.Value, int, int]](), 0
    for value in joined.inputs:
        shape = static_shape(value)
        if value is None or shape is None:
            return None
        first, last = max(start - place, 0), min(end - place, shape[axis])
        taken += [(value, first, last)] if first < last else []
        place += shape[axis]
    state = taken[0] if taken and taken[0][0] is joined.inputs[0] else None
    if state and state[2] - state[1] < (static_shape(state[0]) or ())[axis] and _is_window(joined):
        return None
    return taken or None


def _is_window(joined: ir.Node) -> bool:
    """Whether a Concat joins a state, an input of the graph, with new frames, and the next state is cut from it."""
    state, readers = joined.inputs[0], joined.outputs[0].consumers()
    keeps = any(user.op_type == "Slice" and user.outputs[0].is_graph_output() for user in readers)
    return keeps and state is not None and state.is_graph_input()
