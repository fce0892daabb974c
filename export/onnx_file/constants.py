"""Inputs that the user fixes: they become constants of the network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem

Constants = Mapping[str, Any]  # values as numpy.asarray takes them
Arrays = dict[str, Array]


def bind_constants(graph: onnx.GraphProto, constants: Constants) -> Arrays:
    """Replace inputs of the graph by initializers, in place; returns their arrays.

    Args:
        graph: the graph.
        constants: input name -> value; a value of one element suits any shape of one element.

    Raises:
        ModelError: an unknown input, or a value that its type or shape does not hold; all of them.
    """
    inputs = {value.name: value for value in graph.input}
    problems, arrays = [], {}
    for name, value in constants.items():
        where = f"--constant {name}"
        if name not in inputs:
            known = ", ".join(inputs) or "none"
            problems.append(
                Problem(where, "the network has no such input", known, "use the name of an input")
            )
            continue
        array = _as_type(value, inputs[name].type.tensor_type)
        if array is None:
            found, wanted = _text(value), _describe_tensor(inputs[name].type.tensor_type)
            problems.append(Problem(where, found, wanted, "give a value that the input can hold"))
        else:
            arrays[name] = array
    if problems:
        raise ModelError(problems)
    kept = [value for value in graph.input if value.name not in arrays]
    replaced = [tensor for tensor in graph.initializer if tensor.name not in arrays]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    del graph.input[:], graph.initializer[:]
    graph.input.extend(kept)
    graph.initializer.extend([*replaced, *tensors])
    return arrays


def _as_type(value: Any, tensor: onnx.TypeProto.Tensor) -> Array | None:
    """The value in the input's type and shape; None where it does not fit."""
    try:
        given = np.asarray(value)
        array = given.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    if array.dtype.kind not in "biuf":
        return None
    if array.dtype.kind in "iub" and not np.array_equal(array.astype(given.dtype), given):
        return None
    if not tensor.HasField("shape"):
        return array
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    fits = array.ndim == len(dims) and all(
        want in (None, have) for want, have in zip(dims, array.shape, strict=True)
    )
    if fits:
        return array
    return array.reshape([1] * len(dims)) if array.size == 1 and set(dims) <= {None, 1} else None


def _describe_tensor(tensor: onnx.TypeProto.Tensor) -> str:
    dims = [str(d.dim_value) if d.HasField("dim_value") else "?" for d in tensor.shape.dim]
    kind = str(onnx.TensorProto.DataType.Name(tensor.elem_type)).lower()
    return f"{kind} of shape ({', '.join(dims)})"


def _text(value: Any) -> str:
    try:
        array = np.asarray(value)
    except ValueError:
        return "rows of different lengths"
    return f"{array.dtype} of shape ({', '.join(map(str, array.shape))})"
