"""Transposes cancel through what stands between them; the network stays equal in onnxruntime."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from movement_networks import STATE, Maker
from near import assert_near

from edgekit.export.passes import CancelTransposes, InferShapes, RemoveNoOps
from edgekit.export.passes.count_moves import moved_bytes
from edgekit.operators.pointwise.functions import POINTWISE


def parse(text: str, **weights: np.ndarray) -> ir.Model:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 21]> net {text}')
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.checker.check_model(proto)
    model = ir.from_proto(proto)
    InferShapes()(model)
    return model


def run(model: ir.Model) -> dict[str, np.ndarray]:
    data = ir.to_proto(model).SerializeToString()
    session = onnxruntime.InferenceSession(data)
    random = np.random.default_rng(0)
    feed = {
        value.name: random.standard_normal(value.shape).astype(np.float32)
        for value in session.get_inputs()
    }
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def transposed(model: ir.Model) -> int:
    return sum(moved_bytes(node) for node in model.graph if node.op_type == "Transpose")


def cancel(model: ir.Model) -> Counter[str]:
    """Run the pass, check names, values and that nothing is transposed more; count what is left."""
    before, bytes_before = run(model), transposed(model)
    CancelTransposes()(model)
    InferShapes()(model)
    RemoveNoOps()(model)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    after = run(model)
    assert list(after) == list(before)
    for name, expected in before.items():
        assert_near(after[name], expected, 64)
    assert transposed(model) <= bytes_before
    return Counter(node.op_type for node in model.graph)


THERE, BACK = "Transpose <perm = [0, 2, 3, 1]>", "Transpose <perm = [0, 3, 1, 2]>"
BETWEEN = {
    "pointwise": "r = Relu (t)  m = Mul (r, w)  u = Add (m, s)",
    "softmax": "u = Softmax <axis = 1> (t)",
    "softmax of the last axis": "u = Softmax (t)",
    "concat": "r = Neg (t)  u = Concat <axis = 3> (t, r)",
    "concat of a constant": "u = Concat <axis = 3> (t, k)",
    "reduction": "u = ReduceMean <keepdims = 1> (t, axes)",
    "hardmax": "u = Hardmax <axis = 1> (t)",
    "norm": "u = LpNormalization <axis = 3> (t)",
    "log-sum-exp": "r = ReduceLogSumExp <keepdims = 1> (t, axes)  u = Sub (t, r)",
    "largest": "i = ArgMax <axis = 3, keepdims = 1> (t)  c = Cast <to = 1> (i)  u = Add (c, t)",
    "choice": "a = Abs (t)  g = Greater (a, s)  n = Not (g)  b = And (g, n)  u = Where (b, a, t)",
    "slopes": "u = PRelu (t, w)",
    "alike": "i = IsInf (t)  u = CastLike (i, t)",
    **{
        name: f"a = Sigmoid (t)  u = {name} (a)"
        for name in sorted(POINTWISE.keys() - {"Swish", "Acosh"})
    },
    "two ways": "a = Relu (t)  b = ReduceMax <keepdims = 1> (t, axes)  u = Sub (a, b)",
}


@pytest.mark.parametrize("name", BETWEEN)
def test_transposes_cancel_through(name: str) -> None:
    random = np.random.default_rng(1)
    model = parse(
        f"""(float[2,3,4,5] x) => (float[N,C,H,W] y) <int64[2] axes = {{1, -1}}>
        {{ t = {THERE} (x)  {BETWEEN[name]}  y = {BACK} (u) }}""",
        w=random.standard_normal(3).astype(np.float32),
        s=np.float32(0.5),
        k=random.standard_normal((2, 4, 5, 2)).astype(np.float32),
    )
    assert cancel(model)["Transpose"] == 0


def test_two_transposes_that_meet_become_one() -> None:
    model = parse(
        """(float[3,4] x, float[3,4] z) => (float[4,3] y)
        { a = Transpose <perm = [1, 0]> (x)  b = Transpose <perm = [1, 0]> (z)  y = Add (a, b) }"""
    )
    assert cancel(model) == {"Add": 1, "Transpose": 1}


def test_a_transpose_that_others_need_stays() -> None:
    model = parse(
        """(float[3,4] x) => (float[4,3] y, float[4,3] z)
        { y = Transpose <perm = [1, 0]> (x)  z = Relu (y) }"""
    )
    assert cancel(model) == {"Transpose": 1, "Relu": 1}


def test_a_rounded_trip_between_input_and_output_keeps_both_names() -> None:
    model = parse(
        """(float[3,4] x) => (float[3,4] y)
        { t = Transpose <perm = [1, 0]> (x)  y = Transpose <perm = [1, 0]> (t) }"""
    )
    assert cancel(model) == {"Identity": 1}


@pytest.mark.parametrize("seed", range(100, 140))
def test_random_networks_stay_equal(seed: int) -> None:
    model = ir.from_proto(onnx.load_model_from_string(Maker(seed).network()))
    InferShapes()(model)
    assert tuple(model.graph.inputs[1].shape or ()) == STATE
    cancel(model)
