"""Functions of one value."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.graph.litert_builtins import BUILTINS
from edgekit.graph.nodes import attribute
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.pointwise.functions import POINTWISE, attributes_of
from edgekit.operators.pointwise.tables import lut_s8
from edgekit.operators.roles import constant
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.emit.traced_functions import function
from edgekit.targets.litert.file import options
from edgekit.targets.litert.node_emission import LiteRTRefused, NodeEmission

# Types of the results that LiteRT's integer kernels insist on.
FIXED = {
    ("LOGISTIC", "int8"): QuantType("int8", 2.0**-8, -128),
    ("TANH", "int8"): QuantType("int8", 2.0**-7, 0),
    ("LOGISTIC", "int16"): QuantType("int16", 2.0**-15, 0),
    ("TANH", "int16"): QuantType("int16", 2.0**-15, 0),
}
WHOLE = FORMS.keys() & POINTWISE.keys()  # functions of integers too
FINEST = 0.5  # a step of ours against LiteRT's fixed one, below which a result would be 2 steps off

F = Callable[[NodeEmission, int, dict[str, float]], int]


def unary(w: NodeEmission, node: ir.Node) -> None:
    """A function of every element, whatever the order of the axes."""
    if w.integer:
        _integer(w, node)
        return
    item = w.item(node.inputs[0])
    order = item.order
    x = w.tensor(item, order)
    if item.dtype != "float32" and node.op_type not in WHOLE:
        raise LiteRTRefused(f"{item.dtype} elements", "float32")
    if item.dtype != "float32":
        _of_integers(w, node, x, item.dtype)
        return
    if node.op_type in BUILTINS:
        w.result(BUILTINS[node.op_type], [x], order)
        return
    composed = COMPOSED.get(node.op_type)
    y = function(w, node, x) if composed is None else composed(w, x, attributes_of(node))
    w.put(y, order)


def _of_integers(w: NodeEmission, node: ir.Node, x: int, dtype: str) -> None:
    """Abs, Neg, Sign, Relu of plain integers, in int32 where LiteRT has them in that."""
    order = w.item(node.inputs[0]).order
    wide = x if dtype in ("int32", "int64") else w.op("CAST", [x], dtype="int32")
    kind = w.graph.tensors[wide].dtype
    zero, one, minus = (w.constant(np.full((), n, kind)) for n in (0, 1, -1))
    plain = INTEGERS[node.op_type].plain
    assert plain is not None, node.op_type
    y = plain(w, wide, (zero, one, minus))
    w.put(y if wide == x else w.op("CAST", [y], dtype=dtype), order)


def is_integer(w: NodeEmission, node: ir.Node) -> bool:
    """8-bit functions always run in integers, at least as a table; 16-bit ones where LiteRT has them."""
    item = w.ints.get(node.inputs[0]) if node.inputs[0] is not None else None
    frame = w.frame(node)
    if item is None or item.kind is None or frame is None or node.op_type not in POINTWISE:
        return False
    if any(constant(v) is None for v in node.inputs[1:] if v is not None):
        return False
    if item.kind.dtype == frame[1].dtype == "int8":
        return True
    own = INTEGERS.get(node.op_type)
    return (str(BUILTINS.get(node.op_type)), "int16") in FIXED or (
        own is not None and own.quantized is not None
    )


def _integer(w: NodeEmission, node: ir.Node) -> None:
    item, kind = w.item(node.inputs[0]), w.work_kind()
    order = item.order
    x = w.tensor(item, order)
    builtin = BUILTINS.get(node.op_type)
    fixed, own = FIXED.get((str(builtin), w.work)), INTEGERS.get(node.op_type)
    if fixed is not None and (w.work == "int16" or kind.scale >= FINEST * fixed.scale):
        assert builtin is not None
        w.put(w.op(builtin, [x], kind=fixed), order)
    elif own is not None and own.quantized is not None and (own.narrow or w.work == "int16"):
        own.quantized(w, node, x)
    else:
        w.put(table(w, node, x, kind), order)


def _clamp_below(w: NodeEmission, node: ir.Node, x: int) -> None:
    kind = w.work_kind()
    y = w.requantized_tensor(x, kind)
    zero = w.constant(np.full(1, kind.zero_point, kind.dtype), kind)
    w.put(w.op("MAXIMUM", [y, zero]), w.item(node.inputs[0]).order)


def _negate(w: NodeEmission, node: ir.Node, x: int) -> None:
    minus = w.constant(np.full(1, -1, np.int16), QuantType("int16", 1.0, 0))
    w.result("MUL", [x, minus], w.item(node.inputs[0]).order)


def _leak(w: NodeEmission, node: ir.Node, x: int) -> None:
    alpha = attributes_of(node)["alpha"]
    order = w.item(node.inputs[0]).order
    w.result("LEAKY_RELU", [x], order, options("LeakyRelu", alpha=alpha))


@dataclass(frozen=True)
class _Integers:
    """A function of integers, where LiteRT has one.

    Attributes:
        plain: of integers without a scale, given the numbers 0, 1 and -1.
        quantized: of such with a scale.
        narrow: whether the latter is of 8 bits too.
    """

    plain: Callable[[NodeEmission, int, tuple[int, int, int]], int] | None = None
    quantized: Callable[[NodeEmission, ir.Node, int], None] | None = None
    narrow: bool = True


INTEGERS = {
    "Abs": _Integers(lambda w, x, n: w.op("MAXIMUM", [x, w.op("MUL", [x, n[2]])])),
    "LeakyRelu": _Integers(quantized=_leak),
    "Neg": _Integers(lambda w, x, n: w.op("MUL", [x, n[2]]), _negate, narrow=False),
    "Relu": _Integers(lambda w, x, n: w.op("MAXIMUM", [x, n[0]]), _clamp_below),
    "Sign": _Integers(lambda w, x, n: w.op("MAXIMUM", [w.op("MINIMUM", [x, n[1]]), n[2]])),
}


def table(w: NodeEmission, node: ir.Node, x: int, kind: QuantType) -> int:
    """The function's 256 values, looked up: the bits of `edgekit.operators.pointwise.tables.lut_s8`."""
    item = w.item(node.inputs[0])
    assert item.kind is not None
    facts = attributes_of(node)
    values = lut_s8(
        lambda real: POINTWISE[node.op_type].real(real, facts),
        item.kind.scale,
        item.kind.zero_point,
        kind.scale,
        kind.zero_point,
    )
    wide = w.op("CAST", [w.bare(x)], dtype="int32")
    place = w.op("ADD", [wide, w.constant(np.full(1, 128, np.int32))])
    return w.op(
        "GATHER",
        [w.constant(values, kind), place],
        w.shape(x),
        kind=kind,
        chosen=options("Gather", axis=0),
    )


