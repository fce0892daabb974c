"""ONNX files of unknown origin: accepted ones stay the same network, the others are refused by name."""

import contextlib

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.base.errors import EdgeKitError, ModelError, UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import OPSET, Quantization, StatePair, StreamInfo
from edgekit.targets.c.lower import check_c

GATED = """(float[1,4] x, float[1,4] h) => (float[1,4] y, float[1,4] h_next) {
  both = Concat <axis = 1> (x, h)
  h_next = MatMul (both, w)
  y = Tanh (h_next)
}"""


def network(text, opset=OPSET, domains="", **weights):
    header = f'<ir_version: 8, opset_import: ["": {opset}{domains}]> net'
    proto = onnx.parser.parse_model(f"{header} {text}")
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return proto


def gated():
    weight = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32) / 4
    return network(GATED, w=weight)


def problems(proto, error=ModelError, **options):
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(error) as caught:
        from_onnx(data, name="net", **options)
    return caught.value.problems


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


def test_open_dimensions_are_all_listed_with_the_option_that_fixes_them():
    proto = network(
        """(float[N,4,T] x, float[N,4] h) => (float[N,4,T] y, float[N,4] z) {
          y = Relu (x)
          z = Relu (h)
        }"""
    )
    found = problems(proto)
    assert [problem.where for problem in found] == ["input 'x'"]
    assert found[0].found == "shape (N,4,T) with 2 open dimensions"
    assert "--shape x=1,4,1" in found[0].next_step
    assert "--hop SAMPLES" in found[0].allowed


@pytest.mark.parametrize("size", [-1, 0, -9, None, "", "?", "-1", "batch_size", "N"])
def test_a_first_dimension_that_says_nothing_is_a_batch_of_one(size):
    proto = network("(float[7,3] x, float[7,2] s) => (float[7,3] y) { y = Relu (x) }")
    for value in proto.graph.input:
        dim = value.type.tensor_type.shape.dim[0]
        dim.Clear()
        if size is not None:
            setattr(dim, "dim_value" if isinstance(size, int) else "dim_param", size)
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"s": (1, 2)})
    assert [list(value.shape) for value in model.ir.graph.inputs] == [[1, 3], [1, 2]]
    if size in ("N", "batch_size"):
        assert not model.notes  # the shape of s says it
    else:
        assert "input 'x': its open first dimension" in model.notes[0]
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (4, 3), "s": (4, 2)})
    assert (list(model.ir.graph.outputs[0].shape), model.notes) == ([4, 3], ())


def test_an_input_without_any_shape_takes_the_given_one():
    proto = network("(float[1,3] x) => (float[1,3] y) { y = Relu (x) }")
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    assert "--shape x=DIMS" in problems(proto)[0].next_step
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (2, 5)})
    assert list(model.ir.graph.outputs[0].shape) == [2, 5]


def test_sizes_without_a_meaning_may_differ():
    proto = network("(float[1,3] x) => (float[1,3] y) { y = Relu (x) }")
    for dim, name in zip(proto.graph.input[0].type.tensor_type.shape.dim, "??", strict=True):
        dim.dim_param = name
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (2, 5)})
    assert list(model.ir.graph.inputs[0].shape) == [2, 5]


def test_given_shapes_fix_open_dimensions_everywhere():
    proto = network(
        """(float[N,4,T] x, float[N,4] h) => (float[N,4,T] y, float[N,4] z) {
          y = Relu (x)
          z = Relu (h)
        }"""
    )
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (1, 4, 7)})
    assert [list(value.shape) for value in model.stream_inputs] == [[1, 4, 7], [1, 4]]
    assert [list(value.shape) for value in model.stream_outputs] == [[1, 4, 7], [1, 4]]


def test_shapes_that_contradict_the_file_are_refused():
    found = problems(gated(), shapes={"x": (1, 5), "h": (4,), "q": (1,)})
    assert [problem.where for problem in found] == ["--shape q", "--shape x=1,5", "--shape h=4"]


def test_stale_shapes_of_an_exporter_are_not_believed():
    proto = network("(float[1,T] x) => (float[1,99] y) { a = Relu (x)  y = Neg (a) }")
    claim = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1, 99])
    proto.graph.value_info.append(claim)
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (1, 8)})
    assert [list(node.outputs[0].shape) for node in model.ir.graph] == [[1, 8], [1, 8]]


