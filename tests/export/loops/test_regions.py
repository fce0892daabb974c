"""The nodes of some lines of source, and the time axes of what they read and make."""

import onnx
import onnx_ir as ir
import pytest

from edgekit.export.loops.regions import NoScan, frames_of, growth, region_of
from edgekit.export.loops.source_lines import SCOPES, TRACE, Call, SourceLines

LINES = SourceLines("body.0", (), Call("net.py", "forward", 5), 6)


def graph(frames: int, *inner: str, other: int = 4) -> ir.Graph:
    """A graph; the nodes that make `inner` come from `LINES`."""
    text = f"""<ir_version: 10, opset_import: ["": 21]>
    net (float[1, {frames}, 2] x, float[1, {other}, 2] z) => (float[1, {frames}, 2] y) <float[2] half = {{1, 2}}> {{
      before = Neg (x)
      table = Exp (half)
      first = Mul (before, table)
      middle = Tanh (first)
      last = Add (middle, z)
      y = Neg (last)
    }}"""
    made = ir.from_proto(onnx.parser.parse_model(text)).graph
    for node in made:
        value = node.outputs[0]
        value.shape = ir.Shape([2] if value.name == "table" else [1, frames, 2])
        if value.name in inner:
            stack = 'File "net.py", line 5, in forward'
            node.metadata_props.update({TRACE: stack, SCOPES: "['', 'body.0', 'op']"})
    return made


def test_what_lies_between_and_what_makes_constants_belongs_to_it():
    region = region_of(graph(4, "first", "last"), LINES)
    assert [node.outputs[0].name for node in region.nodes] == ["table", "first", "middle", "last"]
    assert [value.name for value in region.inputs] == ["z", "before"]
    assert [value.name for value in region.outputs] == ["last"]


def test_lines_without_nodes_are_no_scan():
    with pytest.raises(NoScan, match="has no nodes"):
        region_of(graph(4), LINES)


def test_axes_that_grow_are_those_of_time():
    short, long = (region_of(graph(n, "first", "last"), LINES) for n in (4, 7))
    axes, made = growth(short, long)
    assert (axes, made) == ([None, 1], [1]) and frames_of(long, axes) == 7
    with pytest.raises(NoScan, match="different rates"):
        frames_of(long, [1, 1])
    with pytest.raises(NoScan, match="without time"):
        growth(short, short)
    with pytest.raises(NoScan, match="a different set of tensors"):
        growth(short, region_of(graph(7, "middle"), LINES))
