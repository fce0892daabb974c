"""N:M sparse weights as kernels read them: the weights that are not zero, and their indices.

The zeros of its weights decide whether a layer is stored so. `edgekit.targets.instruction_sets.Sparse` describes the
order that an instruction set's kernels read, and the patterns for which it is faster.
"""

from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array, Int8, Int64
from edgekit.graph.sparsity import Pattern, group_inputs, pattern_of
from edgekit.targets.instruction_sets import Packing, Sparse

TURN = 16  # EK_TURN
WINDOW = 16  # inputs that one instruction picks from


@dataclass(frozen=True)
class SparseLayer:
    """The storage of one layer's weights that keep a pattern.

    Attributes:
        node: the layer's name.
        weights: their name: ``w``, or ``r`` of a recurrent product.
        pattern: as 1:4.
        stored: ``packed`` indices, ``bytes``, or ``dense``.
        reason: the reason to store them dense.
        bytes: of their storage.
        dense_bytes: of dense storage.
    """

    node: str
    weights: str
    pattern: str
    stored: str
    reason: str | None
    bytes: int
    dense_bytes: int


def found_pattern(rows: Array) -> Pattern | None:
    """Return the pattern of weights (outputs, inputs); None without one, or with too few inputs for one."""
    if rows.ndim != 2 or not rows.any():
        return None
    pattern = pattern_of(rows)
    return None if pattern is None or rows.shape[1] < 2 * pattern.group else pattern


def refusal(sparse: Sparse, pattern: Pattern, bits: int, positions: int) -> str | None:
    """Return why rows stay dense on an instruction set; None where the pattern pays.

    Args:
        sparse: of the instruction set.
        pattern: of the weights.
        bits: of the operand.
        positions: vectors that are multiplied with the same weights in a call.
    """
    if not sparse.pays:
        return "its dense kernels are faster"
    if pattern not in sparse.pays:
        return f"{pattern} is slower than dense there"
    if bits not in sparse.bits:
        return f"int{bits} operands are faster dense there"
    if positions > sparse.most_positions:
        return f"{positions} positions at once are faster dense there"
    return None


