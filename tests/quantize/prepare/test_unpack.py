"""Packed states become several, and the network stays what it was."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.operators.qdq import stored_type
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.unpack import unpack_states

UNITS = 4


def network(nodes: list[onnx.NodeProto], state: tuple[int, ...], **arrays: np.ndarray) -> Model:
    """x (1, 1, 3) and state `s` -> y and `s_next`."""
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", (1, 1, 3)), ("s", state))
    ]
    bare = [onnx.ValueInfoProto(name="y"), onnx.ValueInfoProto(name="s_next")]
    graph = helper.make_graph(nodes, "packed", inputs, bare, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return from_onnx(inferred.SerializeToString(), name="packed", states=[("s", "s_next")])


def lstm_with_stacked_state() -> Model:
    """h and c of a cell in one tensor (1, units, 2), as DTLN has them."""
    rng = np.random.default_rng(0)
    node = helper.make_node
    nodes = [
        node("Split", ["s"], ["h_column", "c_column"], axis=2, num_outputs=2),
        node("Transpose", ["h_column"], ["h"], perm=[0, 2, 1]),
        node("Reshape", ["c_column", "row"], ["c"]),
        node("LSTM", ["x", "w", "r", "", "", "h", "c"], ["y", "hn", "cn"], hidden_size=UNITS),
        node("Reshape", ["hn", "column"], ["hn_column"]),
        node("Reshape", ["cn", "column"], ["cn_column"]),
        node("Concat", ["hn_column", "cn_column"], ["s_next"], axis=2),
    ]
    return network(
        nodes,
        (1, UNITS, 2),
        w=rng.standard_normal((1, 4 * UNITS, 3)).astype(np.float32),
        r=rng.standard_normal((1, 4 * UNITS, UNITS)).astype(np.float32),
        row=np.array([1, 1, UNITS]),
        column=np.array([1, UNITS, 1]),
    )


def caches_written_by_scatter() -> Model:
    """Two caches of two frames in one tensor (2, 2, 3), each shifted and written back by index, as GTCRN does."""
    node = helper.make_node
    nodes = []
    for i in (0, 1):
        nodes += [
            node("Gather", ["s", f"i{i}"], [f"cache{i}"], axis=0),
            node("Concat", [f"cache{i}", "x" if i == 0 else "z0"], [f"window{i}"], axis=1),
            node("ReduceSum", [f"window{i}", "one"], [f"z{i}"], keepdims=1),
            node("Slice", [f"window{i}", "one", "three", "one"], [f"after{i}"]),
            node("Gather", [f"after{i}", "zero"], [f"frame{i}"], axis=0),
            node("ScatterND", [("s", "s0")[i], f"n{i}", f"frame{i}"], [("s0", "s_next")[i]]),
        ]
    nodes.append(node("Tanh", ["z1"], ["y"]))
    return network(
        nodes,
        (2, 2, 3),
        i0=np.array([0]),
        i1=np.array([1]),
        n0=np.array([0]),
        n1=np.array([1]),
        zero=np.array(0),
        one=np.array([1]),
        three=np.array([3]),
    )


def overlapping() -> Model:
    """A history of three frames that two windows share: it stays one."""
    node = helper.make_node
    nodes = [
        node("Slice", ["s", "zero", "two", "one"], ["early"]),
        node("Slice", ["s", "one", "three", "one"], ["late"]),
        node("Mul", ["early", "late"], ["product"]),
        node("ReduceSum", ["product", "one"], ["sum"], keepdims=1),
        node("Add", ["sum", "x"], ["y"]),
        node("Concat", ["late", "x"], ["s_next"], axis=1),
    ]
    numbers = {name: np.array([i]) for i, name in enumerate(("zero", "one", "two", "three"))}
    return network(nodes, (1, 3, 3), **numbers)


def noise(hops: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"x": rng.standard_normal((hops, 1, 1, 3)).astype(np.float32)}


@pytest.mark.parametrize("make", [lstm_with_stacked_state, caches_written_by_scatter])
def test_an_unpacked_network_is_the_same_network(make: object) -> None:
    model: Model = make()  # type: ignore[operator]
    unpacked = unpack_states(model)
    assert [pair.input for pair in unpacked.states] == ["s_0", "s_1"]
    onnx.checker.check_model(onnx.load_from_string(unpacked.to_bytes()), full_check=True)
    expected, found = run_hops(model, noise()), run_hops(unpacked, noise())
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_parts_that_overlap_stay_together() -> None:
    model = overlapping()
    assert unpack_states(model) is model


def test_the_parts_have_types_of_their_own() -> None:
    model = lstm_with_stacked_state()
    graph = to_integer(quantize(model, Calibration((noise(),), "noise"))).ir.graph
    kinds = {kind.dtype for v in graph.inputs if (kind := stored_type(v)) is not None}
    assert kinds == {"int16", "int32"}
