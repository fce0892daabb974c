"""One case table for the operators: a small network each, which every runtime must run alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 21


@dataclass(frozen=True)
class Input:
    """A computed operand: standard normal, or uniform in [low, high] where those are given.

    Integers need both bounds; bool takes none.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None

    def draw(self, random: np.random.Generator, count: int) -> NDArray[Any]:
        """Seeded values, (count, *shape)."""
        shape = (count, *self.shape)
        if self.dtype == "bool":
            return random.integers(0, 2, shape).astype(bool)
        if self.low is None or self.high is None:
            return random.standard_normal(shape).astype(self.dtype)
        if self.dtype == "float32":
            return random.uniform(self.low, self.high, shape).astype(np.float32)
        return random.integers(int(self.low), int(self.high), shape, np.dtype(self.dtype), True)


@dataclass(frozen=True)
class Case:
    """A network with its inputs.

    `w8a8_snr_db` is what its integer form must reach against the float network; None where the
    operators stay in float. Beside its inputs and outputs that form has `w8a8_floats` float tensors.
    """

    name: str
    onnx: bytes
    inputs: Mapping[str, Input]
    w8a8_snr_db: float | None = None
    w8a8_floats: int = 0


Operand = Input | NDArray[Any] | np.generic | None


def f(*shape: int, low: float | None = None, high: float | None = None) -> Input:
    """A float32 operand."""
    return Input(shape, "float32", low, high)


def n(*shape: int, dtype: str = "int64", low: int = -9, high: int = 9) -> Input:
    """An operand of integers."""
    return Input(shape, dtype, low, high)


def t(*shape: int) -> Input:
    """An operand of truth values."""
    return Input(shape, "bool")


def spread(inputs: int, outputs: int, rank: int) -> NDArray[np.float32]:
    """Factors for a ConvTranspose weight of 6 inputs, by which its output channels differ a hundredfold."""
    groups = 6 // inputs
    factors = np.geomspace(0.05, 5, groups * outputs).reshape(groups, outputs)
    return np.repeat(factors, inputs, 0).reshape(6, outputs, *[1] * rank).astype(np.float32)


def i64(*values: int) -> NDArray[np.int64]:
    """A constant list of int64: axes, pads, sizes."""
    return np.array(values, np.int64)


