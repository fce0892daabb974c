"""Shared code of the NumPy forms of the operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array

Operator = Callable[[ir.Node, list[Array]], list[Array]]


def tensor(node: ir.Node, name: str) -> Array:
    """Return a tensor attribute."""
    return np.asarray(node.attributes[name].value.numpy())  # as_tensor() checks a protocol: slow


def integer(node: ir.Node, name: str, default: int | None = None) -> int:
    """Return an integer attribute, or its default."""
    attribute = node.attributes.get(name)
    if attribute is None:
        assert default is not None, f"{node.name}: {name}"
        return default
    return attribute.as_int()


def tensors(node: ir.Node, *names: str) -> list[Any]:
    """Return several tensor attributes."""
    return [tensor(node, name) for name in names]


def integers(node: ir.Node, *names: str) -> list[Any]:
    """Return several integer attributes."""
    return [integer(node, name) for name in names]


def output_dtype(node: ir.Node) -> np.dtype[Any]:
    """Return the element type of a node's output."""
    dtype = node.outputs[0].dtype
    assert dtype is not None
    return dtype.numpy()
