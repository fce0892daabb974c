"""A Loop that counters end turns as often as they say, and streams as one step."""

import onnx
import onnx_ir as ir
import pytest

from edgekit.export.loops.loop_condition import starts, turns_of_condition
from edgekit.export.loops.onnx_loop import unroll_loops
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline

COUNTED = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, T] x) => (float[2, T] y)
<int64 one = {1}, int64 zero = {0}, float[2] start = {0.5, -1}, float half = {0.5}> {
  sizes = Shape (x)
  frames = Gather <axis = 0> (sizes, one)
  long = Cast <to = 1> (frames)
  none = Cast <to = 1> (zero)
  begins = Less (none, long)
  count, last, made = Loop (frames, begins, zero, start)
    <body = turn (int64 t, bool on, int64 n, float[2] h)
    => (bool next, int64 n2, float[2] h2, float[2] out) {
    n2 = Add (n, one)
    passed = Cast <to = 1> (n2)
    within = Less (passed, long)
    early = Less (t, frames)
    next = And (within, early)
    frame = Gather <axis = 1> (x, t)
    slow = Mul (h, half)
    h2 = Add (slow, frame)
    out = Tanh (h2)
  }>
  y = Transpose <perm = [1, 0]> (made)
}"""  # as tf2onnx writes the loop of a Keras GRU


def counted(frames: int, **ends: str) -> ir.Model:
    text = COUNTED.replace("[2, T]", f"[2, {frames}]")
    for before, after in ends.items():
        text = text.replace(f"Less ({before}, long)", after)
    model = ir.from_proto(onnx.parser.parse_model(text))
    return model


def test_a_loop_that_counters_end_streams_as_one_step() -> None:
    data = onnx.parser.parse_model(COUNTED).SerializeToString()
    model = stream(onnx_offline(data, name="counted", time_axes={"x": 1}))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (1, 0)


@pytest.mark.parametrize(
    ("condition", "turns"),
    [("Less (passed, long)", 5), ("Less (n2, n2)", 1), ("LessOrEqual (n, one)", 3)],
)
def test_a_loop_turns_until_its_counter_ends_it(condition: str, turns: int) -> None:
    model = counted(5, passed=condition)
    unroll_loops(model)
    types = [node.op_type for node in model.graph]
    assert ("Loop" in types, types.count("Tanh")) == (False, turns)


@pytest.mark.parametrize("condition", ["Less (h, h)", "Less (frame, long)"])
def test_data_decide_no_turns(condition: str) -> None:
    model = counted(5, passed=condition)
    loop = next(node for node in model.graph if node.op_type == "Loop")
    assert turns_of_condition(loop, 5) is None


def test_a_loop_without_a_first_turn_stays() -> None:
    model = counted(5, none="Less (one, zero)")
    loop = next(node for node in model.graph if node.op_type == "Loop")
    assert not starts(loop)
    unroll_loops(model)
    assert [node.op_type for node in model.graph].count("Loop") == 1


@pytest.mark.parametrize(("grown", "turns"), [("one", 5), ("grid", None)])
def test_a_carried_value_that_grows_is_no_counter(grown: str, turns: int | None) -> None:
    ones = ", ".join("1" * 9)
    wide = f"int64[1, 9] row = {{{ones}}}, int64[9, 1] column = {{{ones}}}, int64 most = {{5}}"
    text = COUNTED.replace("[2, T]", "[2, 9]").replace("Add (n, one)", f"Add (n, {grown})")
    text = text.replace("int64 one", f"{wide}, int64 one", 1)
    text = text.replace("sizes =", "grid = Mul (row, column)\n  sizes =")
    text = text.replace("And (within, early)", "Less (n2, most)")
    model = ir.from_proto(onnx.parser.parse_model(text))
    loop = next(node for node in model.graph if node.op_type == "Loop")
    assert turns_of_condition(loop, 9) == turns
