"""Functions of one value: each in float64 (integer tables), in float32 and in C (float graphs).

The float32 form and the C expression perform the same operations in the same order, so that a float
island has the same bits everywhere. Attributes are those of the ONNX operator, defaults filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32, Float64
from edgekit.operators.pointwise import twin as ek
from edgekit.operators.pointwise import twin as pointwise_twin

Attributes = dict[str, float]
F32 = Float32
F64 = Float64
TWICE_ATANH = (*(2 / power for power in (13, 11, 9, 7, 5, 3)), 2.0)  # over s, of s^2


@dataclass(frozen=True)
class Pointwise:
    """One function: `real` in float64, `exact` in float32, `c` an expression in ``{x}`` and the attributes.

    `defaults` are the operator's attributes; `kernel` names the array kernel for these, where one exists, and `others`
    those for other attributes.
    """

    real: Callable[[F64, Attributes], F64]
    exact: Callable[[F32, Attributes], F32]
    c: str
    kernel: str | None = None
    defaults: Attributes = field(default_factory=dict)
    others: tuple[tuple[str, Attributes], ...] = ()

    @property
    def kernels(self) -> tuple[tuple[str, Attributes], ...]:
        """The array kernels, and the attributes that each is for."""
        return ((self.kernel, self.defaults), *self.others) if self.kernel else self.others


def attributes_of(node: ir.Node) -> Attributes:
    """Return the operator's attributes as float32 values, defaults filled in."""
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
    e = ek.ek_exp_f32(-np.abs(x))
    s = e / (e + _f(2))
    return np.where(x > 0, x, _f(0)) + ek.horner(s * s, TWICE_ATANH) * s


def _hard_sigmoid(x: F32, a: Attributes) -> F32:
    y: F32 = np.minimum(np.maximum(x * _f(a["alpha"]) + _f(a["beta"]), _f(0)), _f(1))
    return y


def _softsign(x: F32, _: Attributes) -> F32:
    return np.asarray(x / (_f(1) + np.abs(x)), np.float32)


