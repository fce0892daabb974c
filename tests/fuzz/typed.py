"""Steps of random graphs in other element types, by index, and over the values of two inputs."""

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from fuzz.graphs import Graph, Shape

FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)
INTEGERS = {
    TensorProto.INT8: np.int8,
    TensorProto.UINT8: np.uint8,
    TensorProto.INT16: np.int16,
    INT32: np.int32,
    INT64: np.int64,
    TensorProto.UINT32: np.uint32,
}
FLOATS = {TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}


def in_integers(g: "Graph", x: str, shape: "Shape") -> str:
    """A few operators in an integer type, between casts of values that the type holds."""
    kind = g.pick(*INTEGERS)
    dtype = INTEGERS[kind]
    near = g.add("Clip", x, g.const(0.0 if dtype in (np.uint8, np.uint32) else -3.0), g.const(3.0))
    y = g.add("Cast", near, to=kind)
    other = g.const(g.random.integers(1, 5, g.pick((), (1,), shape[-1:])), dtype)
    for _ in range(int(g.random.integers(1, 3))):
        operator = g.pick(
            "Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Abs", "Sign", "Identity"
        )
        wide = dtype in (np.int32, np.int64)
        if operator in ("Add", "Sub", "Mul", "Div", "Abs", "Sign") and not wide:
            operator = g.pick("Max", "Min", "Mod")
        y = g.add(operator, y, *([] if operator in ("Abs", "Sign", "Identity") else [other]))
    return g.add("Cast", y, to=FLOAT)


def bits(g: "Graph", x: str, shape: "Shape") -> str:
    """Operators on the bits of integers, and questions about floats."""
    operator = g.pick(
        "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift", "IsNaN", "IsInf"
    )
    if operator in ("IsNaN", "IsInf"):
        return g.add("Cast", g.add(operator, g.add("Div", x, g.const(g.pick(0.0, 1.0)))), to=FLOAT)
    kind = TensorProto.UINT8 if operator == "BitShift" else g.pick(INT32, INT64)
    whole = g.add("Cast", g.add("Clip", x, g.const(0.0), g.const(60.0)), to=kind)
    if operator == "BitwiseNot":
        return g.add("Cast", g.add(operator, whole), to=FLOAT)
    other = g.const(g.random.integers(0, 3, g.pick((), (1,), shape[-1:])), INTEGERS[kind])
    more = {"direction": g.pick("LEFT", "RIGHT")} if operator == "BitShift" else {}
    return g.add("Cast", g.add(operator, whole, other, **more), to=FLOAT)


def within_domain(g: "Graph", x: str, _: "Shape") -> str:
    """Functions that are defined for some numbers only, after one that gives such."""
    inner = g.add("Tanh", x)
    operator = g.pick(
        "Acos", "Asin", "Atanh", "Tan", "Acosh", "Log", "Sqrt", "Sinh", "Cosh", "Asinh"
    )
    if operator in ("Acosh", "Log", "Sqrt"):
        inner = g.add("Add", inner, g.const(2.5))
    return g.add(operator, inner)


def fused(g: "Graph", x: str, shape: "Shape") -> str:
    """What a recipe of integers makes one layer of: magnitudes, sums of two products, means of squares."""
    if not shape or 0 in shape:
        return g.add("Identity", x)
    y = g.add("Tanh", x)
    if g.random.random() < 0.3:
        return g.add("ReduceMean", g.add("Mul", y, y), g.const([-1], np.int64))
    z = g.add("Sigmoid", g.add("Mul", x, g.normal(*shape[-1:])))
    if g.random.random() < 0.5:
        return g.add("Sqrt", g.add("Add", g.add("Mul", y, y), g.add("Mul", z, z)))
    a, b = (g.add("Mul", v, g.add("Neg", w)) for v, w in ((y, z), (z, x)))
    return g.add(g.pick("Add", "Sub"), a, b)


def in_floats(g: "Graph", x: str, shape: "Shape") -> str:
    """An operator in float16 or float64 between casts."""
    kind = g.pick(*FLOATS)
    y = g.add("Cast", x, to=kind)
    other = g.const(g.random.normal(size=g.pick((), (1,), shape[-1:])), FLOATS[kind])
    y = g.add(g.pick("Add", "Mul", "Sub", "Max"), y, other)
    if shape and g.random.random() < 0.5:
        y = g.add(g.pick("Relu", "Softmax", "Identity"), y)
    return g.add("Cast", y, to=FLOAT)


def logic(g: "Graph", x: str, shape: "Shape") -> str:
    """Comparisons, what joins them, and a choice by them."""
    names = [name for name, s in g.values.items() if s == shape]
    first = g.add(
        g.pick("Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"), x, g.pick(*names)
    )
    second = g.add(g.pick("Less", "Greater"), x, g.const(g.random.normal()))
    joined = g.add(g.pick("And", "Or", "Xor"), first, second)
    if g.random.random() < 0.3:
        joined = g.add("Not", joined)
    if g.random.random() < 0.5:
        return g.add("Cast", joined, to=FLOAT)
    return g.add("Where", joined, x, g.normal(*g.pick((), (1,), shape[-1:])))


