"""What the NumPy forms of the operators share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[Any]
Operator = Callable[[ir.Node, list[Array]], list[Array]]
SUFFIX = {"int8": "s8", "int16": "s16", "int32": "s32", "float32": "f32"}


def tensor(node: ir.Node, name: str) -> Array:
    """A tensor attribute."""
    return np.asarray(node.attributes[name].value.numpy())  # as_tensor() checks a protocol: slow


def integer(node: ir.Node, name: str, default: int | None = None) -> int:
    """An integer attribute, or its default."""
    attribute = node.attributes.get(name)
    if attribute is None:
        assert default is not None, f"{node.name}: {name}"
        return default
    return attribute.as_int()


def kernel(module: Any, stem: str, *arrays: Array) -> Callable[..., Any]:
    """The twin of a kernel for arrays of these types: ``ek_fc`` on int8 and int16 is ``ek_fc_s8_s16``."""
    function: Callable[..., Any] = getattr(
        module, "_".join([stem, *(SUFFIX[a.dtype.name] for a in arrays)])
    )
    return function


def widths(node: ir.Node, x: Array) -> list[Array]:
    """What names the kernel of an operator from int16 to int8 by both, and any other by what it reads."""
    y = result(node)
    return [x] if x.dtype == y.dtype else [x, y]


def result(node: ir.Node) -> Array:
    """An empty array of the output's type, to name it."""
    dtype = node.outputs[0].dtype
    assert dtype is not None
    return np.empty(0, dtype.numpy())
