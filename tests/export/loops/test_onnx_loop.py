"""A Loop of an ONNX file is written out turn by turn, and streams as one step."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.onnx_loop import unroll_loops
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline

HEAD = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, T] x) => (float[2, T] y)
<int64 one = {1}, float[2] start = {0.5, -1},
bool yes = {1}, float half = {0.5}, int64[1] line = {1}, int64[1] first = {0}> {
  sizes = Shape (x)
  frames = Gather <axis = 0> (sizes, one)
"""
STEP = """
    next = Identity (yes)
    frame = Gather <axis = 1> (x, t)
    slow = Mul (h, half)
    h2 = Add (slow, frame)
"""
SCAN = f"""{HEAD}
  last, made = Loop (frames, yes, start) <body = turn (int64 t, bool on, float[2] h)
    => (bool next, float[2] h2, float[2] out) {{ {STEP} out = Tanh (h2) }}>
  y = Transpose <perm = [1, 0]> (made)
}}"""
SEQUENCE = f"""{HEAD}
  empty = SequenceEmpty ()
  last, all = Loop (frames, , start, empty) <body = turn (int64 t, bool on, float[2] h, seq(float) s)
    => (bool on2, float[2] h2, seq(float) s2) {{ {STEP}
    on2 = Identity (on)
    out = Tanh (h2)
    column = Unsqueeze (out, line)
    s2 = SequenceInsert (s, column) }}>
  y = ConcatFromSequence <axis = 1> (all)
}}"""
STACK = SEQUENCE.replace("column = Unsqueeze (out, line)", "column = Identity (out)").replace(
    "<axis = 1> (all)", "<axis = 1, new_axis = 1> (all)"
)
WRITES = f"""{HEAD}
  whole = Shape (x)
  zeros = ConstantOfShape (whole)
  last, y = Loop (frames, yes, start, zeros) <body = turn (int64 t, bool on, float[2] h, float[a, b] z)
    => (bool next, float[2] h2, float[a, b] z2) {{ {STEP}
    out = Tanh (h2)
    column = Unsqueeze (out, line)
    place = Reshape (t, line)
    index = Expand (place, shape)
    column_index = Unsqueeze (index, line)
    z2 = ScatterElements <axis = 1> (z, column_index, column) }}>
}}""".replace("bool yes", "int64[1] shape = {2}, bool yes")
FORMS = {"scan": SCAN, "sequence": SEQUENCE, "stack": STACK, "writes": WRITES}


def parsed(text: str) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(text)
    onnx.checker.check_model(proto)
    return proto


@pytest.mark.rows(2)
@pytest.mark.parametrize("form", FORMS)
def test_a_loop_streams_as_one_step(form: str) -> None:
    proto = parsed(FORMS[form])
    model = stream(onnx_offline(proto.SerializeToString(), name=form, time_axes={"x": 1}))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (1, 0)
    assert {pair.input for pair in model.states} == {"loop.0.0.state", "hops.state"}


def test_the_turns_compute_the_same() -> None:
    proto = parsed(SCAN.replace("[2, T]", "[2, 5]"))
    model = ir.from_proto(proto)
    unroll_loops(model)
    assert "Loop" not in {node.op_type for node in model.graph}
    feed = {"x": np.arange(10, dtype=np.float32).reshape(2, 5)}
    expected, found = (
        in_onnxruntime(one.SerializeToString())(feed)["y"] for one in (proto, ir.to_proto(model))
    )
    np.testing.assert_array_equal(expected, found)


ENDED = SCAN.replace(
    "next = Identity (yes)", "sum = ReduceSum <keepdims = 0> (h) next = Less (sum, half)"
)


def test_a_loop_that_data_end_stays() -> None:
    model = ir.from_proto(parsed(ENDED.replace("[2, T]", "[2, 5]")))
    unroll_loops(model)
    assert [node.op_type for node in model.graph].count("Loop") == 1


def test_a_loop_that_data_end_is_refused() -> None:
    data = parsed(ENDED).SerializeToString()
    with pytest.raises(ModelError, match="a loop in the network"):
        stream(onnx_offline(data, name="loop", time_axes={"x": 1}))