def sparse_layer(
    own: Packing, node: str, name: str, w: Array, bits: int, positions: int
) -> tuple[SparseLayer | None, Pattern | None]:
    """Return the storage of weights (outputs, inputs) with a pattern, and the pattern if they are stored sparse."""
    pattern = found_pattern(w)
    if pattern is None:
        return None, None
    is_int4 = w.dtype != np.int8
    dense = w.shape[0] * -(-w.shape[1] // 2) if is_int4 else int(w.size)
    reason = refusal(own.sparse, pattern, bits, positions)
    if reason is None and w.astype(np.int8).min() < own.sparse.least_weight:
        reason = f"a weight is below {own.sparse.least_weight}"
    stored = dense if reason else len(sparse_rows(own, w, pattern))
    if reason is None and stored >= dense:
        reason, stored = "it takes no fewer bytes", dense
    how = "dense" if reason else "packed" if own.sparse.packed else "bytes"
    layer = SparseLayer(node, name, str(pattern), how, reason, stored, dense)
    return layer, None if reason else pattern


def sparse_rows(
    own: Packing, w: Array, pattern: Pattern | None, bits: int = 8, whole: bool = True
) -> Int8:
    """Pack w (outputs, inputs) as kernels of `own` read rows of a pattern.

    Args:
        own: the device's packing.
        w: integers.
        pattern: of the weights; None packs them dense, after a head that marks them so.
        bits: of the operand.
        whole: whether they are taken at once; else (a GRU that resets before) the last third is apart.
    """
    w = w.astype(np.int8)
    head, parts = _head(own.sparse, pattern), [w]
    if not whole:
        parts = np.split(w, [len(w) * 2 // 3])
    bodies = []
    for part in parts:
        filled = np.pad(part, ((0, -len(part) % own.rows), (0, 0)))
        if pattern is None:
            bodies.append(own.int_rows(filled, bits))
        elif own.sparse.windows:
            bodies.append(_windows(own, filled, window_pattern(pattern)))
        else:
            bodies.append(
                _turns(filled if part is not parts[-1] else part, pattern, own.sparse.packed)
            )
    return np.concatenate([head, *bodies])


def _head(sparse: Sparse, pattern: Pattern | None) -> Int8:
    head = np.zeros(sparse.head, np.int8)
    if pattern is not None:
        stored = window_pattern(pattern) if sparse.windows else pattern
        bits = 8 if sparse.windows else index_bits(pattern, sparse.packed)
        head[:3] = stored.kept, stored.group, bits
    return head


def index_bits(pattern: Pattern, packed: bool) -> int:
    """Bits of an index in a turn."""
    return (2 if pattern.group == 4 else 4) if packed else 8


def _slots(w: Int8, pattern: Pattern) -> tuple[Int8, Int64]:
    """Return weights and their places in the group, (outputs, groups, kept); padding is 0 at place 0."""
    groups = group_inputs(w, pattern)
    order = np.argsort(groups == 0, axis=-1, kind="stable")[..., : pattern.kept]
    values = np.take_along_axis(groups, order, axis=-1)
    return values, np.where(values == 0, 0, order)


def _turns(w: Int8, pattern: Pattern, packed: bool) -> Int8:
    """Return the order of ``ek_turns.h``."""
    values, places = _slots(w, pattern)
    bits = index_bits(pattern, packed)
    n, groups = values.shape[:2]
    whole = groups // TURN * TURN
    rest = groups - whole
    parts = []
    for part in range(pattern.kept):
        own, at = values[:, :, part], places[:, :, part]
        turns = own[:, :whole].reshape(n, whole // TURN, TURN)
        indices = _indices(at[:, :whole].reshape(turns.shape), pattern.group, bits)
        last = at[:, whole:] + np.arange(rest) * pattern.group
        body = np.concatenate([turns, indices.astype(np.uint8).view(np.int8)], axis=2)
        tail = np.concatenate([own[:, whole:], last.astype(np.uint8).view(np.int8)], axis=1)
        parts.append(np.concatenate([body.reshape(n, body[0].size), tail], axis=1))
    return np.concatenate(parts, axis=1).reshape(-1)


def _indices(places: Int64, group: int, bits: int) -> Int64:
    """The bytes of a turn's indices, of (..., 16) places in their groups."""
    if bits == 8:
        return places + np.arange(TURN) * group
    by_word = places.reshape(*places.shape[:-1], bits // 2, 8 // bits, 4)
    shifts = bits * np.arange(8 // bits)[:, None]
    made: Int64 = (by_word << shifts).sum(axis=-2)
    return made.reshape(*places.shape[:-1], 2 * bits)


def _windows(own: Packing, w: Int8, pattern: Pattern) -> Int8:
    """Return the order of ``x86/ek_windows.h``; the rows of w are a multiple of a panel's."""
    values, places = _slots(w, pattern)
    n, groups, kept = values.shape
    together = WINDOW // pattern.group
    vectors = max(together * kept // 4, 1)
    windows = -(-groups * kept // (4 * vectors))
    places = places + (np.arange(groups) % together * pattern.group)[:, None]

    def laid(array: Array) -> Int8:
        wide = np.zeros((n, windows * vectors * 4), np.int8)
        wide[:, : groups * kept] = array.reshape(n, -1)
        return wide.reshape(-1, own.rows, windows, vectors, 4)

    both = np.stack([laid(values), laid(places)], axis=4)  # panel, row, window, vector, 2, 4
    blocks = [
        both[first : first + own.panels].transpose(2, 0, 3, 4, 1, 5).reshape(-1)
        for first in range(0, len(both), own.panels)
    ]
    return np.concatenate(blocks)


def window_pattern(pattern: Pattern) -> Pattern:
    """Return the pattern as windows store it: one weight of 16 becomes one of 8."""
    return Pattern(1, 8) if pattern.group == 16 else pattern
