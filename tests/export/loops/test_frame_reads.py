"""Frames that nodes take at constant places."""

import onnx
import onnx_ir as ir
import pytest

from edgekit.export.loops.frame_reads import frame_read

GRAPH = """<ir_version: 10, opset_import: ["": 21]>
net (float[1, 8, 3] x) => (float[N] y) <{initializers}> {{ y = {node} }}"""


def read(node: str, **numbers: str):
    texts = [f"{name} = {{{value}}}" for name, value in numbers.items()]
    shapes = [
        f"int64[{len(v.split(','))}] {t}" for t, v in zip(texts, numbers.values(), strict=True)
    ]
    model = onnx.parser.parse_model(GRAPH.format(initializers=", ".join(shapes), node=node))
    return frame_read(next(iter(ir.from_proto(model).graph)))


@pytest.mark.parametrize(
    ("start", "stop", "expected"), [("2", "4", (2, 4)), ("-1", "99", (7, 8)), ("0", "-6", (0, 2))]
)
def test_a_slice_of_one_axis(start, stop, expected):
    found = read("Slice (x, a, b, c)", a=start, b=stop, c="1")
    assert (found.axis, found.start, found.stop, found.drops_axis) == (1, *expected, False)


def test_a_gather_of_one_frame():
    found = read("Gather <axis = 1> (x, a)", a="-2")
    assert (found.axis, found.start, found.stop, found.drops_axis) == (1, 6, 7, False)


@pytest.mark.parametrize(
    "numbers", [{"a": "0", "b": "8", "c": "1"}, {"a": "1, 1", "b": "2, 2", "c": "1, 2"}]
)
def test_all_frames_or_two_axes_are_no_read(numbers):
    assert read("Slice (x, a, b, c)", **numbers) is None


def test_another_operator_is_no_read():
    assert read("Relu (x)") is None