def by_index(g: "Graph", x: str, shape: "Shape") -> str:
    """Elements that constant indices name, from either end, read or written."""
    if not shape or 0 in shape:
        return g.add("Identity", x)
    axis, kind = g.axis(shape), g.pick(np.int64, np.int32)
    size = shape[axis]
    operator = g.pick(
        "GatherElements", "ScatterElements", "GatherND", "ScatterND", "OneHot", "ReverseSequence"
    )
    if operator in ("GatherElements", "ScatterElements"):
        sizes = [int(g.random.integers(1, d + 1)) for d in shape]
        places = np.stack([g.random.permutation(size) for _ in range(int(np.prod(shape)) // size)])
        places = np.moveaxis(places.reshape(*np.delete(shape, axis), size), -1, axis)
        places = places[tuple(slice(0, n) for n in sizes)] - g.pick(0, size)
        if operator == "GatherElements":
            return g.add(operator, x, g.const(places, kind), axis=axis)
        how = g.pick("none", "add", "mul", "max", "min")
        return g.add(operator, x, g.const(places, kind), g.normal(*sizes), axis=axis, reduction=how)
    if operator in ("GatherND", "ScatterND"):
        depth = int(g.random.integers(1, len(shape) + 1))
        rows = np.unique(g.random.integers(0, shape[:depth], (3, depth)), axis=0)
        signs = np.where(g.random.random(rows.shape) < 0.3, shape[:depth], 0)
        places = g.const(rows - signs, np.int64)
        if operator == "GatherND":
            return g.add(operator, x, places)
        return g.add(
            operator,
            x,
            places,
            g.normal(len(rows), *shape[depth:]),
            reduction=g.pick("none", "add", "max"),
        )
    if operator == "OneHot":
        clipped = g.add("Cast", g.add("Clip", x, g.const(-2.0), g.const(2.0)), to=INT64)
        values = g.const([-0.5, 1.5])
        return g.add(operator, clipped, g.const(3, np.int64), values, axis=g.pick(-1, 0))
    if len(shape) < 2:
        return g.add("Identity", x)
    lengths = g.const(g.random.integers(1, shape[0] + 1, shape[1]), np.int64)
    return g.add(operator, x, lengths, time_axis=0, batch_axis=1)


def normalized(g: "Graph", x: str, shape: "Shape") -> str:
    """Normalizations over channels, and what reorders them."""
    if len(shape) < 3 or 0 in shape:
        return g.add("Identity", x)
    channels = shape[1]
    operator = g.pick(
        "BatchNormalization", "LRN", "MeanVarianceNormalization", "Trilu", "Einsum", "DepthToSpace"
    )
    if operator == "BatchNormalization":
        variance = g.const(g.random.uniform(0.2, 2, channels))
        return g.add(operator, x, *(g.normal(channels) for _ in range(3)), variance)
    if operator == "LRN":
        return g.add(operator, x, size=int(g.random.integers(1, channels + 2)), alpha=0.1)
    if operator == "MeanVarianceNormalization":
        return g.add(operator, x, axes=[0, *range(2, len(shape))])
    if operator == "Trilu":
        return g.add(operator, x, g.const(g.random.integers(-2, 3), np.int64), upper=g.pick(0, 1))
    if operator == "DepthToSpace" and len(shape) == 4 and channels % 4 == 0:
        return g.add(operator, x, blocksize=2, mode=g.pick("DCR", "CRD"))
    letters = "abcde"[: len(shape)]
    axis = int(g.random.integers(len(shape)))
    return g.add(
        "Einsum",
        x,
        g.normal(shape[axis], 2),
        equation=f"{letters},{letters[axis]}z->{letters.replace(letters[axis], 'z')}",
    )


def top(g: "Graph", x: str, shape: "Shape") -> str:
    """The largest along an axis, where no two are equal."""
    if not shape or 0 in shape:
        return g.add("Identity", x)
    axis = g.axis(shape)
    count = g.const([int(g.random.integers(1, shape[axis] + 1))], np.int64)
    return g.add("TopK", x, count, count=2, axis=axis, largest=g.pick(0, 1))


def branch(g: "Graph", x: str, _shape: "Shape") -> str:
    """A choice between two graphs by a constant, or by a constant expression."""
    sides = {}
    for side in ("then_branch", "else_branch"):
        name = f"{side}{len(g.nodes)}"
        node = helper.make_node(g.pick("Relu", "Neg", "Tanh"), [x], [name])
        sides[side] = helper.make_graph(
            [node], side, [], [helper.make_tensor_value_info(name, FLOAT, None)]
        )
    condition = g.const(g.pick(True, False), np.bool_)
    if g.random.random() < 0.5:
        condition = g.add("Not", condition)
    return g.add("If", condition, **sides)


def another_input(g: "Graph", x: str, shape: "Shape") -> str:
    """An input more, of the same shape or one that broadcasts, joined to the value."""
    if len(g.inputs) > 2:
        return g.add("Identity", x)
    name = f"x{len(g.inputs)}"
    own = (
        shape
        if g.random.random() < 0.6
        else tuple(d if g.random.random() < 0.6 else 1 for d in shape)
    )
    g.values[name] = own
    g.inputs.append(name)
    pair = (x, name) if g.random.random() < 0.5 else (name, x)
    return g.add(g.pick("Add", "Sub", "Mul", "Max", "MatMul"), *pair)


TYPED = (
    in_integers,
    bits,
    within_domain,
    fused,
    in_floats,
    logic,
    by_index,
    by_index,
    normalized,
    normalized,
    top,
    branch,
    another_input,
    another_input,
)
