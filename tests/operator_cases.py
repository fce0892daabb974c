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
POOLING: list[Case] = []

CASES: dict[str, Case] = {case.name: case for case in (*POINTWISE, *ROWS, *MOVEMENT, *POOLING)}
