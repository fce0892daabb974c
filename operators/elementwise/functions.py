"""Functions of broadcast operands of any element type: each in NumPy and as a C expression.

Both perform the same operations, so that they have the same bits. Integers wrap around; a division by zero returns 0;
floats become integers towards zero and saturate, NaN becomes 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.pointwise.twin import ek_pow_f32, ek_sqrt_f32
from edgekit.operators.roles import constant


@dataclass(frozen=True)
class Form:
    """Function that one node computes per element.

    Attributes:
        exact: the function on arrays that are broadcast; its result is cast to the output's type.
        c: the same as a C expression in ``{0}``, ``{1}``, ...; ``{t}`` is the C type of the result and
            ``{u}`` an unsigned type that holds it and wraps.
        operands: which inputs of the node ``{0}``, ``{1}``, ... are.
    """

    exact: Callable[..., Array]
    c: str
    operands: tuple[int, ...]


def form(node: ir.Node) -> Form:
    """Return the form of a node whose operator is in `FORMS`."""
    return FORMS[node.op_type](node)


def is_whole(value: ir.Value | None) -> bool:
    """Whether a value holds integers."""
    assert value is not None and value.dtype is not None
    return value.dtype not in (ir.DataType.FLOAT, ir.DataType.BOOL)


def _flag(node: ir.Node, name: str, default: int = 0) -> int:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_int()


def _form_for_every_type(exact: Callable[..., Array], c: str) -> Callable[[ir.Node], Form]:
    """Return the same for every element type."""

    def make(node: ir.Node) -> Form:
        return Form(exact, c, tuple(range(len(node.inputs))))

    return make


def _fold(
    exact: Callable[..., Array],
    c: str,
    whole: Callable[..., Array] | None = None,
    c_whole: str = "",
) -> Callable[[ir.Node], Form]:
    """Return a function of two operands; more are folded from the left."""

    def make(node: ir.Node) -> Form:
        integer = is_whole(node.inputs[0]) and whole is not None
        function, template = (whole, c_whole) if integer else (exact, c)
        assert function is not None
        text = "{0}"
        for i in range(1, len(node.inputs)):
            text = template.replace("{a}", text).replace("{b}", f"{{{i}}}")

        def run(first: Array, *others: Array) -> Array:
            total = first
            for other in others:
                total = function(total, other)
            return total

        return Form(run, text, tuple(range(len(node.inputs))))

    return make


def _magnitude(node: ir.Node) -> Form:
    lift = np.float32(node.attributes["epsilon"].as_float())
    c = f"ek_sqrtf1(({{0}} * {{0}} + {{1}} * {{1}}) + {float(lift)!r}f)"
    return Form(lambda a, b: ek_sqrt_f32((a * a + b * b) + lift), c, (0, 1))


def _product_sum(node: ir.Node) -> Form:
    if node.attributes["sign"].as_float() > 0:
        return Form(lambda a, b, c, d: a * b + c * d, "{0} * {1} + {2} * {3}", (0, 1, 2, 3))
    return Form(lambda a, b, c, d: a * b - c * d, "{0} * {1} - {2} * {3}", (0, 1, 2, 3))


def _mean(node: ir.Node) -> Form:
    total, n = FORMS["Add"](node), len(node.inputs)
    return Form(lambda *x: total.exact(*x) / np.float32(n), f"({total.c}) / {n}.0f", total.operands)


def quotient(a: Array, b: Array) -> Array:
    """Return the integer quotient towards zero; 0 if b is 0."""
    safe = np.where(b == 0, b.dtype.type(1), b)
    inexact = (a % safe != 0) & ((a < 0) != (safe < 0))
    result: Array = np.where(b == 0, b.dtype.type(0), a // safe + inexact.astype(a.dtype))
    return result


def remainder(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Return the integer remainder by `function`; 0 if b is 0."""

    def run(a: Array, b: Array) -> Array:
        return np.where(b == 0, b.dtype.type(0), function(a, np.where(b == 0, b.dtype.type(1), b)))

    return run


