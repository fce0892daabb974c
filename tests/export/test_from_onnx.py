"""ONNX files of unknown origin: accepted ones stay the same network, the others are refused by name."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_texts import gated, network, problems

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import OPSET, Quantization, StatePair, StreamInfo


def test_facts_are_recorded_and_bytes_repeat():
    data = gated().SerializeToString()
    model = from_onnx(data, name="net", hop=16, sample_rate=16000, delay=8)
    assert model.source.name == "net"
    assert len(model.source.sha256) == 64
    assert model.stream == StreamInfo(16, 16000, 8)
    assert model.states == (StatePair("h", "h_next"),)
    assert (model.ir.opset_imports[""], model.ir.ir_version) == (OPSET, 10)
    again = from_onnx(data, name="net", hop=16, sample_rate=16000, delay=8)
    assert again.to_bytes() == model.to_bytes()


def test_our_own_file_keeps_its_facts_unless_they_are_given():
    model = from_onnx(gated().SerializeToString(), name="net", hop=16)
    model = model.describe(quantization=Quantization("w8a8", "clips"), unknown={"a": 1})
    again = from_onnx(model.to_bytes(), name="other", sample_rate=8000)
    assert again.stream == StreamInfo(16, 8000, None)
    assert again.states == model.states
    assert again.quantization == Quantization("w8a8", "clips")
    assert "edgekit.unknown" not in again.ir.metadata_props


@pytest.mark.parametrize("key", ["states", "stream", "frontend", "quantization", "source"])
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "7",
        '["a"]',
        '{"recipe": 3}',
        '{"hop_samples": "x"}',
        '{"hop_samples": 0}',
        '"stft:9:9:x"',
        "[" * 9999,
    ],
)
def test_malformed_facts_in_a_file_are_dropped(key, text):
    proto = gated()
    onnx.helper.set_model_props(proto, {f"edgekit.{key}": text})
    model = from_onnx(proto.SerializeToString(), name="net")
    assert (model.stream, model.frontend) == (StreamInfo(), None)
    assert (model.quantization, model.source.name) == (Quantization("float32"), "net")


@pytest.mark.parametrize("opset", [13, 15, 17, 18, 20, 22])
def test_other_opsets_are_converted(opset):
    proto = network(
        """(float[1,4,6] x) => (float[4,3] y) {
          n = BatchNormalization (x, g, b, m, v)
          s = Squeeze (n, axis)
          c = Clip (s, low)
          y = MatMul (c, w)
        }""",
        opset,
        axis=np.array([0], np.int64),
        low=np.zeros((), np.float32),
        w=np.ones((6, 3), np.float32),
        **{name: np.linspace(0.5, 2, 4, dtype=np.float32) for name in "gbmv"},
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    assert model.ir.opset_imports[""] == OPSET
    assert "BatchNormalization" not in {node.op_type for node in model.ir.graph}


def test_initializers_that_are_listed_as_inputs_are_constants():
    proto = network("(float[1,4] x, float[4,2] w) => (float[1,2] y) { y = MatMul (x, w) }")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((4, 2), np.float32), "w"))
    model = from_onnx(proto.SerializeToString(), name="net")
    assert [value.name for value in model.stream_inputs] == ["x"]


def test_functions_of_others_are_inlined():
    proto = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21, "mine": 1]>
        net (float[1,4] x) => (float[1,4] y) { y = mine.Twice (x) }
        <domain: "mine", opset_import: ["": 21]> Twice (a) => (b) { b = Add (a, a) }"""
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    assert [(node.domain, node.op_type) for node in model.ir.graph] == [("", "Add")]


def test_a_stranger_cannot_redefine_our_functions():
    proto = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21, "edgekit": 1]>
        net (float[1,4] x) => (float[1,4] y) { y = edgekit.Finite <limit = 2.0> (x) }
        <domain: "edgekit", opset_import: ["": 21]> Finite <limit> (a) => (b) { b = Neg (a) }"""
    )
    with pytest.raises(Exception, match="not the same network"):
        from_onnx(proto.SerializeToString(), name="net")


def test_a_guard_of_earlier_versions_has_no_floor():
    proto = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21, "edgekit": 1]>
        net (float[1,4] x) => (float[1,4] y) { y = edgekit.Finite <limit = 2.0> (x) }
        <domain: "edgekit", opset_import: ["": 21]> Finite <limit> (a) => (b) {
          bound = Constant <value_float: float = @limit> ()
          size = Abs (a)
          fits = LessOrEqual (size, bound)
          zero = Constant <value_float = 0.0> ()
          b = Where (fits, a, zero)
        }"""
    )
    x = np.array([[1e-40, np.nan, 3, -2]], np.float32)
    y = run_hops(from_onnx(proto.SerializeToString(), name="net"), {"x": x[None]})["y"]
    assert y.ravel().tolist() == [float(x[0, 0]), 0, 0, -2]


