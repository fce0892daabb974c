"""One case table for the operators: a small network each, which every runtime must run alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    operators stay in float.
    """

    name: str
    onnx: bytes
    inputs: Mapping[str, Input]
    w8a8_snr_db: float | None = None


Operand = Input | NDArray[Any] | np.generic | None


def f(*shape: int, low: float | None = None, high: float | None = None) -> Input:
    """A float32 operand."""
    return Input(shape, "float32", low, high)


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
    return Case(name, inferred.SerializeToString(), inputs, w8a8)


# Pointwise functions, arithmetic, comparisons.
POINTWISE: list[Case] = [
    case("relu", "Relu", f(2, 5), w8a8=25),
    case("add_broadcast", "Add", f(2, 1, 5), f(3, 1), w8a8=25),
    case("clip", "Clip", f(3, 7), np.float32(-0.5), np.float32(0.7), w8a8=25),
]  # fmt: skip

# Reductions, softmax and its like, normalizations.
ROWS: list[Case] = [
    case("softmax", "Softmax", f(2, 3, 5)),
    case("reduce_mean", "ReduceMean", f(2, 3, 5), i64(1), keepdims=0),
]

# Data movement.
MOVEMENT: list[Case] = [
    case("transpose", "Transpose", f(2, 3, 4), perm=[2, 0, 1], w8a8=25),
]

# Pooling, resizing, products.
POOLING: list[Case] = [
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
]

CASES: dict[str, Case] = {case.name: case for case in (*POINTWISE, *ROWS, *MOVEMENT, *POOLING)}
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
    case("gather_int32", "Gather", Input((3, 4), "int32", -9, 9), i64(2, 0), axis=1),