def test_shapes_that_depend_on_data_are_refused():
    proto = network("(float[4] x) => (float[a,b] y) { n = NonZero (x)  y = Cast <to = 1> (n) }")
    assert {problem.where.split()[0] for problem in problems(proto)} == {"NonZero", "Cast"}


def test_declared_states_with_different_shapes_are_refused_with_both():
    proto = network(
        "(float[1,4] x, float[1,3] c) => (float[1,4] y, float[1,3] d) { y = Relu (x)  d = Relu (c) }"
    )
    (problem,) = problems(proto, states=[("c", "y")])
    assert "float [1, 3]" in problem.found
    assert "float [1, 4]" in problem.found
    model = from_onnx(proto.SerializeToString(), name="net", states=[("c", "d")])
    assert model.states == (StatePair("c", "d"),)


def test_every_wrong_type_is_listed():
    proto = network(
        """(float[2] x, float16[2] i, double[2] d) => (float[2] y, float16[2] j) {
          y = Relu (x)
          j = Identity (i)
        }"""
    )
    assert [problem.where for problem in problems(proto)] == [
        "input 'i'",
        "input 'd'",
        "output 'j'",
    ]


def test_float64_inside_and_in_outputs_becomes_float32_with_a_note():
    proto = network(
        """(float[1,4] x, float[1,4] h) => (double[1,4] y, float[1,4] h_next, double[2] k, double[2,2] z) {
          wide = Cast <to = 11> (x)
          sum = CumSum (wide, axis)
          half = Constant <value = double {0.5}> ()
          y = Mul (sum, half)
          below = Cast <to = 1> (y)
          h_next = Add (below, h)
          k = Identity (held)
          dims = Constant <value = int64[2] {2, 2}> ()
          z = Reshape (y, dims)
        }""",
        axis=np.array(1),
        held=np.array([0.25, 1e-3]),
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    assert {value.dtype.name for value in model.ir.graph.outputs} == {"FLOAT"}
    assert [value.name for value in model.ir.graph.outputs] == ["y", "h_next", "k", "z"]
    assert check_c(model) == []
    said = [note for note in model.notes if "float64" in note]
    assert said[:3] == [
        f"output '{name}' is float64 in the source: the build gives float32" for name in "ykz"
    ]
    assert said[3].startswith("float64 is computed as float32: sum")


def test_operators_of_other_domains_are_all_listed():
    proto = network(
        """(float[2] x) => (float[2] y) {
          a = com.microsoft.Gelu (x)
          y = custom.Magic (a)
        }""",
        domains=', "com.microsoft": 1, "custom": 1',
    )
    found = [problem.found for problem in problems(proto)]
    assert found == ["operator of domain 'com.microsoft'", "operator of domain 'custom'"]


def test_data_in_other_files_is_refused():
    proto = network("(float[2] x) => (float[2] y) { y = Add (x, w) }", w=np.ones(2, np.float32))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (problem,) = problems(proto)
    assert "another file" in problem.found or "not a valid ONNX file" in problem.found


def test_an_unsupported_opset_is_refused():
    proto = network("(float[2] x) => (float[2] y) { y = Relu (x) }")
    proto.opset_import[0].version = 9999
    assert "9999" in str(problems(proto))


@pytest.mark.parametrize("options", [{"hop": 0}, {"sample_rate": -1}, {"delay": -1}])
def test_impossible_stream_facts_are_refused(options):
    assert len(problems(gated(), UsageError, **options)) == 1


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"RIFF....WAVE", b"\x08\x0a" * 50])
def test_what_is_not_onnx_is_refused(data):
    assert problems(data)[0].where == "the .onnx file"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_truncated_file_is_refused(data):
    whole = gated().SerializeToString()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ModelError):
        from_onnx(whole[:cut], name="net")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3
    )
)
def test_a_damaged_file_is_refused_or_harmless(changes):
    damaged = bytearray(gated().SerializeToString())
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    with contextlib.suppress(EdgeKitError):
        from_onnx(bytes(damaged), name="net")


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


BOUND = """(float[2,3,4] x, int64[k] axes, float factor) => (float[a,b,c] y) {
  sum = ReduceSum <keepdims = 1> (x, axes)
  y = Mul (sum, factor)
}"""


