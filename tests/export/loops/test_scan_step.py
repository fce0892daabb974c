"""The states of a parallel scan follow from two frames; operators that are not associative are found."""

import onnx
import onnx_ir as ir
import pytest

from edgekit.export.loops.regions import NoScan, Region
from edgekit.export.loops.scan_step import check_steps, step_of_pair
from edgekit.export.loops.source_lines import Call, SourceLines

LINES = SourceLines("", (), Call("net.py", "forward", 1), 1)
SUM = "y = CumSum (x, axis)"
FROM_THE_END = "y = CumSum <reverse = 1> (x, axis)"
DOUBLED = "sums = CumSum (x, axis) y = Add (sums, sums)"
DIFFERENCES = """a = Slice (x, zero, one, one) b = Slice (x, one, end, one)
all = CumSum (b, axis) first = Sub (a, all) y = Concat <axis = 1> (a, first)"""


def region(lines: str, frames: int) -> Region:
    text = f"""<ir_version: 10, opset_import: ["": 21]>
    net (float[1, {frames}, 2] x) => (float[1, {frames}, 2] y)
    <int64 axis = {{1}}, int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] end = {{{frames}}}> {{ {lines} }}"""
    graph = ir.from_proto(onnx.parser.parse_model(text)).graph
    return Region(list(graph), list(graph.inputs), list(graph.outputs))


@pytest.mark.parametrize("lines", [SUM, DIFFERENCES])
def test_the_last_result_takes_the_place_of_the_first_frame(lines: str) -> None:
    step = step_of_pair(LINES, region(lines, 2), [1], [1])
    assert step.carried == {0: 0} and step.from_zero == (lines == SUM)
    check_steps(step, region(lines, 5))


def test_a_scan_from_the_end_is_found_with_more_frames() -> None:
    step = step_of_pair(LINES, region(FROM_THE_END, 2), [1], [1])
    with pytest.raises(NoScan, match="runs from the end"):
        check_steps(step, region(FROM_THE_END, 5))


def test_results_that_do_not_start_with_the_first_frame_have_no_state() -> None:
    with pytest.raises(NoScan, match="another value than its first frame"):
        step_of_pair(LINES, region(DOUBLED, 2), [1], [1])
