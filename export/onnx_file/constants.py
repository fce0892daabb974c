"""Inputs that the user fixes: they become constants of the network."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem

Constants = Mapping[str, object]  # values as numpy.asarray takes them
Arrays = dict[str, Array]


def bind_constants(graph: onnx.GraphProto, constants: Constants) -> Arrays:
    """Replace inputs of the graph by initializers, in place; returns their arrays.

    Args:
        graph: the graph.
        constants: input name -> value; a value of one element suits any shape of one element.

    Raises:
        ModelError: an unknown input, or a value that its type or shape does not hold; all of them.
    """
    inputs = {value.name: value.type.tensor_type for value in graph.input}
    arrays = {name: _as_type(v, inputs[name]) for name, v in constants.items() if name in inputs}
    problems = [
        _constant_problem(name, value, inputs)
        for name, value in constants.items()
        if arrays.get(name) is None
    ]
    if problems:
        raise ModelError(problems)
    fixed = {name: array for name, array in arrays.items() if array is not None}
    _replace_inputs(graph, fixed)
    return fixed


def _replace_inputs(graph: onnx.GraphProto, arrays: Arrays) -> None:
    kept = [value for value in graph.input if value.name not in arrays]
    others = [tensor for tensor in graph.initializer if tensor.name not in arrays]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    del graph.input[:], graph.initializer[:]
    graph.input.extend(kept)
    graph.initializer.extend([*others, *tensors])


def _constant_problem(
    name: str, value: object, inputs: Mapping[str, onnx.TypeProto.Tensor]
) -> Problem:
    where = f"--constant {name}"
    if name not in inputs:
        known = ", ".join(inputs) or "none"
        return Problem(where, "the network has no such input", known, "use the name of an input")
    step = "give a value that the input can hold"
    return Problem(where, _text(value), _describe_tensor(inputs[name]), step)


def _as_type(value: object, tensor: onnx.TypeProto.Tensor) -> Array | None:
    """Return the value in the input's type and shape; None if it does not fit."""
    try:
        given: Array = np.asarray(value)
        array = given.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    if array.dtype.kind not in "biuf":
        return None
    if array.dtype.kind in "iub" and not np.array_equal(array.astype(given.dtype), given):
        return None
    return _in_shape(array, tensor) if tensor.HasField("shape") else array


def _in_shape(array: Array, tensor: onnx.TypeProto.Tensor) -> Array | None:
    """Return the array in the input's shape; one element fits any such shape; None if it does not fit."""
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if array.ndim == len(dims) and all(
        want in (None, size) for want, size in zip(dims, array.shape, strict=True)
    ):
        return array
    return array.reshape([1] * len(dims)) if array.size == 1 and set(dims) <= {None, 1} else None


def _describe_tensor(tensor: onnx.TypeProto.Tensor) -> str:
    dims = [str(d.dim_value) if d.HasField("dim_value") else "?" for d in tensor.shape.dim]
    kind = str(onnx.TensorProto.DataType.Name(tensor.elem_type)).lower()
    return f"{kind} of shape ({', '.join(dims)})"


def _text(value: object) -> str:
    try:
        array: Array = np.asarray(value)
    except ValueError:
        return "rows of different lengths"
    return f"{array.dtype} of shape ({', '.join(map(str, array.shape))})"