def test_inputs_become_constants():
    proto = network(BOUND)
    model = from_onnx(
        proto.SerializeToString(), name="net", constants={"axes": [0, -1], "factor": 2}
    )
    assert [value.name for value in model.ir.graph.inputs] == ["x"]
    assert list(model.ir.graph.outputs[0].shape) == [1, 3, 1]


@pytest.mark.parametrize(
    ("constants", "found"),
    [
        ({"nowhere": 1}, "no such input"),
        ({"axes": 0.5}, "float64 of shape ()"),
        ({"axes": [[0], [1]]}, "int64 of shape (2, 1)"),
        ({"factor": [1.0, 2.0]}, "float64 of shape (2)"),
        ({"factor": "loud"}, "<U4 of shape ()"),
        ({"axes": [[1], [1, 2]]}, "rows of different lengths"),
    ],
)
def test_constants_that_do_not_fit_are_refused(constants, found):
    (problem,) = problems(network(BOUND), constants=constants)
    assert found in problem.found


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


def test_a_choice_that_data_makes_is_refused_with_what_helps():
    model = from_onnx(network(CHOICES, 12).SerializeToString(), name="net", constants={"d": True})
    (problem,) = check_c(model)
    assert problem.where.startswith("If '")
    assert "--constant" in problem.next_step


@pytest.mark.parametrize(
    "text",
    [
        """Loop (n, c, x) <body = turn (int64 i, bool a, float[2] s) => (bool b, float[2] t) {
          b = Identity (a)
          t = Add (s, x)
        }>""",
        """Scan (x, m) <num_scan_inputs = 1, body = turn (float[2] s, float[2] r) => (float[2] t) {
          t = Add (s, r)
        }>""",
    ],
)
def test_loops_are_refused_by_name(text):
    op_type = text.partition(" ")[0]
    proto = network(
        f"(float[2] x, float[3,2] m) => (float[2] y) {{ y = {text} }}",
        n=np.array(3),
        c=np.array(True),
    )
    (problem,) = problems(proto)
    assert problem.where.startswith(f"{op_type} '")
    assert problem.found == "a loop in the network"


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


@pytest.mark.parametrize(
    ("op_type", "rows", "direction"),
    [
        ("GRU", 3, "forward"),
        ("GRU", 3, "bidirectional"),
        ("RNN", 1, "forward"),
        ("LSTM", 4, "forward"),
    ],
)
def test_layers_with_the_batch_first_are_those_of_onnx(op_type, rows, direction):
    """onnxruntime has none, so that the import is compared with onnx's own reference."""
    units, inputs, count = 5, 4, 2 if direction == "bidirectional" else 1
    names = ["x", "w", "r", "b", "", "h", *(["c"] if op_type == "LSTM" else [])]
    node = onnx.helper.make_node(
        op_type, names, ["y", "last"], hidden_size=units, layout=1, direction=direction
    )
    text = f"""(float[2,3,{inputs}] x, float[2,{count},{units}] h, float[2,{count},{units}] c)
      => (float[2,3,{count},{units}] y, float[2,{count},{units}] last) {{ y = Identity(x) last = Identity(h) }}"""
    proto, random = network(text), np.random.default_rng(0)
    shapes = {"w": (rows * units, inputs), "r": (rows * units, units), "b": (2 * rows * units,)}
    for name, shape in shapes.items():
        array = random.normal(0, 0.4, (count, *shape)).astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    del proto.graph.node[:]
    proto.graph.node.append(node)
    model = from_onnx(proto.SerializeToString(), name="net")
    assert not [n for n in model.ir.graph if {"layout", "direction"} & set(n.attributes)]
    assert check_c(model) == []


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_layer_that_also_reads_backward_has_no_state_to_carry(direction):
    count = 2 if direction == "bidirectional" else 1
    text = f"""(float[3,1,2] x) => (float[3,{count},1,2] y) {{
      y = GRU <hidden_size = 2, direction = "{direction}"> (x, w, r)
    }}"""
    weights = np.ones((count, 6, 2), np.float32)
    model = from_onnx(network(text, w=weights, r=weights).SerializeToString(), name="net")
    assert len(model.notes) == (direction == "forward")