def _mod(node: ir.Node) -> Form:
    if not is_whole(node.inputs[0]):
        return Form(np.fmod, "ek_fmodf1({0}, {1})", (0, 1))
    if _flag(node, "fmod"):
        return Form(remainder(np.fmod), "({t})ek_fmodi1({0}, {1})", (0, 1))
    return Form(remainder(np.mod), "({t})ek_modi1({0}, {1})", (0, 1))


def _bit_shift(node: ir.Node) -> Form:
    left = node.attributes["direction"].as_string() == "LEFT"
    c = "({t})({1} < 8 * sizeof({t}) ? {0} SIGN {1} : 0)".replace("SIGN", "<<" if left else ">>")
    return Form(np.left_shift if left else np.right_shift, c, (0, 1))


POWERS: Mapping[float, tuple[Callable[[Array], Array], str]] = {
    1.0: (lambda x: x, "{0}"),
    2.0: (lambda x: x * x, "{0} * {0}"),
    3.0: (lambda x: (x * x) * x, "({0} * {0}) * {0}"),
    4.0: (lambda x: (x * x) * (x * x), "({0} * {0}) * ({0} * {0})"),
    0.5: (ek_sqrt_f32, "ek_sqrtf1({0})"),
    -0.5: (lambda x: np.float32(1) / ek_sqrt_f32(x), "1.0f / ek_sqrtf1({0})"),
    -1.0: (lambda x: np.float32(1) / x, "1.0f / {0}"),
    -2.0: (lambda x: np.float32(1) / (x * x), "1.0f / ({0} * {0})"),
}


def _pow(node: ir.Node) -> Form:
    exponent = constant(node.inputs[1])
    if is_whole(node.inputs[0]):
        return Form(integer_power, "({t})ek_powi1({0}, {1})", (0, 1))
    if exponent is not None and exponent.size == 1 and float(np.ravel(exponent)[0]) in POWERS:
        exact, c = POWERS[float(np.ravel(exponent)[0])]
        return Form(exact, c, (0,))
    return Form(
        lambda x, y: ek_pow_f32(x, y.astype(np.float32)), "ek_powf1({0}, (float){1})", (0, 1)
    )


def integer_power(a: Array, b: Array) -> Array:
    """Return a^b modulo 2^64; for negative exponents the quotient 1 / a^-b towards zero."""
    base, left = (array.astype(np.int64) for array in np.broadcast_arrays(a, b))
    power, inverse = np.ones_like(base), left < 0
    sign = np.where(left % 2 == 0, 1, base)
    reciprocal = np.where(np.abs(base) == 1, sign, 0)
    while (left > 0).any():
        power = np.where((left > 0) & (left & 1 == 1), power * base, power)
        base, left = base * base, np.where(left > 0, left >> 1, left)
    return np.where(inverse, reciprocal, power)


def _clip(node: ir.Node) -> Form:
    low, high = (node.inputs[i] if i < len(node.inputs) else None for i in (1, 2))
    whole = is_whole(node.inputs[0])
    text, operands = "{0}", [0]
    for i, bound, name in ((1, low, "max"), (2, high, "min")):
        if bound is not None:
            text = f"ek_{name}{'i' if whole else 'f'}1({text}, {{{len(operands)}}})"
            operands.append(i)

    def run(x: Array, *bounds: Array) -> Array:
        rest = list(bounds)
        y = x if low is None else np.maximum(x, rest.pop(0))
        return y if high is None else np.minimum(y, rest.pop(0))

    return Form(run, f"({{t}}){text}" if whole else text, tuple(operands))


def _is_infinite(node: ir.Node) -> Form:
    up, down = _flag(node, "detect_positive", 1), _flag(node, "detect_negative", 1)
    return Form(
        lambda x: np.isinf(x) & np.where(x > 0, bool(up), bool(down)),
        f"({up} && {{0}} == EK_INF) || ({down} && {{0}} == -EK_INF)",
        (0,),
    )


