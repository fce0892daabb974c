"""Each pass leaves the network's outputs equal in onnxruntime and does what it is for."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.frontend.guard import LARGEST, guard_inputs
from edgekit.export.passes import (
    FoldBatchNorm,
    FoldConstants,
    FoldScales,
    InferShapes,
    MatMulToGemm,
    NameNodes,
    RaiseReshapes,
    RemoveNoOps,
    SinkReshapes,
    StripMetadata,
    UnifyReshapes,
    simplify,
)
from edgekit.export.passes.shapes import MAX_ELEMENTS
from edgekit.export.passes.stable_names import without_machine_paths
from edgekit.graph.model import FLOAT_NODE, Model, StatePair


def parse(text, **weights):
    """Parse `<inputs> => <outputs> { nodes }` at opset 21; `weights` become initializers."""
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 21]> net {text}')
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.checker.check_model(proto)
    model = ir.from_proto(proto)
    InferShapes()(model)
    return model


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run(model, seed=1):
    session = onnxruntime.InferenceSession(Model(model).to_bytes())
    feed = {value.name: draw(*value.shape, seed=seed) for value in session.get_inputs()}
    return [value.name for value in session.get_outputs()], session.run(None, feed)


def ops(model):
    return Counter(node.op_type for node in model.graph)


def apply(model, *passes, tolerance=1e-6):
    """Run the passes and check that names and values of all outputs are what they were."""
    names, before = run(model)
    for one in passes:
        one(model)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    new_names, after = run(model)
    assert new_names == names
    for expected, found in zip(before, after, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    return model


def batchnorm_weights(channels):
    return {
        "gamma": draw(channels, seed=2),
        "beta": draw(channels, seed=3),
        "mean": draw(channels, seed=4),
        "var": np.abs(draw(channels, seed=5)) + np.float32(0.1),
    }


BN = "BatchNormalization <epsilon = 0.001>"


def test_constants_fold_with_the_slices_around_a_weight():
    model = parse(
        """(float[2,4] x) => (float[2,6] y) {
          zero = Constant <value_ints = [0]> ()
          three = Constant <value_ints = [3]> ()
          six = Constant <value_ints = [6]> ()
          low = Slice (w, zero, three, zero)
          high = Slice (w, three, six, zero)
          swapped = Concat <axis = 0> (high, low)
          turned = Transpose <perm = [1, 0]> (swapped)
          y = MatMul (x, turned)
        }""",
        w=draw(6, 4),
    )
    assert ops(apply(model, FoldConstants())) == {"MatMul": 1}


def test_a_constant_of_several_parts_is_left_without_a_word(caplog):
    text = "(float[2] x) => (float[2] y) { a, b = Split<axis=0>(w, parts) y = Add(x, a) }"
    model = parse(text, w=draw(4), parts=np.array([2, 2]))
    apply(model, FoldConstants())
    assert ops(model) == {"Split": 1, "Add": 1}
    assert not caplog.records


def test_shape_chains_disappear_behind_static_shapes():
    model = parse(
        """(float[2,3,4] x) => (float[2,12] y) {
          s = Shape (x)
          i = Constant <value_ints = [0]> ()
          first = Gather (s, i)
          rest = Constant <value_ints = [-1]> ()
          dims = Concat <axis = 0> (first, rest)
          y = Reshape (x, dims)
        }"""
    )
    assert ops(apply(model, FoldConstants())) == {"Reshape": 1}


def test_a_large_weight_folds_too():
    model = parse(
        "(float[1,800] x) => (float[1,800] y) { t = Transpose (w)  y = MatMul (x, t) }",
        w=draw(800, 800),
    )
    assert ops(apply(model, FoldConstants(), tolerance=1e-5)) == {"MatMul": 1}


def test_quantized_weights_do_not_fold():
    model = parse(
        """(float[1,4] x) => (float[1,4] y) {
          scale = Constant <value_float = 0.1> ()
          w = DequantizeLinear (q, scale)
          y = MatMul (x, w)
        }""",
        q=np.arange(16, dtype=np.int8).reshape(4, 4),
    )
    assert ops(apply(model, FoldConstants())) == {"DequantizeLinear": 1, "MatMul": 1}


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Conv <pads = [1, 1]> (x, w, b)", {"w": draw(6, 4, 3), "b": draw(6)}),
        ("Conv <group = 2> (x, w)", {"w": draw(6, 2, 3)}),
        ("ConvTranspose <strides = [2]> (x, w, b)", {"w": draw(4, 6, 3), "b": draw(6)}),
        ("ConvTranspose <group = 2> (x, w)", {"w": draw(4, 3, 3)}),
    ],
)
def test_batchnorm_folds_into_the_convolution_before(layer, weights):
    model = parse(
        f"(float[1,4,9] x) => (float[1,6,t] y) {{ c = {layer}  y = {BN} (c, gamma, beta, mean, var) }}",
        **weights,
        **batchnorm_weights(6),
    )
    assert ops(apply(model, FoldBatchNorm())) == {layer.split()[0]: 1}


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Gemm <alpha = 0.5, beta = 2.0> (x, w, b)", {"w": draw(4, 6), "b": draw(6)}),
        ("Gemm <transB = 1> (x, w)", {"w": draw(6, 4)}),
        ("MatMul (x, w)", {"w": draw(4, 6)}),
    ],
)
def test_batchnorm_folds_into_the_matrix_product_before(layer, weights):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ c = {layer}  y = {BN} (c, gamma, beta, mean, var) }}",
        **weights,
        **batchnorm_weights(6),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Gemm": 1}


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Gemm <alpha = 0.5, beta = 2.0> (n, w, b)", {"w": draw(4, 6), "b": draw(6)}),
        ("Gemm <transB = 1> (n, w)", {"w": draw(6, 4)}),
        ("MatMul (n, w)", {"w": draw(4, 6)}),
    ],
)
def test_batchnorm_folds_into_the_matrix_product_behind(layer, weights):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ n = {BN} (x, gamma, beta, mean, var)  y = {layer} }}",
        **weights,
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Gemm": 1}


def test_batchnorm_before_a_padded_convolution_stays_apart_from_it():
    """The padding is 0 behind the normalization: a shift in the bias would reach into it."""
    body = f"n = {BN} (x, gamma, beta, mean, var)  y = Conv <pads = [1, 1]> (n, w)"
    model = parse(
        f"(float[1,4,9] x) => (float[1,6,9] y) {{ {body} }}",
        w=draw(6, 4, 3),
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Mul": 1, "Add": 1, "Conv": 1}


def test_batchnorm_without_a_layer_becomes_mul_and_add():
    model = parse(
        """(float[1,4,5] x) => (float[1,4,5] y, float[1,4,5] z) {
          c = Conv (x, w)
          z = Relu (c)
          y = BatchNormalization (c, gamma, beta, mean, var)
        }""",
        w=draw(4, 4, 1),
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Conv": 1, "Relu": 1, "Mul": 1, "Add": 1}


@pytest.mark.parametrize("add", ["Add (m, b)", "Add (b, m)"])
@pytest.mark.parametrize("shape", [(6,), (1, 6)])
def test_matmul_and_add_become_gemm(add, shape):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ m = MatMul (x, w)  y = {add} }}",
        w=draw(4, 6),
        b=draw(*shape),
    )
    assert ops(apply(model, MatMulToGemm(), FoldScales())) == {"Gemm": 1}


def test_matmul_with_leading_axes_becomes_gemm_between_reshapes():
    model = parse("(float[2,3,4] x) => (float[2,3,6] y) { y = MatMul (x, w) }", w=draw(4, 6))
    assert ops(apply(model, MatMulToGemm())) == {"Reshape": 2, "Gemm": 1}


def test_a_product_that_others_read_keeps_its_bias_apart():
    model = parse(
        """(float[3,4] x) => (float[3,6] y, float[3,6] z) {
          m = MatMul (x, w)
          y = Add (m, b)
          z = Relu (m)
        }""",
        w=draw(4, 6),
        b=draw(6),
    )
    assert ops(apply(model, MatMulToGemm(), FoldScales())) == {"Gemm": 1, "Add": 1, "Relu": 1}


@pytest.mark.parametrize(
    "op", ["Mul (m, c)", "Mul (c, m)", "Div (m, c)", "Sub (m, c)", "Sub (c, m)"]
)
@pytest.mark.parametrize(
    ("layer", "weights", "channels"),
    [
        ("Gemm <transB = 1> (x, w, b)", {"w": draw(6, 4), "b": draw(6)}, (6,)),
        ("Gemm (x, w)", {"w": draw(4, 6)}, (1, 6)),
        ("Conv <pads = [1, 1]> (x, w, b)", {"w": draw(6, 4, 3), "b": draw(6)}, (6, 1)),
    ],
)
def test_a_scale_or_shift_behind_a_layer_folds_into_it(op, layer, weights, channels):
    dims = "3,4" if layer.startswith("Gemm") else "1,4,5"
    model = parse(
        f"(float[{dims}] x) => (float[a,b] y) {{ m = {layer}  y = {op} }}".replace(
            "a,b", "3,6" if layer.startswith("Gemm") else "1,6,5"
        ),
        **weights,
        c=np.abs(draw(*channels)) + np.float32(0.5),
    )
    assert ops(apply(model, FoldScales())) == {layer.split()[0]: 1}


def test_a_scale_and_shift_in_front_of_gemm_fold_into_it():
    model = parse(
        """(float[3,4] x) => (float[3,6] y) {
          scaled = Div (x, deviation)
          centred = Sub (scaled, mean)
          y = Gemm (centred, w, b)
        }""",
        deviation=np.abs(draw(4)) + np.float32(0.5),
        mean=draw(1, 4),
        w=draw(4, 6),
        b=draw(6),
    )
    assert ops(apply(model, FoldScales())) == {"Gemm": 1}


def test_a_scale_in_front_of_a_padded_convolution_stays():
    model = parse(
        """(float[1,4,5] x) => (float[1,6,5] y) {
          shifted = Add (x, c)
          y = Conv <pads = [1, 1]> (shifted, w)
        }""",
        w=draw(6, 4, 3),
        c=draw(4, 1),
    )
    assert ops(apply(model, FoldScales())) == {"Add": 1, "Conv": 1}


def test_a_reshape_sinks_behind_pointwise_operators():
    model = parse(
        """(float[2,6] x) => (float[2,3,2] y) {
          r = Reshape (x, dims)
          a = Relu (r)
          m = Mul (a, per_element)
          s = Sub (half, m)
          y = Softmax (s)
        }""",
        dims=np.array([2, 3, 2], np.int64),
        per_element=draw(2, 3, 2),
        half=np.full((1, 1), 0.5, np.float32),
    )
    order = [node.op_type for node in apply(model, SinkReshapes()).graph]
    assert order == ["Relu", "Mul", "Sub", "Reshape", "Softmax"]


def test_a_reshape_rises_above_scales_in_front_of_gemm():
    model = parse(
        """(float[1,4,1] x) => (float[1,6] y) {
          m = Mul (x, scale)
          r = Reshape (m, dims)
          y = Gemm (r, w)
        }""",
        scale=draw(4, 1),
        dims=np.array([1, 4], np.int64),
        w=draw(4, 6),
    )
    assert ops(apply(model, RaiseReshapes(), FoldScales())) == {"Reshape": 1, "Gemm": 1}


def test_nodes_without_effect_disappear():
    model = parse(
        """(float[1,4,5] x) => (float[1,4,5] y) {
          a = Identity (x)
          d = Dropout (a)
          c = Cast <to = 1> (d)
          t = Transpose <perm = [0, 1, 2]> (c)
          p = Pad (t, no_pads)
          z = Add (p, zero)
          m = Mul (one, z)
          n = Concat <axis = 0> (m)
          r = Relu (n)
          y = Identity (r)
        }""",
        no_pads=np.zeros(6, np.int64),
        zero=np.zeros((1, 4, 1), np.float32),
        one=np.ones((), np.float32),
    )
    assert ops(apply(model, RemoveNoOps())) == {"Relu": 1}


def test_arithmetic_that_broadcasts_has_an_effect():
    model = parse(
        "(float[4] x) => (float[3,4] y) { y = Add (x, zero) }", zero=np.zeros((3, 4), np.float32)
    )
    assert ops(apply(model, RemoveNoOps())) == {"Add": 1}


def test_inputs_and_outputs_keep_their_names_when_nothing_is_between():
    model = parse(
        """(float[2] x) => (float[2] y, float[2] z, float[2] u) {
          d = Dropout (x)
          y = Identity (d)
          z = Relu (x)
          u = Identity (z)
        }"""
    )
    assert ops(apply(model, RemoveNoOps())) == {"Identity": 2, "Relu": 1}


def test_a_dropout_whose_mask_is_read_stays():
    model = parse("(float[2] x) => (float[2] y, bool[2] m) { y, m = Dropout (x) }")
    RemoveNoOps()(model)
    assert ops(model) == {"Dropout": 1}


def test_what_renames_axes_becomes_one_reshape():
    model = parse(
        """(float[1,6,1,4] x) => (float[6,4] y, float[1,24] z) {
          t = Transpose <perm = [2, 1, 0, 3]> (x)
          axes = Constant <value_ints = [0]> ()
          s = Squeeze (t, axes)
          u = Unsqueeze (s, axes)
          v = Squeeze (u)
          y = Relu (v)
          z = Flatten (u)
        }"""
    )
    passes = (FoldConstants(), UnifyReshapes())
    simplified = simplify(apply(model, *passes))
    assert ops(simplified) == {"Reshape": 2, "Relu": 1}


def test_a_transpose_that_moves_data_stays():
    model = parse("(float[1,6,4] x) => (float[1,4,6] y) { y = Transpose <perm = [0, 2, 1]> (x) }")
    assert ops(apply(model, UnifyReshapes())) == {"Transpose": 1}


def test_metadata_of_the_machine_is_stripped_and_our_own_stays():
    model = parse("(float[2] x) => (float[2] y) { y = Add (x, w) }", w=draw(2))
    secret = "/home/someone/project/net.py"
    node = model.graph[0]
    model.producer_name = model.doc_string = node.doc_string = model.graph.doc_string = secret
    value = node.outputs[0]
    for owner in (model, model.graph, node, value, model.graph.inputs[0]):
        owner.metadata_props["stack_trace"] = secret
    value.doc_string = secret
    proto = ir.to_proto(model)
    proto.graph.initializer[0].doc_string = secret
    model = ir.from_proto(proto)
    model.graph[0].metadata_props[FLOAT_NODE] = "1"
    StripMetadata()(model)
    assert b"someone" not in Model(model).to_bytes()
    assert dict(model.graph[0].metadata_props) == {FLOAT_NODE: "1"}


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("/enc/conv1/Conv", "/enc/conv1/Conv"),
        ("node_linear", "node_linear"),
        ("/home/me/work/net.py:12/Conv", "net.py:12/Conv"),
        ("at /srv/build/net.py:12", "at net.py:12"),
        ("/root/work/Conv", "Conv"),
        ("C:\\work\\net.py", "net.py"),
    ],
)
def test_names_lose_machine_paths_only(name, clean):
    assert without_machine_paths(name) == clean


def test_every_node_has_its_own_name():
    model = parse(
        "(float[2] x) => (float[2] y) { a = Relu (x)  b = Relu (a)  c = Relu (b)  y = Relu (c) }"
    )
    for node, name in zip(model.graph, [None, "same", "same", "relu_0"], strict=True):
        node.name = name
    NameNodes()(model)
    assert [node.name for node in model.graph] == ["relu_0_1", "same", "same_1", "relu_0"]


def test_products_without_names_do_not_share_values():
    model = parse(
        """(float[1,3,4] x) => (float[1,3,2] y, float[1,3,5] z) {
          y = MatMul (x, v)
          z = MatMul (x, w)
        }""",
        v=draw(4, 2),
        w=draw(4, 5),
    )
    _, before = run(model)
    simplify(model)
    for expected, found in zip(before, run(model)[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_shapes_are_inferred_and_claims_forgotten():
    model = parse(
        "(float[1,8] x) => (float[1,16] y) { a = Relu (x)  y = Concat <axis = 1> (a, a) }"
    )
    model.graph[0].outputs[0].shape = ir.Shape([1, 99])
    apply(model, InferShapes())
    assert [list(node.outputs[0].shape) for node in model.graph] == [[1, 8], [1, 16]]


def test_a_tensor_too_large_to_evaluate_is_refused_before_it_is_made():
    with pytest.raises(ModelError, match=f"at most {MAX_ELEMENTS} elements"):
        parse(
            "(float[1] x) => (float[a,b] y) { c = ConstantOfShape (s)  y = Add (c, x) }",
            s=np.array([2**20, 2**20], np.int64),
        )


def test_simplify_orders_names_and_cleans_everything():
    model = parse(
        """(float[1,4] x) => (float[1,6] y) {
          unused = Relu (x)
          m = MatMul (x, w)
          a = Add (m, b)
          n = BatchNormalization (a, gamma, beta, mean, var)
          y = Relu (n)
        }""",
        w=draw(4, 6),
        b=draw(6),
        **batchnorm_weights(6),
    )
    names, before = run(model)
    simplify(model)
    assert ops(model) == {"Gemm": 1, "Relu": 1}
    assert len(model.graph.initializers) == 2
    new_names, after = run(model)
    assert new_names == names
    np.testing.assert_allclose(after[0], before[0], rtol=0, atol=1e-5)
    again = simplify(ir.from_proto(onnx.load_model_from_string(Model(model).to_bytes())))
    assert Model(again).to_bytes() == Model(model).to_bytes()


def test_guarded_inputs_do_not_poison_states():
    model = Model(parse("(float[2] x, float[2] h) => (float[2] h_next) { h_next = Add (x, h) }"))
    assert guard_inputs(model) is model
    guarded = guard_inputs(model.describe(states=[StatePair("h", "h_next")]))
    assert guard_inputs(guarded).to_bytes() == guarded.to_bytes()
    onnx.checker.check_model(ir.to_proto(guarded.ir), full_check=True)
    session = onnxruntime.InferenceSession(guarded.to_bytes())
    h = np.zeros(2, np.float32)
    assert session.run(None, {"x": np.array([np.nan, -np.inf], np.float32), "h": h})[
        0
    ].tolist() == [0, 0]
    edge = np.array([LARGEST, -1.5], np.float32)
    assert session.run(None, {"x": edge, "h": h})[0].tolist() == edge.tolist()
    node = next(iter(guarded.ir.graph))
    assert (node.domain, node.op_type, node.metadata_props[FLOAT_NODE]) == (
        "edgekit",
        "Finite",
        "1",
    )
