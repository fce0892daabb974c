"""An elementwise function written for NumPy, as LiteRT operators: it is called on tensors of the file.

Functions not named in `BUILTINS`, `pointwise.COMPOSED` and the other emitters are emitted from their row of
`POINTWISE` or `FORMS`. NumPy hands its functions to such operands (NEP 13 and NEP 18), and each becomes
the operator of LiteRT that computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.pointwise.functions import POINTWISE, attributes_of
from edgekit.targets.litert.emit.elementwise import cast_to_result, operands, wide
from edgekit.targets.litert.node_emission import LiteRTRefused, NodeEmission

COMPARED = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
UFUNCS: dict[np.ufunc, str] = {
    np.absolute: "ABS",
    np.add: "ADD",
    np.ceil: "CEIL",
    np.cos: "COS",
    np.divide: "DIV",
    np.equal: "EQUAL",
    np.exp: "EXP",
    np.floor: "FLOOR",
    np.greater: "GREATER",
    np.greater_equal: "GREATER_EQUAL",
    np.less: "LESS",
    np.less_equal: "LESS_EQUAL",
    np.log: "LOG",
    np.logical_and: "LOGICAL_AND",
    np.logical_not: "LOGICAL_NOT",
    np.logical_or: "LOGICAL_OR",
    np.maximum: "MAXIMUM",
    np.minimum: "MINIMUM",
    np.multiply: "MUL",
    np.negative: "NEG",
    np.not_equal: "NOT_EQUAL",
    np.power: "POW",
    np.right_shift: "RIGHT_SHIFT",
    np.rint: "ROUND",
    np.sign: "SIGN",
    np.sin: "SIN",
    np.sqrt: "SQRT",
    np.subtract: "SUB",
    np.tanh: "TANH",
}


class TracedTensor(np.lib.mixins.NDArrayOperatorsMixin):
    """A tensor of the file as an operand of NumPy."""

    def __init__(self, w: NodeEmission, number: int) -> None:
        """Take the writer and the tensor's number."""
        self.w, self.number = w, number

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> TracedTensor:
        """Append the operator of a ufunc, or those of one that LiteRT lacks."""
        if method == "__call__" and ufunc in PARTS:
            made: TracedTensor = PARTS[ufunc](*inputs)
            return made
        builtin = UFUNCS.get(ufunc)
        if builtin is None or method != "__call__":
            raise LiteRTRefused(f"the function {ufunc.__name__}", "functions that LiteRT has")
        return self.op(builtin, *inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> TracedTensor:
        """Append the operators for `numpy.where` and `numpy.clip`."""
        if function is np.where and len(args) == 3:
            return self.op("SELECT_V2", *args)
        if function is np.clip:
            x, low, high = args
            return np.minimum(np.maximum(x, low), high)  # type: ignore[no-any-return]
        raise LiteRTRefused(f"the function {function.__name__}", "functions that LiteRT has")

    def op(self, builtin: str, *inputs: Any) -> TracedTensor:
        """Append one operator; numbers become constants of the type of its tensors."""
        w = self.w
        held = [value for value in inputs if isinstance(value, TracedTensor)]
        kinds = [w.graph.tensors[value.number].dtype for value in held]
        dtype = next((kind for kind in reversed(kinds) if kind != "bool"), "float32")
        numbers = [
            value.number
            if isinstance(value, TracedTensor)
            else w.constant(np.asarray(value).reshape(-1).astype(dtype))
            for value in inputs
        ]
        made = "bool" if builtin in COMPARED or builtin.startswith("LOGICAL") else dtype
        return TracedTensor(w, w.op(builtin, numbers, dtype=made))


# Functions that LiteRT has in parts.
PARTS: dict[np.ufunc, Callable[..., Any]] = {
    np.expm1: lambda x: np.exp(x) - 1,
    np.left_shift: lambda a, b: a * np.power(2, b),
    np.log1p: lambda x: np.log(1 + x),
    np.logaddexp: lambda a, b: np.maximum(a, b) + np.log(1 + np.exp(-np.absolute(a - b))),
    np.square: lambda x: x * x,
    np.tan: lambda x: np.sin(x) / np.cos(x),
}


def function(w: NodeEmission, node: ir.Node, x: int) -> int:
    """A function of one float tensor, by its row of `POINTWISE`."""
    made: Any = POINTWISE[node.op_type].real(TracedTensor(w, x), attributes_of(node))  # type: ignore[arg-type]
    return int(made.number)


def form(w: NodeEmission, node: ir.Node) -> None:
    """A function of broadcast operands, by its row of `FORMS`; narrow integers in int32."""
    order, numbers = operands(w, node)
    rule = FORMS[node.op_type](node)
    traced = [TracedTensor(w, wide(w, numbers[i])) for i in rule.operands]
    made: Any = rule.exact(*traced)
    result = node.outputs[0].dtype
    assert result is not None
    w.put(cast_to_result(w, int(made.number), result.numpy().name), order)
