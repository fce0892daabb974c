"""The order in which the axes of a tensor are stored: LiteRT wants channels last, ONNX has them second.

An order lists logical axes; `UNIT` stands for an axis of extent 1 that the logical tensor does not have.
Operators take the order of their input, so that a transposition is written only where two of them disagree.
"""

from collections.abc import Sequence

Order = tuple[int, ...]
UNIT = -1


def natural(rank: int) -> Order:
    """The order of the logical axes themselves."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """The order of convolutions and pooling over one or two axes: (batch, height, width, channels)."""
    return (0, UNIT, 2, 1) if rank == 3 else (0, 2, 3, 1)


def stored_shape(order: Order, shape: Sequence[int]) -> tuple[int, ...]:
    """The extents as stored."""
    return tuple(1 if axis == UNIT else shape[axis] for axis in order)


def is_same_memory(one: Order, other: Order, shape: Sequence[int]) -> bool:
    """Whether two orders of one tensor lay its elements out alike."""
    return _long(one, shape) == _long(other, shape)


def _long(order: Order, shape: Sequence[int]) -> list[int]:
    return [axis for axis in order if axis != UNIT and shape[axis] > 1]


def permutation(source: Order, target: Order) -> list[int]:
    """Return the permutation from one order to another, without unit axes that are not logical."""
    have = [axis for axis in source if axis != UNIT]
    return [have.index(axis) for axis in target if axis != UNIT]


def transpose_order(order: Order, perm: Sequence[int]) -> Order:
    """The order of a tensor whose logical axes are permuted, with its memory left as it is."""
    return tuple(UNIT if axis == UNIT else list(perm).index(axis) for axis in order)