def _times(w: NodeEmission, x: int, factor: float) -> int:
    return w.op("MUL", [x, w.real_constant(factor)])


def _plus(w: NodeEmission, x: int, term: float) -> int:
    return w.op("ADD", [x, w.real_constant(term)])


def _clamp(w: NodeEmission, x: int, low: float, high: float) -> int:
    return w.op("MINIMUM", [w.op("MAXIMUM", [x, w.real_constant(low)]), w.real_constant(high)])


def _expm1(w: NodeEmission, x: int) -> int:
    """exp(min(x, 0)) - 1."""
    return w.op("ELU", [w.op("MINIMUM", [x, w.real_constant(0)])])


def _positive(w: NodeEmission, x: int) -> int:
    return w.op("RELU", [x])


def _softplus(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    """max(x, 0) + log(1 + exp(-|x|))."""
    small = w.op("EXP", [w.op("NEG", [w.op("ABS", [x])])])
    return w.op("ADD", [_positive(w, x), w.op("LOG", [_plus(w, small, 1)])])


def _mish(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    return w.op("MUL", [x, w.op("TANH", [_softplus(w, x, a)])])


def _swish(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    return w.op("MUL", [x, w.op("LOGISTIC", [_times(w, x, a["alpha"])])])


def _hard_sigmoid(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    return _clamp(w, _plus(w, _times(w, x, a["alpha"]), a["beta"]), 0, 1)


def _elu(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    if a["alpha"] == 1:
        return w.op("ELU", [x])
    return w.op("ADD", [_positive(w, x), _times(w, _expm1(w, x), a["alpha"])])


def _selu(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    positive = _times(w, _positive(w, x), a["gamma"])
    return w.op("ADD", [positive, _times(w, _expm1(w, x), a["alpha"] * a["gamma"])])


def _celu(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    below = _times(w, _expm1(w, _times(w, x, 1 / a["alpha"])), a["alpha"])
    return w.op("ADD", [_positive(w, x), below])


def _gelu(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    return w.op("GELU", [x], chosen=options("Gelu", approximate=bool(a["tanh"])))


def _select(w: NodeEmission, condition: int, yes: int, no: int) -> int:
    return w.op("SELECT_V2", [condition, yes, no], dtype=w.graph.tensors[yes].dtype)


def _compare(w: NodeEmission, builtin: str, x: int, value: float) -> int:
    return w.op(builtin, [x, w.real_constant(value)], dtype="bool")


def _thresholded_relu(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    return _select(w, _compare(w, "GREATER", x, a["alpha"]), x, w.real_constant(0))


def _shrink(w: NodeEmission, x: int, a: dict[str, float]) -> int:
    zero = w.real_constant(0)
    above = _select(w, _compare(w, "GREATER", x, a["lambd"]), _plus(w, x, -a["bias"]), zero)
    return _select(w, _compare(w, "LESS", x, -a["lambd"]), _plus(w, x, a["bias"]), above)


def _softsign(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    return w.op("DIV", [x, _plus(w, w.op("ABS", [x]), 1)])


def _reciprocal(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    return w.op("DIV", [w.real_constant(1), x])


def _ratio_angle(w: NodeEmission, y: int, x: int) -> int:
    shape = np.broadcast_shapes(w.shape(y), w.shape(x))
    wide = [
        w.op("ADD", [n, w.constant(np.zeros(shape, np.float32))]) if w.shape(n) != shape else n
        for n in (y, x)
    ]
    return w.op("ATAN2", wide, shape)


def _one_minus_square(w: NodeEmission, x: int) -> int:
    """sqrt((1 - x) (1 + x))."""
    left = w.op("SUB", [w.real_constant(1), x])
    return w.op("SQRT", [w.op("MUL", [left, _plus(w, x, 1)])])


def _exponentials(w: NodeEmission, x: int, sign: float) -> int:
    rise = _times(w, w.op("EXP", [x]), 0.5)
    fall = _times(w, w.op("EXP", [w.op("NEG", [x])]), 0.5 * sign)
    return w.op("ADD", [rise, fall])


def _sinh(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    """(e - e^-1) / 2 with e = exp(|x|) where |x| > 1/2, else a series, which does not cancel."""
    square = w.op("MUL", [x, x])
    total = w.real_constant(1 / 5040)
    for term in (1 / 120, 1 / 6, 1.0):
        total = w.op("ADD", [w.op("MUL", [total, square]), w.real_constant(term)])
    near = w.op("MUL", [total, x])
    return _select(w, _compare(w, "GREATER", w.op("ABS", [x]), 0.5), _exponentials(w, x, -1), near)


def _asinh(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    """sign(x) log(|x| + sqrt(x^2 + 1))."""
    root = w.op("SQRT", [_plus(w, w.op("MUL", [x, x]), 1)])
    size = w.op("LOG", [w.op("ADD", [w.op("ABS", [x]), root])])
    return w.op("MUL", [size, w.op("SIGN", [x])])


def _acosh(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    root = w.op("SQRT", [w.op("MUL", [_plus(w, x, -1), _plus(w, x, 1)])])
    return w.op("LOG", [w.op("ADD", [x, root])])


def _atanh(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    below = w.op("SUB", [w.real_constant(1), x])
    return _times(w, w.op("LOG", [w.op("DIV", [_plus(w, x, 1), below])]), 0.5)


def _erf(w: NodeEmission, x: int, _: dict[str, float]) -> int:
    """2 gelu(sqrt(2) x) / (sqrt(2) x) - 1, and the slope at 0."""
    scaled = _times(w, x, 2.0**0.5)
    whole = w.op("GELU", [scaled], chosen=options("Gelu", approximate=False))
    safe = _select(w, _compare(w, "EQUAL", scaled, 0), w.real_constant(1), scaled)
    value = _plus(w, _times(w, w.op("DIV", [whole, safe]), 2), -1)
    return _select(
        w, _compare(w, "LESS", w.op("ABS", [x]), 1e-3), _times(w, x, 2 / np.pi**0.5), value
    )


COMPOSED: dict[str, F] = {
    "LeakyRelu": lambda w, x, a: w.op("LEAKY_RELU", [x], chosen=options("LeakyRelu", alpha=a["alpha"])),
    "Elu": _elu, "Selu": _selu, "Celu": _celu, "Gelu": _gelu, "Softplus": _softplus, "Mish": _mish, "Swish": _swish,
    "HardSigmoid": _hard_sigmoid, "Softsign": _softsign, "Shrink": _shrink, "ThresholdedRelu": _thresholded_relu,
    "Reciprocal": _reciprocal, "Erf": _erf, "Sinh": _sinh,
    "Cosh": lambda w, x, a: _exponentials(w, x, 1), "Asinh": _asinh, "Acosh": _acosh, "Atanh": _atanh,
    "Tan": lambda w, x, a: w.op("DIV", [w.op("SIN", [x]), w.op("COS", [x])]),
    "Atan": lambda w, x, a: _ratio_angle(w, x, w.real_constant(1)),
    "Asin": lambda w, x, a: _ratio_angle(w, x, _one_minus_square(w, x)),
    "Acos": lambda w, x, a: _ratio_angle(w, _one_minus_square(w, x), x),
}  # fmt: skip


def clip(w: NodeEmission, node: ir.Node) -> None:
    """Clip between bounds, computed or constant."""
    item = w.item(node.inputs[0])
    order = item.order
    bounds = [(*node.inputs[1:], None, None)[i] for i in range(2)]
    if w.integer:
        y, kind = w.requantized_tensor(w.tensor(item, order), w.work_kind()), w.work_kind()
        for builtin, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True):
            edge = constant(bound)
            if edge is not None:
                limit = w.constant(kind.quantize(np.ravel(edge)[:1]), kind)
                y = w.op(builtin, [y, limit])
        w.put(y, order)
        return
    y = w.tensor(item, order)
    wide = item.dtype in ("int8", "uint8", "int16")
    y = w.op("CAST", [y], dtype="int32") if wide else y
    for builtin, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True):
        if bound is not None:
            limit = w.reshaped(w.flat(w.item(bound)), (1,)[: len(order)])
            limit = w.op("CAST", [limit], dtype="int32") if wide else limit
            y = w.op(builtin, [y, limit])
    w.put(w.op("CAST", [y], dtype=item.dtype) if wide else y, order)


def finite(w: NodeEmission, node: ir.Node) -> None:
    """Read NaN, infinity and values beyond the limit as 0; small numbers stay, which LiteRT's kernels flush or not."""
    item = w.item(node.inputs[0])
    if item.kind is not None:  # an input that takes integers, which are finite
        w.alias(item, dict(item.tensors))
        return
    x = w.tensor(item, item.order)
    fits = _compare(w, "LESS_EQUAL", w.op("ABS", [x]), float(attribute(node, "limit", 0.0)))
    w.put(_select(w, fits, x, w.real_constant(0)), item.order)
