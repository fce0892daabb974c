"""Blocks of positions as entries of the batch: SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.

Converters write a dilated convolution as one without dilation between these two operators.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.tflite_file.file import MISFITS, Graph, Operator, Tensor
from edgekit.export.tflite_file.movement import same_grid
from edgekit.export.tflite_file.network import Network
from edgekit.export.tflite_file.products import VALID, DilatedOptions

START, END = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# They give a convolution of one dimension its second axis.
AXIS_MOVES = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
OUTSIDE = Operator("", 0, (), ())  # what reads the outputs of a graph
Readers = Mapping[int, Sequence[Operator]]


def space_to_batch(network: Network, operator: Operator) -> None:
    """SPACE_TO_BATCH_ND: padding, then the places in a block become entries of the batch."""
    shape = network.tensor(operator.inputs[0]).shape
    block = network.integers(operator.inputs[1], operator)
    pads = network.integers(operator.inputs[2], operator)
    rest = [0] * (len(shape) - 1 - len(block))
    before, after = [0, *pads[::2], *rest], [0, *pads[1::2], *rest]
    value = network.as_in_file(operator.inputs[0])
    value = network.add("Pad", value, network.numbers([*before, *after]))[0]
    sizes = [a + n + b for a, n, b in zip(before, shape, after, strict=True)]
    axes = len(block)
    pairs = chain(*((n // b, b) for n, b in zip(sizes[1:], block, strict=False)))
    split = [sizes[0], *pairs, *sizes[1 + axes :]]
    places, blocks = range(2, 2 * axes + 1, 2), range(1, 2 * axes, 2)
    order = [*places, 0, *blocks, *range(2 * axes + 1, len(split))]
    joined = network.tensor(operator.outputs[0]).shape
    network.set_as_in_file(operator.outputs[0], _moved_axes(network, value, split, order, joined))


def batch_to_space(network: Network, operator: Operator) -> None:
    """BATCH_TO_SPACE_ND: entries of the batch become the places in a block, whose borders are then cut."""
    shape = network.tensor(operator.inputs[0]).shape
    block = network.integers(operator.inputs[1], operator)
    crops = network.integers(operator.inputs[2], operator)
    axes = len(block)
    split = [*block, shape[0] // math.prod(block), *shape[1:]]
    pairs = chain(*((axes + 1 + axis, axis) for axis in range(axes)))
    order = [axes, *pairs, *range(2 * axes + 1, len(split))]
    sizes = [n * b for n, b in zip(shape[1:], block, strict=False)]
    joined = [split[axes], *sizes, *shape[1 + axes :]]
    value = _moved_axes(network, network.as_in_file(operator.inputs[0]), split, order, joined)
    ends = [n - after for n, after in zip(sizes, crops[1::2], strict=True)]
    bounds = [network.numbers(part) for part in (crops[::2], ends, range(1, axes + 1))]
    network.set_as_in_file(operator.outputs[0], network.add("Slice", value, *bounds)[0])


def _moved_axes(
    network: Network,
    value: str,
    split: Sequence[int],
    order: Sequence[int],
    joined: Sequence[int],
) -> str:
    """Return a value whose axes are split to some sizes, put in order, and joined to others."""
    value = network.add("Reshape", value, network.numbers(split))[0]
    value = network.add("Transpose", value, perm=list(order))[0]
    return network.add("Reshape", value, network.numbers(joined))[0]


def fold_dilations(graph: Graph) -> Graph:
    """Return the graph with dilated convolutions in place of those between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND."""
    tensors, operators = list(graph.tensors), list[Operator]()
    readers: dict[int, list[Operator]] = {number: [OUTSIDE] for number in graph.outputs}
    for operator in graph.operators:
        for number in operator.inputs:
            readers.setdefault(number, []).append(operator)
    folded: set[tuple[int, ...]] = set()  # by what they compute
    for operator in graph.operators:
        run = _run_to_space(operator, readers)
        made = _fold_run(run, tensors) if run else []
        operators += made
        if made:
            folded |= {held.outputs for held in run}
        elif operator.outputs not in folded:
            operators.append(operator)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _run_to_space(start: Operator, readers: Readers) -> list[Operator]:
    """Return the operators from `start` to a BATCH_TO_SPACE_ND, if each alone reads the one before it."""
    for allowed in ((CONVOLUTIONS, (END,)), (AXIS_MOVES, CONVOLUTIONS, AXIS_MOVES, (END,))):
        run = [start]
        for kinds in allowed:
            following = readers.get(run[-1].outputs[0], ()) if run[-1].outputs else ()
            if len(following) != 1 or following[0].builtin not in kinds:
                break
            run.append(following[0])
        if start.builtin == START and run[-1].builtin == END:
            return run
    return []


def _fold_run(run: Sequence[Operator], tensors: list[Tensor]) -> list[Operator]:
    """Return what lies between the first and the last operator, with the dilation of these, or nothing."""
    start, *between, end = run
    try:
        block, sides = _blocks_of_run(run, tensors)
        unit = _axis_without_block(run, tensors)
    except MISFITS:  # no dilated convolution does the same: each is read by itself
        return []
    if len(between) > 1:
        for operator, other in zip(between, (start.inputs[0], end.outputs[0]), strict=False):
            (number,), shape = operator.outputs, tensors[other].shape
            tensors[number] = replace(tensors[number], shape=(*shape[:unit], 1, *shape[unit:]))
    rows, columns = np.insert(block, unit - 1, 1)[:2].tolist()
    (top, bottom), (left, right) = np.insert(sides, unit - 1, 0, axis=0)[:2].tolist()
    middle, pads = len(between) // 2, (top, left, bottom, right)
    options = DilatedOptions(between[middle].options, (rows, columns), pads)
    between[middle] = replace(between[middle], options=options)
    between[0] = replace(between[0], inputs=(start.inputs[0], *between[0].inputs[1:]))
    between[-1] = replace(between[-1], outputs=end.outputs)
    return between


def _blocks_of_run(run: Sequence[Operator], tensors: Sequence[Tensor]) -> tuple[Array, Array]:
    """Return the block of each axis, and what is padded and not cut again, (axes, 2).

    Raises:
        ValueError: no dilated convolution does the same.
    """
    start, *between, end = run
    x = tensors[start.inputs[0]].shape
    places = (*start.inputs[1:3], *end.inputs[1:3])
    block, pads, others, crops = (np.asarray(tensors[n].data, int) for n in places)
    padded = np.add(x[1:-1], pads.sum(axis=1))
    phases = (x[0] * int(block.prod()), *(padded // block).tolist(), x[-1])
    moves = [o for o in run if o is not between[len(between) // 2]]
    fits = (
        block.shape == (len(x) - 2,) and pads.shape == crops.shape == (len(x) - 2, 2),
        np.array_equal(block, others) and bool(np.all(pads >= crops)),
        tensors[start.outputs[0]].shape == phases and not np.any(padded % block),
        all(same_grid(tensors[o.inputs[0]], tensors[o.outputs[0]]) for o in moves),
        _is_plain(between[len(between) // 2]),
    )
    if not all(fits):
        raise ValueError("no dilation")
    return block, pads - crops


def _axis_without_block(run: Sequence[Operator], tensors: Sequence[Tensor]) -> int:
    """Return the axis of size 1 that the operators around a convolution add and drop; behind the blocks without them.

    Raises:
        ValueError: they change other axes.
    """
    start, *between, _ = run
    if len(between) == 1:
        return len(tensors[start.inputs[0]].shape) - 1
    before, wide, made, after = (
        tensors[n].shape for o in (between[0], between[-1]) for n in (o.inputs[0], o.outputs[0])
    )
    unit = wide.index(1, 1, 3)
    if (*before[:unit], 1, *before[unit:]) != wide or (*after[:unit], 1, *after[unit:]) != made:
        raise ValueError("other axes")
    return unit


def _is_plain(operator: Operator) -> bool:
    """Whether a convolution has neither padding, nor a stride, nor a dilation of its own."""
    steps = ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor")
    return operator.option("Padding") == VALID and all(operator.option(s, 1) == 1 for s in steps)