def _shrink(x: F32, a: Attributes) -> F32:
    inner = np.where(x > _f(a["lambd"]), x - _f(a["bias"]), _f(0))
    return np.where(x < -_f(a["lambd"]), x + _f(a["bias"]), inner).astype(np.float32)


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
        "ek_elu_f32",
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
        "ek_hard_swish_f32",
    ),
    "Softplus": Pointwise(
        lambda x, a: np.logaddexp(0, x), _softplus,
        "ek_softplusf1({x})",
        "ek_softplus_f32",
    ),
    "Gelu": Pointwise(
        _gelu64,
        _gelu,
        "(0.5f * {x}) * (1.0f + ({tanh} != 0.0f"
        " ? ek_tanhf1(0.7978846f * ({x} + (0.044715f * {x}) * ({x} * {x}))) : ek_erff1({x} * 0.70710678f)))",
        "ek_gelu_f32",
        defaults={"tanh": 0.0},
        others=(("ek_gelu_tanh_f32", {"tanh": 1.0}),),
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
    "Sign": Pointwise(
        lambda x, a: np.sign(x), lambda x, a: np.sign(x), "{x} > 0.0f ? 1.0f : {x} < 0.0f ? -1.0f : {x}"
    ),
    "Floor": Pointwise(lambda x, a: np.floor(x), lambda x, a: np.floor(x), "ek_floorf1({x})"),
    "Ceil": Pointwise(lambda x, a: np.ceil(x), lambda x, a: np.ceil(x), "ek_ceilf1({x})"),
    "Round": Pointwise(lambda x, a: np.rint(x), lambda x, a: np.rint(x), "ek_rintf1({x})"),
    "Sin": Pointwise(lambda x, a: np.sin(x), lambda x, a: pointwise_twin.ek_sin_f32(x), "ek_sincosf1({x}, 0)"),
    "Cos": Pointwise(lambda x, a: np.cos(x), lambda x, a: pointwise_twin.ek_cos_f32(x), "ek_sincosf1({x}, 1)"),
    "Tan": Pointwise(
        lambda x, a: np.tan(x),
        lambda x, a: pointwise_twin.ek_sin_f32(x) / pointwise_twin.ek_cos_f32(x),
        "ek_sincosf1({x}, 0) / ek_sincosf1({x}, 1)",
    ),
    "Asin": Pointwise(lambda x, a: np.arcsin(x), lambda x, a: pointwise_twin.ek_asin_f32(x), "ek_asinf1({x})"),
    "Acos": Pointwise(lambda x, a: np.arccos(x), lambda x, a: pointwise_twin.ek_acos_f32(x), "ek_acosf1({x})"),
    "Atan": Pointwise(lambda x, a: np.arctan(x), lambda x, a: pointwise_twin.ek_atan_f32(x), "ek_atanf1({x})"),
    "Sinh": Pointwise(lambda x, a: np.sinh(x), lambda x, a: pointwise_twin.ek_sinh_f32(x), "ek_sinhf1({x})"),
    "Cosh": Pointwise(lambda x, a: np.cosh(x), lambda x, a: pointwise_twin.ek_cosh_f32(x), "ek_coshf1({x})"),
    "Asinh": Pointwise(lambda x, a: np.arcsinh(x), lambda x, a: pointwise_twin.ek_asinh_f32(x), "ek_asinhf1({x})"),
    "Acosh": Pointwise(lambda x, a: np.arccosh(x), lambda x, a: pointwise_twin.ek_acosh_f32(x), "ek_acoshf1({x})"),
    "Atanh": Pointwise(lambda x, a: np.arctanh(x), lambda x, a: pointwise_twin.ek_atanh_f32(x), "ek_atanhf1({x})"),
    "Celu": Pointwise(
        lambda x, a: np.where(x > 0, x, a["alpha"] * np.expm1(np.minimum(x, 0) / a["alpha"])),
        lambda x, a: np.where(x > 0, x, _f(a["alpha"]) * (ek.ek_exp_f32(x / _f(a["alpha"])) - _f(1))),
        "{x} > 0.0f ? {x} : {alpha} * (ek_expf1({x} / {alpha}) - 1.0f)",
        defaults={"alpha": 1.0},
    ),
    "Selu": Pointwise(
        lambda x, a: a["gamma"] * np.where(x > 0, x, a["alpha"] * np.expm1(np.minimum(x, 0))),
        lambda x, a: _f(a["gamma"]) * np.where(x > 0, x, _f(a["alpha"]) * (ek.ek_exp_f32(x) - _f(1))),
        "{gamma} * ({x} > 0.0f ? {x} : {alpha} * (ek_expf1({x}) - 1.0f))",
        defaults={"alpha": 1.67326319, "gamma": 1.05070102},
    ),
    "ThresholdedRelu": Pointwise(
        lambda x, a: np.where(x > a["alpha"], x, 0),
        lambda x, a: np.where(x > _f(a["alpha"]), x, _f(0)),
        "{x} > {alpha} ? {x} : 0.0f",
        defaults={"alpha": 1.0},
    ),
    "Shrink": Pointwise(
        lambda x, a: np.where(x < -a["lambd"], x + a["bias"], np.where(x > a["lambd"], x - a["bias"], 0)),
        _shrink,
        "{x} < -({lambd}) ? {x} + {bias} : {x} > {lambd} ? {x} - {bias} : 0.0f",
        defaults={"bias": 0.0, "lambd": 0.5},
    ),
    "Mish": Pointwise(
        lambda x, a: x * np.tanh(np.logaddexp(0, x)),
        lambda x, a: x * ek.ek_tanh_f32(_softplus(x, a)),
        "{x} * ek_tanhf1(ek_softplusf1({x}))",
        "ek_mish_f32",
    ),
    "Softsign": Pointwise(
        lambda x, a: x / (1 + np.abs(x)),
        _softsign,
        "{x} / (1.0f + ({x} < 0.0f ? -{x} : {x}))",
    ),
    "Swish": Pointwise(
        lambda x, a: x * _sigmoid(a["alpha"] * x, a),
        lambda x, a: x * ek.ek_sigmoid_f32(_f(a["alpha"]) * x),
        "{x} * ek_sigmoidf1({alpha} * {x})",
        defaults={"alpha": 1.0},
    ),
    "Identity": Pointwise(lambda x, a: x, lambda x, a: x, "{x}"),
}  # fmt: skip