def _cast(node: ir.Node) -> Form:
    source, target = node.inputs[0], node.outputs[0].dtype
    assert source is not None and target is not None
    if target == ir.DataType.BOOL:
        return Form(lambda x: x != 0, "{0} != 0", (0,))
    if source.dtype != ir.DataType.FLOAT or target == ir.DataType.FLOAT:
        return Form(lambda x: x, "({t}){0}", (0,))
    info = np.iinfo(target.numpy())
    if target == ir.DataType.INT64:
        return Form(truncate_to_int64, "ek_trunci1({0})", (0,))
    low = "INT32_MIN" if target == ir.DataType.INT32 else str(info.min)
    clamp = f"({{t}})ek_clamp64(ek_trunci1({{0}}), {low}, {info.max})"
    return Form(lambda x: np.clip(truncate_to_int64(x), info.min, info.max), clamp, (0,))


def truncate_to_int64(x: Array) -> Array:
    """Convert floats to int64 towards zero, saturated; NaN becomes 0."""
    info = np.iinfo(np.int64)
    inside = (x > -(2.0**63)) & (x < 2.0**63)
    whole = np.where(inside, x, 0).astype(np.int64)
    whole = np.where(x >= 2.0**63, info.max, whole)
    return np.where(x <= -(2.0**63), info.min, whole)


FORMS: Mapping[str, Callable[[ir.Node], Form]] = {
    "Add": _fold(np.add, "{a} + {b}", np.add, "({t})(({u}){a} + ({u}){b})"),
    "Sum": _fold(np.add, "{a} + {b}", np.add, "({t})(({u}){a} + ({u}){b})"),
    "Mean": _mean,
    "Magnitude": _magnitude,
    "ProductSum": _product_sum,
    "Sub": _fold(np.subtract, "{a} - {b}", np.subtract, "({t})(({u}){a} - ({u}){b})"),
    "Mul": _fold(np.multiply, "{a} * {b}", np.multiply, "({t})(({u}){a} * ({u}){b})"),
    "Div": _fold(np.divide, "{a} / {b}", quotient, "({t})ek_divi1({a}, {b})"),
    "Max": _fold(np.maximum, "ek_maxf1({a}, {b})", np.maximum, "({t})ek_maxi1({a}, {b})"),
    "Min": _fold(np.minimum, "ek_minf1({a}, {b})", np.minimum, "({t})ek_mini1({a}, {b})"),
    "Mod": _mod,
    "Pow": _pow,
    "Clip": _clip,
    "PRelu": _form_for_every_type(
        lambda x, s: np.where(x < 0, s * x, x), "{0} < 0.0f ? {1} * {0} : {0}"
    ),
    "Equal": _form_for_every_type(np.equal, "{0} == {1}"),
    "Less": _form_for_every_type(np.less, "{0} < {1}"),
    "LessOrEqual": _form_for_every_type(np.less_equal, "{0} <= {1}"),
    "Greater": _form_for_every_type(np.greater, "{0} > {1}"),
    "GreaterOrEqual": _form_for_every_type(np.greater_equal, "{0} >= {1}"),
    "And": _form_for_every_type(np.logical_and, "{0} & {1}"),
    "Or": _form_for_every_type(np.logical_or, "{0} | {1}"),
    "Xor": _form_for_every_type(np.logical_xor, "{0} ^ {1}"),
    "Not": _form_for_every_type(np.logical_not, "!{0}"),
    "BitShift": _bit_shift,
    "BitwiseAnd": _form_for_every_type(np.bitwise_and, "({t})({0} & {1})"),
    "BitwiseOr": _form_for_every_type(np.bitwise_or, "({t})({0} | {1})"),
    "BitwiseXor": _form_for_every_type(np.bitwise_xor, "({t})({0} ^ {1})"),
    "BitwiseNot": _form_for_every_type(np.invert, "({t})~{0}"),
    "Where": _form_for_every_type(np.where, "{0} ? {1} : {2}"),
    "IsNaN": _form_for_every_type(np.isnan, "{0} != {0}"),
    "IsInf": _is_infinite,
    "Cast": _cast,
    "CastLike": _cast,
    # On integers; `POINTWISE` has their float forms.
    "Abs": _form_for_every_type(np.abs, "({t})ek_absi1({0})"),
    "Neg": _form_for_every_type(np.negative, "({t})(0u - ({u}){0})"),
    "Sign": _form_for_every_type(np.sign, "({t})ek_maxi1(ek_mini1({0}, 1), -1)"),
    "Relu": _form_for_every_type(lambda x: np.maximum(x, 0), "({t})ek_maxi1({0}, 0)"),
}