def c(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """A constant float32 operand, standard normal."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def case(
    name: str,
    op_type: str,
    *operands: Operand,
    outputs: int = 1,
    w8a8: float | None = None,
    opset: int = OPSET,
    **attributes: Any,
) -> Case:
    """One node: operands that are arrays become initializers, None an operand that is left out.

    With `w8a8` each float output goes through Neg, an integer operator, so that data movement too
    has a reason to run in integers.
    """
    names = [f"x{i}" if operand is not None else "" for i, operand in enumerate(operands)]
    results = [f"y{i}" for i in range(outputs)]
    nodes = [helper.make_node(op_type, names, results, name="op", **attributes)]
    if w8a8 is not None:
        nodes += [helper.make_node("Neg", [r], [f"z{i}"]) for i, r in enumerate(results)]
        results = [f"z{i}" for i in range(outputs)]
    named = dict(zip(names, operands, strict=True))
    return network(name, nodes, named, results, w8a8=w8a8, opset=opset)


def network(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    operands: Mapping[str, Operand],
    outputs: Sequence[str],
    w8a8: float | None = None,
    opset: int = OPSET,
) -> Case:
    """Several nodes; operands by name, types and shapes of the outputs are inferred."""
    inputs = {n: o for n, o in operands.items() if isinstance(o, Input)}
    constants = [
        numpy_helper.from_array(np.asarray(o), n)
        for n, o in operands.items()
        if isinstance(o, np.ndarray | np.generic)
    ]
    infos = [
        helper.make_tensor_value_info(
            n, helper.np_dtype_to_tensor_dtype(np.dtype(o.dtype)), o.shape
        )
        for n, o in inputs.items()
    ]
    bare = [onnx.ValueInfoProto(name=n) for n in outputs]
    graph = helper.make_graph(list(nodes), name, infos, bare, constants)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for info in inferred.graph.output:  # inference does not know GroupNormalization
        if not info.type.tensor_type.elem_type:
            info.type.CopyFrom(infos[0].type)
    return Case(name, inferred.SerializeToString(), inputs, w8a8)


# Pointwise functions, arithmetic, comparisons.
POINTWISE: list[Case] = [
    case("relu", "Relu", f(2, 5), w8a8=25),
    case("add_broadcast", "Add", f(2, 1, 5), f(3, 1), w8a8=25),
    case("clip", "Clip", f(3, 7), np.float32(-0.5), np.float32(0.7), w8a8=25),
    case("clip_computed", "Clip", f(3, 7), f(), f()),
    case("clip_low", "Clip", f(3, 7), f(), None),
    case("clip_int", "Clip", n(3, 7, dtype="int32"), None, np.int32(3)),
    *(case(name.lower(), name, f(3, 7, low=-4, high=4), w8a8=18) for name in (
        "Celu", "Selu", "Mish", "Softsign", "Sign", "Floor", "Ceil", "Sin", "Cos", "Atan", "Asinh",
        "HardSigmoid", "HardSwish", "ThresholdedRelu", "Abs", "Elu", "Softplus", "Gelu")),
    case("round", "Round", f(3, 7, low=-4, high=4), w8a8=15),
    case("leakyrelu", "LeakyRelu", f(3, 7), alpha=0.2, w8a8=25),
    case("swish", "Swish", f(3, 7), alpha=1.7, opset=24, w8a8=25),
    case("exp", "Exp", f(3, 7)),
    case("sqrt", "Sqrt", f(3, 7, low=0, high=4)),
    case("reciprocal", "Reciprocal", f(3, 7, low=0.5, high=4)),
    case("celu_alpha", "Celu", f(3, 7), alpha=0.6),
    case("selu_odd", "Selu", f(3, 7), alpha=-1.5, gamma=0.7),
    case("shrink", "Shrink", f(3, 7), lambd=0.6, bias=0.3, w8a8=18),
    case("shrink_default", "Shrink", f(3, 7)),
    case("sin_far", "Sin", f(40, low=-9e3, high=9e3)),
    case("cos_far", "Cos", f(40, low=-9e3, high=9e3)),
    case("round_far", "Round", f(40, low=-9e6, high=9e6)),
    case("floor_far", "Floor", f(40, low=-9e9, high=9e9)),
    case("tan", "Tan", f(40, low=-1.4, high=1.4)),
    case("asin", "Asin", f(40, low=-1, high=1)),
    case("acos", "Acos", f(40, low=-1, high=1)),
    case("sinh", "Sinh", f(40, low=-5, high=5)),
    case("cosh", "Cosh", f(40, low=-5, high=5)),
    case("acosh", "Acosh", f(40, low=1, high=9)),
    case("atanh", "Atanh", f(40, low=-0.99, high=0.99)),
    *(case(f"pow_{label}", "Pow", f(3, 7, low=0.1, high=4), np.float32(y)) for label, y in (
        ("square", 2), ("cube", 3), ("root", 0.5), ("inverse", -1), ("general", 2.7), ("four", 4))),
    case("pow_signed", "Pow", f(3, 7), np.array([[-3], [2], [5]], np.float32)),
    case("pow_computed", "Pow", f(3, 7, low=0.1, high=4), f(3, 1)),
    case("pow_int_exponent", "Pow", f(3, 7), n(7, low=-3, high=5)),
    case("pow_int", "Pow", n(3, 7), n(7, dtype="int32", low=0, high=5)),
    case("sum_3", "Sum", f(2, 3), f(3), f(2, 1)),
    case("sum_1", "Sum", f(2, 3)),
    case("mean_3", "Mean", f(2, 3), f(3), f(2, 1)),
    case("max_3", "Max", f(2, 3), f(3), f(2, 1), w8a8=25),
    case("min_2", "Min", f(2, 3), f(2, 1), w8a8=25),
    case("min_constant", "Min", f(2, 9), np.float32(0.4), w8a8=25),
    case("max_infinite", "Max", f(2, 9), np.float32(-np.inf)),
    case("where_zero", "Where", t(3, 5), f(5), np.float32(0), w8a8=25),
    case("where_computed", "Where", t(3, 5), f(5), f(3, 1), w8a8=25),
    case("div_scalar", "Div", f(2, 9), np.float32(-3), w8a8=25),
    case("div_one", "Div", f(2, 9), np.array([[0.07]], np.float32), w8a8=25),
    case("erf", "Erf", f(3, 7), w8a8=25),
    case("max_int", "Max", n(2, 3), n(3), n(2, 1)),
    case("min_uint8", "Min", n(2, 3, dtype="uint8", low=0, high=255), n(3, dtype="uint8", low=0, high=255)),
    case("prelu_channels", "PRelu", f(2, 3, 4), c(3, 1)),
    case("prelu_images", "PRelu", f(2, 3, 4), np.abs(c(3, 1)), w8a8=25),
    case("prelu_computed", "PRelu", f(2, 3, 4), f(4)),
    *(case(f"{name.lower()}_{dtype}", name, n(3, 5, dtype=dtype, low=low, high=100),
           n(5, dtype=dtype, low=1, high=9))
      for name in ("Add", "Sub", "Mul", "Div") for dtype, low in
      (("int64", -100), ("int32", -100), ("int8", -100), ("uint8", 0))),
    *(case(f"mod_{dtype}", "Mod", n(3, 5, dtype=dtype), n(5, dtype=dtype, low=1, high=9))
      for dtype in ("int64", "int32", "int8")),
    case("mod_negative", "Mod", n(3, 5), n(5, low=-9, high=-1)),
    case("mod_fmod_int", "Mod", n(3, 5), n(5, low=-9, high=-1), fmod=1),
    case("mod_fmod", "Mod", f(40, low=-99, high=99), f(40, low=0.1, high=9), fmod=1),
    *(case(f"{name.lower()}_int", name, n(3, 5, dtype=dtype))
      for name, dtype in (("Abs", "int64"), ("Neg", "int32"), ("Sign", "int8"), ("Relu", "int32"))),
    *(case(f"{name.lower()}_{dtype}", name, Input((3, 5), dtype, -3, 3), Input((5,), dtype, -3, 3))
      for name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
      for dtype in ("float32", "int64", "int32")),
    case("equal_bool", "Equal", t(3, 5), t(5)),
    *(case(name.lower(), name, t(3, 1), t(5)) for name in ("And", "Or", "Xor")),
    case("not", "Not", t(3, 5)),
    *(case(name.lower(), name, n(3, 5, dtype="int32"), n(5, dtype="int32"))
      for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")),
    *(
        case(f"bit_shift_{direction}", "BitShift", n(3, 5, dtype="uint8", low=0, high=255),
             n(5, dtype="uint8", low=0, high=11), direction=direction.upper())
        for direction in ("left", "right")
    ),
    case("bitwisenot", "BitwiseNot", n(3, 5, dtype="uint8", low=0, high=255)),
    case("where", "Where", t(3, 5), f(5), c(3, 1)),
    case("where_int", "Where", t(5), n(3, 5), np.int64(0)),
    *(case(f"cast_{source}_{target}".lower(), "Cast", Input((3, 5), source, low, 100),
           to=getattr(onnx.TensorProto, target))
      for source, low in (("float32", -99), ("int64", -99), ("int32", -99), ("uint8", 0), ("bool", None))
      for target in ("FLOAT", "INT64", "INT32", "INT8", "BOOL")),
    case("cast_unsigned", "Cast", f(3, 5, low=0, high=255), to=onnx.TensorProto.UINT8),
    case("mask_with_infinity", "Where", t(3, 5), f(5), np.array([[np.inf], [-np.inf], [0.0]], np.float32)),
    case("isnan", "IsNaN", f(3, 5)),
    case("isinf", "IsInf", f(3, 5), detect_negative=0),
    network("nan_found", [
        helper.make_node("Log", ["x"], ["l"]), helper.make_node("Div", ["x", "z"], ["q"]),
        helper.make_node("IsNaN", ["l"], ["n"]), helper.make_node("IsInf", ["q"], ["i"]),
        helper.make_node("Where", ["n", "z", "l"], ["w"]),
    ], {"x": f(3, 5), "z": np.float32(0)}, ["n", "i", "w"]),
    network("mask", [
        helper.make_node("Greater", ["x", "limit"], ["m"]),
        helper.make_node("Cast", ["m"], ["k"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "k"], ["y"]),
    ], {"x": f(3, 5), "limit": np.float32(0.3)}, ["y", "m"]),
]  # fmt: skip

# Operators whose result a sigmoid reads as int16.
WIDE: list[tuple[str, str, dict[str, Operand], dict[str, Any]]] = [
    ("add", "Add", {"b": f(3, 1)}, {}),
    ("sub_constant", "Sub", {"b": np.float32(0.7)}, {}),
    ("mul", "Mul", {"b": f(1, 3, 6)}, {}),
    ("average", "AveragePool", {}, {"kernel_shape": [3], "pads": [1, 1]}),
    ("mean", "ReduceMean", {"axes": i64(2)}, {}),
    ("sum", "ReduceSum", {"axes": i64(1)}, {}),
    ("max", "Max", {"b": f(6)}, {}),
    ("function", "HardSwish", {}, {}),
    ("prelu", "PRelu", {"slope": c(3, 1)}, {}),
    ("division", "Div", {"d": np.float32(0.3)}, {}),
]

# Reductions, softmax and its like, normalizations.
ROWS: list[Case] = [
    case("softmax", "Softmax", f(2, 3, 5)),
    case("reduce_mean", "ReduceMean", f(2, 3, 5), i64(1), keepdims=0, w8a8=25),
    *(
        case(
            f"{name.lower()}_axes_{''.join(map(str, axes))}",
            name,
            f(2, 3, 4, 5, low=-1, high=3),
            i64(*axes),
            w8a8=25,
        )
        for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
        for axes in ((0,), (1, 2), (-1, -2), (0, 1, 2, 3))
    ),
    *(
        case(f"{name.lower()}_long_{x.dtype}", name, x, i64(1))
        for name in ("ReduceMax", "ReduceMin")
        for x in (f(2, 150), n(2, 90, dtype="int8"), n(2, 90, dtype="uint8", low=0))
    ),
    case("reduce_mean_apart", "ReduceMean", f(2, 3, 4), i64(0, 2)),
    *(
        network(
            f"wide_{label}",
            [
                helper.make_node(op, ["a", *names], ["y"], **attributes),
                helper.make_node("Sigmoid", ["y"], ["z"]),
            ],
            {"a": f(1, 3, 6, low=-3, high=3), **operands},
            ["z"],
            w8a8=25,
        )
        for label, op, operands, attributes in WIDE
        for names in [list(operands)]
    ),
    *(
        case(f"{name.lower()}_{label}", name, f(2, 3, 5, low=0.1, high=3), axes, keepdims=keep)
        for name in (
            "ReduceSum",
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceL1",
            "ReduceL2",
            "ReduceSumSquare",
            "ReduceLogSum",
            "ReduceLogSumExp",
        )
        for label, axes, keep in (("last", i64(-1), 1), ("outer", i64(0, 2), 0), ("all", None, 1))
    ),
    *(
        case(f"{name.lower()}_int", name, n(2, 3, 5), i64(1))
        for name in (
            "ReduceSum",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceL1",
            "ReduceSumSquare",
        )
    ),
    case("reducesum_noop", "ReduceSum", f(2, 3), None, noop_with_empty_axes=1),
    case("reducemax_uint8", "ReduceMax", n(2, 3, dtype="uint8", low=0, high=255), i64(1)),
    case("reducelogsumexp_large", "ReduceLogSumExp", f(4, 9, low=80, high=99), i64(1)),
    case("reducesum_negative", "ReduceL1", f(4, 9), i64(1)),
    *(
        case(f"{name.lower()}_{axis}", name, f(2, 3, 5), axis=axis)
        for name in ("Softmax", "LogSoftmax", "Hardmax")
        for axis in (0, 1, 2)
    ),
    *(
        case(f"{name.lower()}_axis{axis}", name, f(2, 3, 5), axis=axis, keepdims=keep)
        for name in ("ArgMax", "ArgMin")
        for axis, keep in ((0, 1), (1, 0), (2, 1))
    ),
    case(
        "argmax_last", "ArgMax", n(2, 9, low=0, high=2, dtype="int32"), axis=1, select_last_index=1
    ),
    case(
        "argmin_last", "ArgMin", n(2, 9, low=0, high=2, dtype="int8"), axis=1, select_last_index=1
    ),
    *(
        case(
            f"topk_axis{axis}_{'largest' if largest else 'smallest'}",
            "TopK",
            n(3, 4, 6, low=-3, high=3),
            i64(k),
            outputs=2,
            axis=axis,
            largest=largest,
        )
        for axis, k, largest in ((0, 3, 1), (1, 2, 0), (2, 1, 1), (-1, 6, 0))
    ),
    case("topk_float", "TopK", f(2, 5, 3), i64(3), outputs=2, axis=1),
    network(
        "topk_values_alone",
        [
            helper.make_node("Relu", ["x"], ["r"]),  # ties at 0
            helper.make_node("TopK", ["r", "k"], ["v", "unread"], axis=1),
            helper.make_node("Neg", ["v"], ["y"]),
        ],
        {"x": f(2, 7, 3), "k": i64(4)},
        ["y"],
        w8a8=30,
    ),
    network(
        "topk_places_alone",
        [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("TopK", ["r", "k"], ["unread", "y"], axis=0, largest=0),
        ],
        {"x": f(6, 3), "k": i64(2)},
        ["y"],
    ),
    network(
        "topk_in_integers",
        [
            helper.make_node("Neg", ["x"], ["r"]),
            helper.make_node("TopK", ["r", "k"], ["v", "places"]),
            helper.make_node("Neg", ["v"], ["y"]),
            helper.make_node("GatherElements", ["r", "places"], ["again"], axis=-1),
            helper.make_node("Neg", ["again"], ["z"]),
        ],
        {"x": f(3, 17), "k": i64(5)},
        ["y", "z"],
        w8a8=30,
    ),
    case("topk_int32", "TopK", n(2, 9, low=0, high=3, dtype="int32"), i64(4), outputs=2),
    case(
        "topk_int8", "TopK", n(2, 9, low=-128, high=127, dtype="int8"), i64(3), outputs=2, largest=0
    ),
    *(
        case(f"cumsum_{label}", "CumSum", f(2, 3, 5), np.int64(axis), **attributes)
        for label, axis, attributes in (
            ("plain", 1, {}),
            ("reverse", 0, {"reverse": 1}),
            ("exclusive", 2, {"exclusive": 1}),
            ("both", -2, {"reverse": 1, "exclusive": 1}),
        )
    ),
    case("cumsum_int", "CumSum", n(2, 9), np.int32(1)),
    *(
        case(f"lp_{p}_{axis}", "LpNormalization", f(2, 3, 5), p=p, axis=axis)
        for p in (1, 2)
        for axis in (0, 2)
    ),
    *(
        case(
            f"layernorm_{axis}",
            "LayerNormalization",
            f(2, 3, 5),
            c(*shape),
            c(*shape, seed=1),
            outputs=3,
            axis=axis,
        )
        for axis, shape in ((2, (5,)), (1, (3, 5)), (0, (2, 3, 5)))
    ),
    case("layernorm_plain", "LayerNormalization", f(2, 3, 5), c(5), epsilon=0.1),
    *(
        case(f"rmsnorm_{axis}", "RMSNormalization", f(2, 3, 5), c(*shape), axis=axis, opset=23)
        for axis, shape in ((2, (5,)), (1, (3, 5)))
    ),
    case("groupnorm", "GroupNormalization", f(2, 6, 4, 3), c(6), c(6, seed=1), num_groups=3),
    case("groupnorm_computed", "GroupNormalization", f(1, 6, 4), f(6), f(6), num_groups=2),
    case("instancenorm", "InstanceNormalization", f(2, 3, 4, 5), c(3), c(3, seed=1), epsilon=1e-3),
    case("batchnorm", "BatchNormalization", f(2, 3, 4, 5), f(3), f(3), f(3), f(3, low=0.5, high=2)),
    case("lrn", "LRN", f(2, 5, 3, 4), size=3),
    *(
        case(f"lrn_{size}", "LRN", f(1, 5, 3, 7), size=size, alpha=0.3, beta=0.6, bias=1.5)
        for size in (1, 5, 11)
    ),
    case("lrn_one_channel", "LRN", f(3, 1, 1, 9), size=3, alpha=2.0, beta=2.0, bias=0.25),
    case("batchnorm_flat", "BatchNormalization", f(2, 3), f(3), f(3), f(3), f(3, low=0.5, high=2)),
]

# Data movement.
MOVEMENT: list[Case] = [
    case("transpose", "Transpose", f(2, 3, 4), perm=[2, 0, 1], w8a8=25),
    case(
        "slice_steps",
        "Slice",
        f(5, 6, 7),
        i64(-1, 1),
        i64(-9, 100),
        i64(0, -1),
        i64(-2, 3),
        w8a8=25,
    ),
    case("concat", "Concat", f(2, 3), f(2, 4, low=-3, high=2), c(2, 1), axis=-1, w8a8=25),
    case("reshape", "Reshape", f(2, 3, 4), i64(0, -1, 2), w8a8=25),
    case("unsqueeze", "Unsqueeze", f(3, 4), i64(0, -1), w8a8=25),
    case("split_num_outputs", "Split", f(2, 7), outputs=3, axis=-1, num_outputs=3, w8a8=25),
    case("expand", "Expand", f(3, 1), i64(2, 1, 4), w8a8=25),
    case("gather", "Gather", f(3, 5, 4), np.array([[0, -1], [2, 2]]), axis=1, w8a8=25),
    case("gather_one", "Gather", f(3, 5), np.array(1), axis=-1, w8a8=25),
    case(
        "gather_elements",
        "GatherElements",
        f(3, 4),
        np.array([[0, -1, 1], [2, 0, 0]]),
        axis=0,
        w8a8=25,
    ),
    case("gather_nd", "GatherND", f(2, 3, 4), np.array([[[0, 1]], [[-1, 0]]]), w8a8=25),
    case("gather_nd_one", "GatherND", f(2, 3, 4), i64(1, -1, 2)),
    case("gather_nd_batch", "GatherND", f(2, 3, 4), np.array([[1], [0]]), batch_dims=1, w8a8=25),
    case("scatter_nd", "ScatterND", f(4, 5), np.array([[2], [0]]), f(2, 5), w8a8=25),
    case("scatter_nd_constant", "ScatterND", c(4, 5), np.array([[2, 1], [0, 4]]), f(2), w8a8=25),
    case("scatter_nd_add", "ScatterND", f(4, 5), np.array([[2], [2]]), f(2, 5), reduction="add"),
    case("scatter_elements", "ScatterElements", f(3, 4), np.array([[1, 0, -1]]), f(1, 3), w8a8=25),
    *(
        case(
            f"scatter_elements_{name}",
            "ScatterElements",
            f(3, 4),
            np.array([[1, 0, 1], [1, 2, 0]]),
            f(2, 3),
            axis=1,
            reduction=name,
        )
        for name in ("add", "mul", "max", "min")
    ),
    case("tile", "Tile", f(2, 3, 1), i64(2, 1, 3), w8a8=25),
    case("depth_to_space", "DepthToSpace", f(1, 8, 2, 3), blocksize=2, w8a8=25),
    case("depth_to_space_crd", "DepthToSpace", f(1, 8, 2, 3), blocksize=2, mode="CRD", w8a8=25),
    case("space_to_depth", "SpaceToDepth", f(1, 2, 4, 6), blocksize=2, w8a8=25),
    case(
        "reverse_sequence",
        "ReverseSequence",
        f(4, 3, 2),
        i64(1, 4, 3),
        time_axis=0,
        batch_axis=1,
        w8a8=25,
    ),
    case("compress", "Compress", f(3, 4), np.array([True, False, True]), axis=0, w8a8=25),
    case("compress_flat", "Compress", f(3, 4), np.array([False, True, False, True, True]), w8a8=25),
    case("trilu", "Trilu", f(2, 4, 5), np.array(-1), upper=0),
    case("center_crop_pad", "CenterCropPad", f(5, 4), i64(2, 7)),
    case("pad", "Pad", f(3, 4), i64(1, -1, 0, 2), w8a8=25),
    case("pad_value", "Pad", f(3, 4), i64(1, 0, 0, 2), np.float32(1.5)),
    *(
        case(f"pad_{mode}", "Pad", f(3, 5), i64(1, 2, 0, 3), mode=mode, w8a8=25)
        for mode in ("edge", "reflect", "wrap")
    ),
    case("pad_axes", "Pad", f(3, 5), i64(2, 1), np.float32(0), i64(-2), w8a8=25),
    case("squeeze", "Squeeze", f(1, 3, 1, 4), i64(0, -2), w8a8=25),
    case("flatten", "Flatten", f(2, 3, 4), axis=2, w8a8=25),
    case("gather_rows", "Gather", f(7, 3, 2), n(2, 1, low=-7, high=6)),
    case("gather_columns", "Gather", f(2, 7, 3), n(4, low=-7, high=6), axis=1, w8a8=25),
    case("gather_last", "Gather", f(2, 3, 7), n(1, low=-7, high=6), axis=-1),
    case(
        "gather_elements_rows",
        "GatherElements",
        f(7, 3, 2),
        n(4, 3, 2, low=-7, high=6),
        axis=0,
        w8a8=25,
    ),
    case("gather_elements_last", "GatherElements", f(2, 3, 7), n(1, 2, 3, low=0, high=6), axis=-1),
    case(
        "gather_elements_int32",
        "GatherElements",
        f(2, 9),
        n(2, 3, dtype="int32", low=-9, high=8),
        axis=1,
        w8a8=25,
    ),
    case("gather_elements_table", "GatherElements", c(2, 9), n(2, 3, low=-9, high=8), axis=1),
    case("gather_nd_rows", "GatherND", f(4, 3, 5), n(2, 3, 2, low=-3, high=2), w8a8=25),
    case(
        "gather_nd_batch",
        "GatherND",
        f(2, 4, 3, 5),
        n(2, 6, 1, low=-4, high=3),
        batch_dims=1,
        w8a8=25,
    ),
    case("gather_nd_batches", "GatherND", f(2, 3, 4, 3), n(2, 3, 2, low=0, high=2), batch_dims=2),
    case("gather_nd_elements", "GatherND", f(4, 3), n(5, 2, low=-3, high=2)),
    case("gather_constant_rows", "Gather", c(7, 6), n(1, low=0, high=6), w8a8=25),
    case("gather_int32", "Gather", Input((3, 4), "int32", -9, 9), i64(2, 0), axis=1),
]

# Pooling, resizing, products.
POOLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pads": {"pads": [1, 0, 2, 1], "strides": [2, 2]},
    "ceil": {"ceil_mode": 1, "strides": [3, 2], "pads": [1, 1, 0, 0]},
    "dilated": {"dilations": [2, 3]},
    "same_upper": {"auto_pad": "SAME_UPPER", "strides": [2, 1]},
    "same_lower": {"auto_pad": "SAME_LOWER", "strides": [2, 1]},
    "valid": {"auto_pad": "VALID"},
}
POOLING: list[Case] = [
    *(
        case(
            f"resize_{mode}_{rule}_{name}",
            "Resize",
            f(1, 2, 5, 6),
            None,
            np.array(scales, np.float32),
            mode=mode,
            coordinate_transformation_mode=rule,
            w8a8=25 if mode == "nearest" else None,
        )
        for name, scales in (("up", [1, 1, 2, 3]), ("down", [1, 1, 0.6, 0.5]))
        for rule in (
            "half_pixel",
            "half_pixel_symmetric",
            "pytorch_half_pixel",
            "align_corners",
            "asymmetric",
        )
        for mode in ("nearest", "linear", "cubic")
    ),
    *(
        case(
            f"resize_nearest_{rule}",
            "Resize",
            f(1, 2, 5, 6),
            None,
            None,
            i64(1, 2, 8, 4),
            nearest_mode=rule,
            coordinate_transformation_mode="half_pixel",
        )
        for rule in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    case(
        "resize_cubic_exclude",
        "Resize",
        f(1, 1, 5, 6),
        None,
        None,
        i64(1, 1, 8, 9),
        mode="cubic",
        exclude_outside=1,
        cubic_coeff_a=-0.5,
    ),
    case("resize_linear_1d", "Resize", f(1, 2, 6), None, None, i64(1, 2, 9), mode="linear"),
    case(
        "resize_crop",
        "Resize",
        f(1, 1, 5, 6),
        np.array([0, 0, 0.4, 0.2, 1, 1, 1.2, 0.7], np.float32),
        None,
        i64(1, 1, 3, 4),
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
    ),
    case(
        "resize_not_larger",
        "Resize",
        f(1, 1, 4, 6),
        None,
        None,
        i64(9, 9),
        axes=[2, 3],
        mode="linear",
        keep_aspect_ratio_policy="not_larger",
    ),
    *(
        case(
            f"{op.lower()}_{name}",
            op,
            f(1, 3, 9, 8),
            kernel_shape=[3, 2],
            **attributes,
            w8a8=None if op == "LpPool" or (op, name) == ("AveragePool", "dilated") else 25,
        )
        for op in ("MaxPool", "AveragePool", "LpPool")
        for name, attributes in POOLS.items()
    ),
    *(
        case(
            f"average_pool_include_{name}",
            "AveragePool",
            f(2, 3, 9, 8),
            kernel_shape=[3, 2],
            count_include_pad=1,
            w8a8=None if name in ("ceil", "dilated") else 25,
            **attributes,
        )
        for name, attributes in POOLS.items()
    ),
    case(
        "average_pool_include_valid",
        "AveragePool",
        f(2, 3, 9, 8),
        kernel_shape=[3, 3],
        strides=[2, 2],
        auto_pad="VALID",
        ceil_mode=1,
        count_include_pad=1,
    ),
    case("max_pool_column", "MaxPool", f(1, 3, 9, 1), kernel_shape=[3, 1], strides=[2, 1], w8a8=25),
    case("max_pool_1d", "MaxPool", f(1, 3, 9), kernel_shape=[3], w8a8=25),
    case("average_pool_1d", "AveragePool", f(1, 3, 9), kernel_shape=[4], pads=[1, 2], w8a8=25),
    *(case(f"lp_pool_{p}", "LpPool", f(1, 3, 9), kernel_shape=[3], p=p) for p in (1, 2, 3, 4)),
    case("global_max_pool", "GlobalMaxPool", f(2, 3, 4, 5), w8a8=25),
    case("global_average_pool", "GlobalAveragePool", f(2, 3, 4, 5), w8a8=25),
    case("global_average_pool_3d", "GlobalAveragePool", f(1, 3, 2, 4, 5), w8a8=25),
    case("global_lp_pool", "GlobalLpPool", f(1, 3, 4, 5)),
    *(
        case(
            f"grid_sample_{mode}_{padding}_{corners}",
            "GridSample",
            f(2, 3, 4, 5),
            f(2, 3, 2, 2, low=-1.8, high=1.8),
            mode=mode,
            padding_mode=padding,
            align_corners=corners,
        )
        for mode in ("linear", "nearest")
        for padding in ("zeros", "border", "reflection")
        for corners in (0, 1)
    ),
    case("dft_real", "DFT", f(2, 10, 1), None, np.array(1), onesided=1),
    case("dft_complex", "DFT", f(3, 7, 2), None, np.array(1)),
    case("dft_inverse", "DFT", f(3, 7, 2), None, np.array(0), inverse=1),
    case("dft_back", "DFT", f(3, 9, 2), np.array(16), np.array(1), inverse=1, onesided=1),
    case("dft_back_odd", "DFT", f(2, 3, 2), np.array(3), np.array(0), inverse=1, onesided=1),
    case("dft_padded", "DFT", f(2, 5, 1), np.array(8), np.array(-2)),
    case("dft_cut", "DFT", f(2, 9, 1), np.array(6), np.array(-2), onesided=1),
    case("dft_fast", "DFT", f(2, 64, 1), None, np.array(1), onesided=1),
    case("dft_fast_first_axis", "DFT", f(48, 3, 1), None, np.array(0), onesided=1),
    case("stft", "STFT", f(1, 128, 1), np.array(32), c(64), np.array(64)),
    case("stft_twosided", "STFT", f(2, 40, 1), np.array(5), None, np.array(12), onesided=0),
    case("einsum_matmul", "Einsum", f(2, 3, 4), f(2, 4, 5), equation="bij,bjk->bik"),
    case("einsum_transposed", "Einsum", f(3, 2, 4), f(5, 4, 2), equation="ibj, kjb -> kbi"),
    case("einsum_rest", "Einsum", f(2, 3, 4), c(4, 5), equation="...ij,jk->...ik"),
    case("einsum_rests", "Einsum", f(3, 4), f(2, 4, 3), equation="i...,b...i->..."),
    case("einsum_sum", "Einsum", f(3, 4), equation="ij->i"),
    case("einsum_transpose", "Einsum", f(3, 4), equation="ij->ji"),
    case("einsum_implicit", "Einsum", f(3, 4), f(4, 2), equation="ij,jk"),
    case("einsum_outer", "Einsum", f(3), f(4), equation="i,j->ij"),
    case("einsum_inner", "Einsum", f(2, 3), f(2, 3), equation="ij,ij->"),
    case("gemm_computed", "Gemm", f(3, 4), f(4, 5), f(5)),
    case(
        "gemm_transposed",
        "Gemm",
        f(4, 3),
        f(5, 4),
        f(3, 1),
        alpha=0.5,
        beta=-2.0,
        transA=1,
        transB=1,
    ),
    case(
        "gemm_constant_factors",
        "Gemm",
        f(4, 3),
        c(5, 4),
        c(3, 5),
        alpha=0.5,
        beta=-2.0,
        transA=1,
        transB=1,
    ),
    case("matmul_vectors", "MatMul", f(7), f(7)),
    case("matmul_vector_left", "MatMul", f(4), f(2, 4, 3)),
    case("matmul_vector_right", "MatMul", f(2, 3, 4), f(4)),
    case("matmul_batches", "MatMul", f(2, 1, 3, 4), f(5, 4, 2)),
    case("matmul_one_matrix", "MatMul", f(2, 5, 3, 4), f(4, 2)),
    case("conv_computed", "Conv", f(1, 2, 6, 5), f(3, 2, 3, 3), f(3), pads=[1, 0, 1, 2]),
    case("conv_images", "Conv", f(2, 2, 6, 5), c(4, 1, 3, 2), group=2, strides=[2, 1]),
    *(
        case(
            f"conv_{mode.lower()}",
            "Conv",
            f(1, 2, 7, 6),
            c(3, 2, 4, 3),
            c(3),
            auto_pad=mode,
            strides=[2, 2],
        )
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    *(
        case(
            f"deform_conv_{name}",
            "DeformConv",
            f(images, 4, 6, 5),
            c(6, 4 // group, *kernel) if constant else f(6, 4 // group, *kernel),
            f(images, 2 * offset_group * kernel[0] * kernel[1], *out, low=-3, high=3),
            *more,
            group=group,
            offset_group=offset_group,
            **options,
        )
        for name, images, constant, kernel, out, group, offset_group, more, options in (
            ("plain", 1, True, (3, 3), (6, 5), 1, 1, (), {"pads": [1, 1, 1, 1]}),
            ("groups", 2, True, (3, 2), (4, 4), 2, 1, (c(6),), {}),
            ("offset_groups", 1, False, (2, 2), (5, 4), 1, 2, (f(6), f(1, 8, 5, 4)), {}),
            (
                "mask",
                2,
                True,
                (3, 3),
                (3, 2),
                2,
                4,
                (None, f(2, 36, 3, 2)),
                {"strides": [2, 2], "dilations": [1, 1], "pads": [1, 0, 1, 1]},
            ),
            (
                "dilated",
                1,
                True,
                (3, 3),
                (3, 4),
                1,
                1,
                (c(6),),
                {"strides": [1, 1], "dilations": [2, 1], "pads": [0, 0, 1, 1]},
            ),
        )
    ),
    case(
        "conv_column",
        "Conv",
        f(1, 2, 17, 1),
        c(3, 2, 4, 1),
        strides=[2, 1],
        pads=[1, 0, 2, 0],
        w8a8=25,
    ),
    case("conv_1d", "Conv", f(1, 2, 9), c(3, 2, 3), dilations=[2], w8a8=25),
    *(
        case(
            f"conv_transpose_{mode.lower()}",
            "ConvTranspose",
            f(1, 2, 4, 3),
            c(2, 3, 4, 3),
            c(3),
            auto_pad=mode,
            strides=[2, 2],
        )
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case(
        "conv_transpose_output_padding",
        "ConvTranspose",
        f(1, 2, 4, 3),
        f(2, 3, 3, 3),
        strides=[3, 2],
        output_padding=[1, 1],
        pads=[1, 0, 0, 2],
    ),
    case(
        "conv_transpose_output_shape",
        "ConvTranspose",
        f(1, 2, 4, 3),
        c(2, 3, 3, 3),
        strides=[3, 2],
        output_shape=[11, 6],
    ),
    case(
        "conv_transpose_images", "ConvTranspose", f(2, 2, 5), c(2, 3, 3), strides=[2], dilations=[2]
    ),
    case(
        "conv_transpose_taps_apart",
        "ConvTranspose",
        f(1, 2, 5),
        c(2, 3, 4),
        strides=[2],
        dilations=[3],
        pads=[1, 1],
    ),
    *(
        network(
            f"conv_transpose_{label}_{act.lower()}",
            [
                helper.make_node(
                    "ConvTranspose",
                    ["x", "w", "b"],
                    ["y"],
                    group=group,
                    strides=[2] * rank,
                    dilations=[3] * rank,
                    pads=[1] * rank + [2] * rank,
                ),
                helper.make_node(act, ["y", "s"] if act == "PRelu" else ["y"], ["z"]),
            ],
            {
                "x": f(1, 6, *(5, 4)[:rank]),
                "w": c(6, per_group, *(3, 2)[:rank]) * spread(6 // group, per_group, rank),
                "b": c(group * per_group),
                "s": c(group * per_group, *[1] * rank),
            },
            ["z"],
            w8a8=25,
        )
        for rank in (1, 2)
        for label, group, per_group in (
            (f"{rank}d", 1, 4),
            (f"{rank}d_depthwise", 6, 1),
            (f"{rank}d_grouped", 3, 4),
        )
        for act in ("Relu", "PRelu", "Tanh")
    ),
]

GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def cell(
    name: str,
    op_type: str,
    x: Input,
    *,
    kept: str = "y h",
    lengths: Operand = None,
    h: Operand = None,
    c0: Operand = None,
    bias: bool = True,
    w8a8: float | None = None,
    **attributes: Any,
) -> Case:
    """A recurrent layer of 5 units: `kept` names its outputs, of ``y h c``."""
    units, directions = 5, 2 if attributes.get("direction") == "bidirectional" else 1
    rows, inputs = GATES[op_type] * units, x.shape[-1]
    operands: dict[str, Operand] = {
        "x": x,
        "w": c(directions, rows, inputs) * np.float32(0.5),
        "r": c(directions, rows, units, seed=1) * np.float32(0.5),
        "b": c(directions, 2 * rows, seed=2) * np.float32(0.3) if bias else None,
        "lengths": lengths,
        "h0": h,
        "c0": c0,
    }
    outputs = [n if n in kept.split() else "" for n in ("y", "h", "c")[: 3 if "c" in kept else 2]]
    names = [n if o is not None else "" for n, o in operands.items()]
    while not names[-1]:
        names.pop()
    nodes = [helper.make_node(op_type, names, outputs, "op", hidden_size=units, **attributes)]
    results = [n for n in outputs if n]
    if w8a8 is not None:
        followed = [r for r in results if r != "c"]
        nodes += [helper.make_node("Neg", [r], [f"{r}_neg"]) for r in followed]
        results = [f"{r}_neg" if r in followed else r for r in results]
    joined = 2 if directions == 2 and "c" in kept else 0
    return replace(network(name, nodes, operands, results, w8a8=w8a8), w8a8_floats=joined)


# Recurrent layers: x is (time, batch, features).
WITHIN = {"low": -0.9, "high": 0.9}
RECURRENT: list[Case] = [
    *(
        cell(
            f"gru_{direction}_{reset}_{batch}",
            "GRU",
            f(4, batch, 3),
            direction=direction,
            linear_before_reset=reset,
            w8a8=25,
        )
        for direction in ("forward", "reverse", "bidirectional")
        for reset in (0, 1)
        for batch in (1, 3)
    ),
    *(
        cell(f"gru_one_step_{'_'.join(kept.split())}", "GRU", f(1, 3, 4), kept=kept, h=h, w8a8=25)
        for kept, h in (
            ("y", f(1, 3, 5, **WITHIN)),
            ("h", f(1, 3, 5, **WITHIN)),
            ("y h", f(1, 3, 5, **WITHIN)),
        )
    ),
    cell("gru_state_computed", "GRU", f(3, 2, 4), h=f(1, 2, 5, **WITHIN), w8a8=25),
    cell("gru_state_constant", "GRU", f(3, 2, 4), h=np.tanh(c(1, 2, 5)), w8a8=25),
    cell("gru_state_large", "GRU", f(3, 2, 4), h=c(1, 2, 5) * np.float32(3)),
    cell("gru_last_both", "GRU", f(3, 2, 4), kept="h", h=f(2, 2, 5), direction="bidirectional"),
    cell("gru_lengths", "GRU", f(3, 2, 4), lengths=np.full(2, 3, np.int32), direction="reverse"),
    cell("gru_bare", "GRU", f(3, 1, 4), kept="y", bias=False, w8a8=25),
    *(
        cell(
            f"lstm_{direction}_{batch}",
            "LSTM",
            f(4, batch, 3),
            kept="y h c",
            direction=direction,
            w8a8=25,
        )
        for direction in ("forward", "reverse", "bidirectional")
        for batch in (1, 3)
    ),
    *(
        cell(
            f"lstm_{steps}_{'_'.join(kept.split())}",
            "LSTM",
            f(steps, 2, 4),
            kept=kept,
            h=f(1, 2, 5, **WITHIN),
            c0=f(1, 2, 5, low=-4, high=4),
            w8a8=25,
        )
        for steps in (1, 3)
        for kept in ("y", "h", "c", "y c", "h c", "y h c")
    ),
    cell("lstm_memory_only", "LSTM", f(3, 1, 4), kept="y c", c0=c(1, 1, 5), bias=False, w8a8=25),
    cell("lstm_state_constant", "LSTM", f(1, 3, 4), kept="h c", h=np.tanh(c(1, 3, 5)), w8a8=25),
    cell(
        "lstm_both_states",
        "LSTM",
        f(3, 2, 4),
        kept="h c",
        h=c(2, 2, 5),
        c0=f(2, 2, 5),
        direction="bidirectional",
        lengths=np.full(2, 3, np.int32),
    ),
    *(
        cell(
            f"rnn_{direction}_{function.lower()}",
            "RNN",
            f(4, 2, 3),
            h=f(directions, 2, 5),
            direction=direction,
            activations=[function] * directions,
        )
        for direction, directions in (("forward", 1), ("reverse", 1), ("bidirectional", 2))
        for function in ("Tanh", "Relu")
    ),
    cell("rnn_default", "RNN", f(4, 1, 3)),
]

SCALES = np.array([0.1, 0.02, 0.3], np.float32)
STEP = np.float32(0.013)
QUANTIZERS = [
    case("quantize_int8", "QuantizeLinear", f(3, 7), STEP, np.int8(11)),
    case("quantize_uint8", "QuantizeLinear", f(3, 7), STEP, np.uint8(99)),
    case("quantize_axis", "QuantizeLinear", f(2, 3, 5), SCALES, np.array([3, 0, 255], np.uint8)),
    case("quantize_computed", "QuantizeLinear", f(3, 7), f(low=0.01, high=0.1), np.int8(-3)),
    case("dequantize_int8", "DequantizeLinear", n(3, 7, dtype="int8"), STEP, np.int8(-5)),
    case("dequantize_uint8", "DequantizeLinear", n(3, 7, dtype="uint8", low=0), STEP),
    case("dequantize_int32", "DequantizeLinear", n(3, 7, dtype="int32"), STEP),
    case("dequantize_axis", "DequantizeLinear", n(2, 3, 5, dtype="int8"), SCALES, axis=-2),
    case("matmul_integer", "MatMulInteger", n(3, 600, dtype="uint8", low=0, high=255),
         np.full((600, 4), 251, np.uint8), np.uint8(7)),
    case("matmul_integer_rows", "MatMulInteger", n(3, 5, dtype="int8"), n(5, 4, dtype="int8"),
         np.int8(-2), np.array([4, 5, -6, 7], np.int8)),
    case("conv_integer", "ConvInteger", n(1, 2, 5, 4, dtype="uint8", low=0, high=255),
         n(3, 2, 3, 2, dtype="uint8", low=0, high=255), np.uint8(7), np.uint8(130), pads=[1, 1, 0, 1]),
]  # fmt: skip


def spelled(
    name: str, *steps: str, w8a8: float = 25, output: str = "y", **operands: Operand
) -> Case:
    """Nodes as ``result = Op(operand, ...)``, then a Neg of `output`, an integer operator."""
    nodes = []
    for step in (*steps, f"z = Neg({output})"):
        result, _, call = step.partition(" = ")
        op_type, _, inputs = call.removesuffix(")").partition("(")
        nodes.append(helper.make_node(op_type, inputs.split(", "), [result]))
    return network(name, nodes, operands, ["z"], w8a8=w8a8)


CENTRED = ("m = ReduceMean(x, axes)", "d = Sub(x, m)")
SQUARED = (*CENTRED, "q = Pow(d, two)", "v = ReduceMean(q, axes)", "e = Add(v, eps)", "s = Sqrt(e)")
NORMAL: dict[str, Operand] = {
    "x": f(2, 5, 12, low=-3, high=4),
    "two": np.float32(2),
    "eps": np.float32(1e-5),
}
COMPLEX: dict[str, Operand] = {name: f(3, 40, low=-4, high=4) for name in "abcd"}
# Products of two computed tensors.
PRODUCTS: list[Case] = [
    case(f"product_{label}", "MatMul", f(*a, low=-2, high=3), f(*b, low=-1, high=1), w8a8=25)
    for label, a, b in (
        ("rows", (5, 12), (12, 20)),
        ("batches", (2, 3, 5, 12), (2, 3, 12, 4)),
        ("spread", (3, 1, 5, 6), (4, 6, 7)),
        ("row", (12,), (12, 4)),
        ("column", (2, 5, 12), (12,)),
        ("shared", (2, 3, 5, 12), (12, 4)),
    )
]
# What exporters spell out in several nodes, and operators of one, that integer recipes run with precise internals.
FUSED: list[Case] = [
    case("softmax_rows", "Softmax", f(2, 3, 40, low=-6, high=4), w8a8=25),
    case("layernorm_rows", "LayerNormalization", f(2, 5, 12), c(12), c(12, seed=1), w8a8=25),
    case("layernorm_axes", "LayerNormalization", f(2, 5, 12), c(5, 12), axis=1, w8a8=25),
    *(
        case(
            f"instancenorm_{len(shape)}d",
            "InstanceNormalization",
            f(*shape),
            c(5),
            c(5, seed=1),
            w8a8=25,
        )
        for shape in ((2, 5, 24), (1, 5, 4, 6))
    ),
    spelled(
        "groupnorm_rows",
        "r = Reshape(x, groups)",
        "n = InstanceNormalization(r, ones, zeros)",
        "b = Reshape(n, whole)",
        "g = Mul(b, scale)",
        "y = Add(g, bias)",
        x=f(2, 6, 4, 3, low=-3, high=4),
        groups=i64(2, 3, -1),
        whole=i64(2, 6, 4, 3),
        ones=np.ones(3, np.float32),
        zeros=np.zeros(3, np.float32),
        scale=c(6, 1, 1),
        bias=c(6, 1, 1, seed=1),
    ),
    spelled("norm_div", *SQUARED, "y = Div(d, s)", axes=i64(-1), **NORMAL),
    spelled(
        "norm_affine",
        *SQUARED,
        "n = Div(d, s)",
        "g = Mul(n, scale)",
        "y = Add(g, bias)",
        axes=i64(-1),
        scale=c(12),
        bias=c(12, seed=1),
        **NORMAL,
    ),
    spelled(
        "norm_two_axes",
        *SQUARED,
        "n = Div(d, s)",
        "g = Mul(scale, n)",
        "y = Add(bias, g)",
        axes=i64(1, 2),
        scale=c(5, 12),
        bias=c(5, 12, seed=1),
        **NORMAL,
    ),
    spelled(
        "norm_reciprocal",
        *SQUARED,
        "r = Reciprocal(s)",
        "n = Mul(r, d)",
        "y = Mul(n, scale)",
        axes=i64(-1),
        scale=c(1, 12),
        **NORMAL,
    ),
    spelled(
        "norm_two_differences",
        *CENTRED,
        "f = Sub(x, m)",
        "q = Mul(f, f)",
        "v = ReduceMean(q, axes)",
        "e = Add(v, eps)",
        "s = Sqrt(e)",
        "y = Div(d, s)",
        axes=i64(-1),
        **NORMAL,
    ),
    spelled(
        "magnitude",
        "p = Mul(a, a)",
        "q = Mul(b, b)",
        "r = Add(p, q)",
        "y = Sqrt(r)",
        **{name: COMPLEX[name] for name in "ab"},
    ),
    spelled(
        "magnitude_lifted",
        "p = Pow(a, two)",
        "q = Pow(b, two)",
        "r = Add(p, q)",
        "e = Add(eps, r)",
        "y = Sqrt(e)",
        two=np.float32(2),
        eps=np.float32(0.3),
        **{name: COMPLEX[name] for name in "ab"},
    ),
    spelled(
        "mean_square",
        "q = Pow(x, two)",
        "y = ReduceMean(q, axes)",
        two=np.float32(2),
        axes=i64(-1),
        x=f(1, 8, 33, low=-2, high=2),
    ),
    spelled(
        "mean_square_middle",
        "q = Mul(x, x)",
        "y = ReduceMean(q, axes)",
        axes=i64(1, 2),
        x=f(2, 3, 5, 4, low=-2, high=2),
    ),
    spelled("mask_real", "p = Mul(a, c)", "q = Mul(b, d)", "y = Sub(p, q)", **COMPLEX),
    spelled("mask_imaginary", "p = Mul(a, d)", "q = Mul(c, b)", "y = Add(p, q)", **COMPLEX),
]

CASES: dict[str, Case] = {
    case.name: case
    for case in (*POINTWISE, *ROWS, *MOVEMENT, *POOLING, *RECURRENT, *PRODUCTS, *FUSED, *QUANTIZERS)
}