def test_quantized_networks_keep_their_quantization():
    proto = network(
        """(float[1,4] x) => (float[1,2] y) {
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wd = DequantizeLinear <axis = 1> (w, ws, wz)
          y = MatMul (xd, wd)
        }""",
        xs=np.array(0.1, np.float32),
        xz=np.array(3, np.int8),
        w=np.arange(8, dtype=np.int8).reshape(4, 2),
        ws=np.array([0.1, 0.2], np.float32),
        wz=np.zeros(2, np.int8),
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    found = sorted(node.op_type for node in model.ir.graph)
    assert found == ["DequantizeLinear", "DequantizeLinear", "Gemm", "QuantizeLinear"]


def test_declared_states_with_different_shapes_are_refused_with_both():
    proto = network(
        "(float[1,4] x, float[1,3] c) => (float[1,4] y, float[1,3] d) { y = Relu (x)  d = Relu (c) }"
    )
    (problem,) = problems(proto, states=[("c", "y")])
    assert "float [1, 3]" in problem.found
    assert "float [1, 4]" in problem.found
    model = from_onnx(proto.SerializeToString(), name="net", states=[("c", "d")])
    assert model.states == (StatePair("c", "d"),)


@pytest.mark.parametrize("options", [{"hop": 0}, {"sample_rate": -1}, {"delay": -1}])
def test_impossible_stream_facts_are_refused(options):
    assert len(problems(gated(), UsageError, **options)) == 1


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for path in (tmp_path / "missing.onnx", tmp_path):
        with pytest.raises(ModelError, match=r"file '"):
            from_onnx(path, name="net")


def test_a_file_gives_what_its_bytes_give(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(gated().SerializeToString())
    model = from_onnx(path, name="net")
    assert model.to_bytes() == from_onnx(path.read_bytes(), name="net").to_bytes()
    onnxruntime.InferenceSession(model.to_bytes())
    assert str(tmp_path).encode() not in model.to_bytes()


def test_newer_opsets_are_renumbered_or_expanded():
    text = "(float[1,2,6] x) => (float[1,2,1] y) { s = Swish (x)\n y = GlobalMaxPool (s) }"
    model = from_onnx(network(text, opset=24).SerializeToString(), name="net")
    assert model.ir.opset_imports[""] == OPSET
    assert {node.op_type for node in model.ir.graph} <= {"Mul", "Sigmoid", "GlobalMaxPool"}


def test_an_operator_that_the_opset_lacks_is_named():
    text = """(float[1,2,6] x, float[1,2,1] u, int64[1] i) => (float[1,2,6] y) {
      y = TensorScatter (x, u, i)
    }"""
    (problem,) = problems(network(text, opset=24))
    assert problem.where.startswith("TensorScatter") and "does not have" in problem.found


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [9, 10])
def test_old_resizing_keeps_its_coordinates(mode, opset):
    op_type = "Upsample" if opset == 9 else "Resize"
    text = f"""(float[1,1,3,4] x) => (float[1,1,a,b] y) {{
      y = {op_type} <mode = "{mode}"> (x, scales)
    }}"""
    proto = network(text, opset=opset, scales=np.array([1, 1, 1.5, 2], np.float32))
    model = from_onnx(proto.SerializeToString(), name="net")
    assert list(model.ir.graph.outputs[0].shape) == [1, 1, 4, 8]


CHOICES = """(float[2,1,6] x, bool c, bool d) => (float[a,b] y) {
  z = If (c) <
    then_branch = outer () => (float[a,b] t) {
      q = Squeeze <axes = [1]> (x)
      t = If (d) <
        then_branch = first () => (float[a,b] u) { u = Neg (q) },
        else_branch = second () => (float[a,b] v) {
          half = Constant <value = float {0.5}> ()
          v = Mul (q, half)
        }
      >
    },
    else_branch = other () => (float[a,b] e) { e = Squeeze <axes = [1]> (x) }
  >
  y = Abs (z)
}"""


@pytest.mark.parametrize("opset", [9, 11, 12])
@pytest.mark.parametrize(
    ("c", "d", "kept"), [(True, True, "Neg"), (True, False, "Mul"), (False, True, None)]
)
def test_choices_with_a_constant_condition_are_made(opset, c, d, kept):
    proto = network(CHOICES, opset)
    model = from_onnx(proto.SerializeToString(), name="net", constants={"c": c, "d": d})
    assert {node.op_type for node in model.ir.graph} - {"Abs", "Reshape"} == {kept} - {None}


@pytest.mark.parametrize("field", ["value_float", "value_floats", "value"])
def test_weights_in_constant_nodes_are_weights(field):
    array = {"value_float": 2.0, "value_floats": [2.0, 3.0]}.get(field, np.ones((2, 2), np.float32))
    if field == "value":
        array = onnx.numpy_helper.from_array(array)
    proto = network("(float[2,2] x) => (float[2,2] y) { y = Mul (x, w) }")
    node = onnx.helper.make_node("Constant", [], ["w"], **{field: array})
    proto.graph.node.insert(0, node)
    model = from_onnx(proto.SerializeToString(), name="net")
    assert {node.op_type for node in model.ir.graph} <= {"Mul", "Identity"}
