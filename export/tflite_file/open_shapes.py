"""`resolve_shapes`: sizes that a .tflite computes while it runs become constants.

A Reshape layer of Keras reads the shape of its operand, and packs the batch and its own sizes into a new one. Where
the inputs have known sizes, so has everything that follows from them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.tflite_file.arithmetic import fused_activation
from edgekit.export.tflite_file.file import (
    MAX_ELEMENTS,
    MAX_RANK,
    MISFITS,
    Graph,
    Operator,
    Tensor,
    misfit,
    refuse,
)
from edgekit.export.tflite_file.result_shapes import RESULT_SHAPES, Operands

SIZES = ("int32", "int64")  # types of sizes
MOST_SIZES = 64  # numbers in a constant that counts as sizes


def resolve_shapes(graph: Graph) -> Graph:
    """Return the graph with constants in place of operators on sizes, and with the sizes that follow from them.

    Raises:
        ModelError: a size stays open.
    """
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        try:
            is_folded = _resolve(operator, tensors)
        except MISFITS as error:
            raise misfit(operator, error) from error
        if not is_folded:
            operators.append(operator)
    for held in tensors:
        if held.open_axes:
            _refuse_open(held)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _resolve(operator: Operator, tensors: list[Tensor]) -> bool:
    """Set the sizes, or the content, of an operator's result; return whether it is a constant now."""
    if len(operator.outputs) != 1:
        return False
    (number,) = operator.outputs
    operands = [tensors[place] for place in operator.inputs if place >= 0]
    sizes = _sizes(operator, operands, tensors[number])
    if sizes is not None:
        tensors[number] = replace(tensors[number], data=sizes, shape=sizes.shape, open_axes=())
    elif tensors[number].open_axes:
        tensors[number] = replace(tensors[number], shape=_shape(operator, operands), open_axes=())
    elif tensors[number].open_batch and _may_differ(operator, operands):
        shape = _shape(operator, operands)
        is_stated = shape == tensors[number].shape
        tensors[number] = replace(tensors[number], shape=shape, is_resized=not is_stated)
    return sizes is not None


def _may_differ(operator: Operator, operands: Operands) -> bool:
    """Whether a first size that the file leaves open may be another one than it states beside.

    A RESHAPE to [-1, 2] puts all but the last size of its operand there; what reads such a result has that size, too.
    """
    if any(held.is_resized for held in operands):
        return True
    return (
        operator.builtin == "RESHAPE" and RESULT_SHAPES["RESHAPE"](operator, operands) is not None
    )


def _refuse_open(held: Tensor) -> NoReturn:
    found, allowed = f"shape {[*held.open_axes]}", f"fixed sizes of at most {MAX_RANK} axes"
    refuse(f"tensor '{held.name}'", found, allowed, "convert the network with fixed sizes")


def _sizes(operator: Operator, operands: Operands, result: Tensor) -> Array | None:
    """Return the numbers that an operator on known sizes computes; None of any other operator."""
    if result.dtype not in SIZES or result.grid is not None:
        return None
    if operator.builtin == "SHAPE":
        return None if operands[0].open_axes else np.array(operands[0].shape, result.dtype)
    return _fold_sizes(operator, operands, result.dtype)


def _fold_sizes(operator: Operator, operands: Operands, dtype: str) -> Array | None:
    """Return what an operator makes of constants; None where an operand is none, or no list of sizes."""
    fold = FOLDED.get(operator.builtin)
    arrays = [
        held.data for held in operands if held.data is not None and held.data.size <= MOST_SIZES
    ]
    if fold is None or len(arrays) < len(operands) or fused_activation(operator):
        return None
    made = fold(operator, arrays)
    return None if made is None else np.asarray(made).astype(dtype)


def _slice(operator: Operator, arrays: Sequence[Array]) -> Array | None:
    """Return a STRIDED_SLICE of a list, or its only number."""
    values, begin, end, step = arrays
    if values.ndim != 1 or operator.option("EllipsisMask") or operator.option("NewAxisMask"):
        return None
    if operator.option("ShrinkAxisMask"):
        return np.asarray(values[int(begin[0])])
    first = None if operator.option("BeginMask") else int(begin[0])
    last = None if operator.option("EndMask") else int(end[0])
    return values[first : last : int(step[0])]


def _product(operator: Operator, arrays: Sequence[Array]) -> Array:
    axes = tuple(int(axis) for axis in arrays[1].ravel())
    return np.asarray(np.prod(arrays[0], axes, keepdims=bool(operator.option("KeepDims"))))


def _shape(operator: Operator, operands: Operands) -> tuple[int, ...]:
    """Return the sizes of a result that the file leaves open.

    Raises:
        ModelError: they do not follow from those of the operands.
    """
    rule = RESULT_SHAPES.get(operator.builtin)
    opened = next((held for held in operands if held.open_axes), None)
    if opened is not None:
        _refuse_open(opened)
    shape = None if rule is None else rule(operator, operands)
    if shape is None:
        unknown = f"a size that EdgeKit does not follow through {operator.builtin}"
        found = unknown if rule is None else "sizes that it computes from data"
        step = "convert the network with fixed sizes"
        refuse(f"operator {operator.builtin}", found, "fixed sizes", step)
    if min(shape, default=1) < 0 or len(shape) > MAX_RANK or math.prod(shape) > MAX_ELEMENTS:
        found = f"shape {[*shape]}"
        allowed = f"sizes from 0, {MAX_RANK} axes and {MAX_ELEMENTS} elements at most"
        refuse(f"operator {operator.builtin}", found, allowed, "convert the network again")
    return shape


Fold = Callable[[Operator, Sequence[Array]], Array | None]
FOLDED: dict[str, Fold] = {
    "STRIDED_SLICE": _slice,
    "PACK": lambda operator, arrays: np.stack(arrays, operator.option("Axis")),
    "CONCATENATION": lambda operator, arrays: np.concatenate(arrays, operator.option("Axis")),
    "GATHER": lambda operator, arrays: np.take(arrays[0], arrays[1], operator.option("Axis")),
    "REDUCE_PROD": _product,
    "MUL": lambda _, arrays: arrays[0] * arrays[1],
    "ADD": lambda _, arrays: arrays[0] + arrays[1],
    "SUB": lambda _, arrays: arrays[0] - arrays[1],
    "CAST": lambda _, arrays: arrays[0],
}
