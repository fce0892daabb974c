"""Functions of one value as torch computes them, with gradients; attributes are those of `functions`.

A step, as of Sign or Round, has the gradient 0.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.operators.pointwise.functions import Attributes, attributes_of

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SQUARE = 1e-24  # under a root: 1e-12 of what networks compute with
Function = Callable[["Tensor", Attributes], "Tensor"]


def pointwise(node: ir.Node) -> "Callable[[ir.Node, Sequence[Tensor]], list[Tensor]] | None":
    """Return the function that computes a node of one operand in torch; None if its operator has no row here."""
    function = FUNCTIONS.get(node.op_type)
    if function is None:
        return None
    attributes = attributes_of(node)
    return lambda _, x: [function(x[0], attributes)]


def root(x: "Tensor") -> "Tensor":
    """Square roots, whose gradient at 0 is 0, not infinity."""
    return x.clamp(min=LEAST_SQUARE).sqrt()


def logarithm(x: "Tensor") -> "Tensor":
    """Natural logarithms; of what is rounded to 0 there is no gradient."""
    return apart_from_zero(lambda power: power.log(), x)


def apart_from_zero(function: "Callable[[Tensor], Tensor]", x: "Tensor") -> "Tensor":
    """Return a function of x that has no gradient where x is rounded to 0."""
    import torch

    if not x.is_floating_point():
        return function(x)
    zero = x == 0
    return torch.where(zero, function(x.detach()).detach(), function(torch.where(zero, 1.0, x)))


def _torch(name: str) -> Function:
    return lambda x, _: getattr(x, name)()


def _functional(name: str) -> Function:
    def run(x: "Tensor", _: Attributes) -> "Tensor":
        import torch.nn.functional as nn

        made: Tensor = getattr(nn, name)(x)
        return made

    return run


def _gelu(x: "Tensor", a: Attributes) -> "Tensor":
    import torch.nn.functional as nn

    return nn.gelu(x, approximate="tanh" if a["tanh"] else "none")


def _exponential(x: "Tensor", alpha: float, steep: float = 1.0) -> "Tensor":
    """Return x above 0, below it alpha (exp(x / steep) - 1); the unused branch does not overflow."""
    below = alpha * (x.clamp(max=0) / steep).expm1()
    return x.clamp(min=0) + below


def _selu(x: "Tensor", a: Attributes) -> "Tensor":
    return a["gamma"] * _exponential(x, a["alpha"])


def _hard_sigmoid(x: "Tensor", a: Attributes) -> "Tensor":
    return (a["alpha"] * x + a["beta"]).clamp(0, 1)


def _shrink(x: "Tensor", a: Attributes) -> "Tensor":
    above, below = (x > a["lambd"]).to(x.dtype), (x < -a["lambd"]).to(x.dtype)
    return above * (x - a["bias"]) + below * (x + a["bias"])


SAME = (
    "Abs Neg Exp Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sigmoid Tanh Relu "
    "Floor Ceil Round Sign"
)
FUNCTIONS: dict[str, Function] = {
    **{name: _torch(name.lower()) for name in SAME.split()},
    "Sqrt": lambda x, _: root(x),
    "Log": lambda x, _: logarithm(x),
    "Reciprocal": lambda x, _: apart_from_zero(lambda divisor: divisor.reciprocal(), x),
    "Identity": lambda x, _: x,
    "LeakyRelu": lambda x, a: x.clamp(min=0) + a["alpha"] * x.clamp(max=0),
    "Elu": lambda x, a: _exponential(x, a["alpha"]),
    "Celu": lambda x, a: _exponential(x, a["alpha"], a["alpha"]),
    "Selu": _selu,
    "Gelu": _gelu,
    "Softplus": _functional("softplus"),
    "Softsign": _functional("softsign"),
    "Mish": _functional("mish"),
    "Swish": lambda x, a: x * (a["alpha"] * x).sigmoid(),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x, _: x * (x / 6 + 0.5).clamp(0, 1),
    "ThresholdedRelu": lambda x, a: x * (x > a["alpha"]).to(x.dtype),
    "Shrink": _shrink,
}
