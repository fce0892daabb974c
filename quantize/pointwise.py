"""Functions of one value: each in float64 (integer tables), in float32 and in C (float graphs).

The float32 form and the C expression perform the same operations in the same order, so that a float
island has the same bits everywhere. Attributes are those of the ONNX operator, defaults filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.quantize import arith_float as ek

Attributes = dict[str, float]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Pointwise:
    """One function: `real` in float64, `exact` in float32, `c` an expression in ``{x}`` and the attributes.

    `kernel` names the array kernel where one exists. `defaults` are the operator's attributes.
    """

    real: Callable[[F64, Attributes], F64]
    exact: Callable[[F32, Attributes], F32]
    c: str
    kernel: str | None = None
    defaults: Attributes = field(default_factory=dict)


def attributes_of(node: ir.Node) -> Attributes:
    """The operator's attributes as float32 values, defaults filled in."""
    values = dict(POINTWISE[node.op_type].defaults)
    for name in values:
        if name in node.attributes:
            values[name] = float(np.float32(node.attributes[name].as_float()))
    if "approximate" in node.attributes:
        values["tanh"] = float(node.attributes["approximate"].as_string() == "tanh")
    return values


def _sigmoid(x: F64, _: Attributes) -> F64:
    y: F64 = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    return y


def _erf(x: F64, _: Attributes) -> F64:
    from math import erf

    y: F64 = np.vectorize(erf, otypes=[np.float64])(x)
    return y


def _f(value: float) -> np.float32:
    return np.float32(value)


def _elu(x: F32, a: Attributes) -> F32:
    return np.where(x < 0, _f(a["alpha"]) * (ek.ek_exp_f32(x) - _f(1)), x).astype(np.float32)


def _gelu64(x: F64, a: Attributes) -> F64:
    inner = (
        np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
        if a["tanh"]
        else _erf(x * np.sqrt(0.5), a)
    )
    return 0.5 * x * (1 + inner)


def _gelu(x: F32, a: Attributes) -> F32:
    if a["tanh"]:
        cubic = x + (_f(0.044715) * x) * (x * x)
        return (_f(0.5) * x) * (_f(1) + ek.ek_tanh_f32(_f(0.7978846) * cubic))
    return (_f(0.5) * x) * (_f(1) + ek.ek_erf_f32(x * _f(0.70710678)))


def _softplus(x: F32, _: Attributes) -> F32:
    soft = ek.ek_log_f32(_f(1) + ek.ek_exp_f32(np.minimum(x, _f(20))))
    return np.where(x > 20, x, soft).astype(np.float32)


def _hard_sigmoid(x: F32, a: Attributes) -> F32:
    y: F32 = np.minimum(np.maximum(x * _f(a["alpha"]) + _f(a["beta"]), _f(0)), _f(1))
    return y


POINTWISE: dict[str, Pointwise] = {
    "Relu": Pointwise(lambda x, a: np.maximum(x, 0), lambda x, a: np.where(x > 0, x, _f(0)), "{x} > 0.0f ? {x} : 0.0f"),
    "LeakyRelu": Pointwise(
        lambda x, a: np.where(x < 0, a["alpha"] * x, x),
        lambda x, a: np.where(x < 0, _f(a["alpha"]) * x, x),
        "{x} < 0.0f ? {alpha} * {x} : {x}",
        defaults={"alpha": 0.01},
    ),
    "Elu": Pointwise(
        lambda x, a: np.where(x < 0, a["alpha"] * np.expm1(np.minimum(x, 0)), x),
        _elu,
        "{x} < 0.0f ? {alpha} * (ek_expf1({x}) - 1.0f) : {x}",
        defaults={"alpha": 1.0},
    ),
    "HardSigmoid": Pointwise(
        lambda x, a: np.clip(a["alpha"] * x + a["beta"], 0, 1),
        _hard_sigmoid,
        "ek_minf1(ek_maxf1({x} * {alpha} + {beta}, 0.0f), 1.0f)",
        defaults={"alpha": 0.2, "beta": 0.5},
    ),
    "HardSwish": Pointwise(
        lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x, a: x * _hard_sigmoid(x, {"alpha": 1 / 6, "beta": 0.5}),
        "{x} * ek_minf1(ek_maxf1({x} * 0.166666672f + 0.5f, 0.0f), 1.0f)",
    ),
    "Softplus": Pointwise(
        lambda x, a: np.logaddexp(0, x), _softplus,
        "{x} > 20.0f ? {x} : ek_logf1(1.0f + ek_expf1(ek_minf1({x}, 20.0f)))",
    ),
    "Gelu": Pointwise(
        _gelu64,
        _gelu,
        "(0.5f * {x}) * (1.0f + ({tanh} != 0.0f"
        " ? ek_tanhf1(0.7978846f * ({x} + (0.044715f * {x}) * ({x} * {x}))) : ek_erff1({x} * 0.70710678f)))",
        defaults={"tanh": 0.0},
    ),
    "Sigmoid": Pointwise(_sigmoid, lambda x, a: ek.ek_sigmoid_f32(x), "ek_sigmoidf1({x})", "ek_sigmoid_f32"),
    "Tanh": Pointwise(lambda x, a: np.tanh(x), lambda x, a: ek.ek_tanh_f32(x), "ek_tanhf1({x})", "ek_tanh_f32"),
    "Erf": Pointwise(_erf, lambda x, a: ek.ek_erf_f32(x), "ek_erff1({x})", "ek_erf_f32"),
    "Exp": Pointwise(lambda x, a: np.exp(x), lambda x, a: ek.ek_exp_f32(x), "ek_expf1({x})", "ek_exp_f32"),
    "Log": Pointwise(lambda x, a: np.log(x), lambda x, a: ek.ek_log_f32(x), "ek_logf1({x})", "ek_log_f32"),
    "Sqrt": Pointwise(lambda x, a: np.sqrt(x), lambda x, a: ek.ek_sqrt_f32(x), "ek_sqrtf1({x})", "ek_sqrt_f32"),
    "Reciprocal": Pointwise(lambda x, a: 1 / x, lambda x, a: _f(1) / x, "1.0f / {x}"),
    "Abs": Pointwise(lambda x, a: np.abs(x), lambda x, a: np.abs(x), "{x} < 0.0f ? -{x} : {x}"),
    "Neg": Pointwise(lambda x, a: -x, lambda x, a: -x, "-{x}"),
    "Identity": Pointwise(lambda x, a: x, lambda x, a: x, "{x}"),
}  # fmt: skip
