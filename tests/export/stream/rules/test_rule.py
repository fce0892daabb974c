"""How far inputs are read and how many frames there are, as the rows of the table say."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.export.stream.rules.rule import Growth, StreamingRule
from edgekit.export.stream.rules.table import RULES
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Span


def node(op_type: str, *constants: list[int], **attributes: int | list[int]) -> ir.Node:
    """A node that reads x of shape (1, 2, 24) and constants of int64."""
    x = ir.val("x", ir.DataType.FLOAT, (1, 2, 24))
    arrays = [np.array(content, np.int64) for content in constants]
    values = [ir.val(f"c{n}", const_value=ir.tensor(array)) for n, array in enumerate(arrays)]
    made = ir.node(op_type, [x, *values], attributes)
    made.outputs[0].shape = ir.Shape((1, 2, 12))
    return made


TIME, HALF = TimeAxis(2, Fraction(1), 0), TimeAxis(2, Fraction(1, 2), 0)
TWICE = TimeAxis(2, Fraction(2), 0)
ALL = Span(0, 0)
POOL = {"kernel_shape": [4], "strides": [2], "pads": [1, 1]}


@pytest.mark.parametrize(
    ("op_type", "constants", "attributes", "made", "need", "needed"),
    [
        ("MaxPool", (), POOL, HALF, (3, -1), (2 * 3 - 1, -2 * 2 + 3 - 1 + 1)),
        ("Slice", ([3], [24], [2]), {}, TIME, (1, -3), (4, 0)),
        ("Slice", ([3], [24], [2], [4]), {}, TimeAxis(2, Fraction(1, 4), 0), (1, -3), (7, 0)),
        ("Pad", ([0, 0, 2, 0, 0, 0],), {}, TIME, (3, 2), (1, 0)),
        ("Pad", ([0, 0, 2, 0, 0, 0],), {"mode": "edge"}, TIME, (3, 2), (1, 0)),
        ("Pad", ([0, 0, 2, 0, 0, 0],), {"mode": "reflect"}, TIME, (1, 2), (0, 0)),
        ("Concat", (), {"axis": 1}, TIME, (2, -5), (2, -5)),
        ("Concat", (), {"axis": 2}, TIME, (2, -5), (0, 0)),
        ("Relu", (), {}, TIME, (5, -4), (5, -4)),
        ("CumSum", (), {}, TIME, (5, -4), (0, -4)),
        ("Resize", (), {}, HALF, (5, -4), (0, 0)),
        ("Resize", (), {}, TWICE, (5, -3), (2, -1)),
        ("Resize", (), {"mode": "linear"}, TWICE, (6, -4), (2, -1)),
    ],
)
def test_which_frames_of_an_input_are_read(op_type, constants, attributes, made, need, needed):
    rule = RULES["", op_type]
    read = Span(*need)
    assert rule.needs(node(op_type, *constants, **attributes), TIME, made, read) == Span(*needed)


@pytest.mark.parametrize(
    ("op_type", "constants", "attributes", "made", "ratio"),
    [
        ("MaxPool", (), POOL, (1, 2, 12), Fraction(1, 2)),
        ("Slice", ([0], [24], [2], [3]), {}, (1, 2, 8), Fraction(1, 3)),
        ("Gather", ([[0, 1], [4, 5], [8, 9]],), {"axis": 2}, (1, 2, 3, 2), Fraction(1, 4)),
        ("Reshape", ([1, 48],), {}, (1, 1, 48), Fraction(2)),
        ("Tanh", (), {}, (1, 2, 24), Fraction(1)),
    ],
)
def test_how_many_frames_there_are_for_one(op_type, constants, attributes, made, ratio):
    growth = Growth((1, 2, 24), made, 2, 2)
    assert RULES["", op_type].ratio(node(op_type, *constants, **attributes), growth) == ratio


def test_which_nodes_read_a_window_without_padding_of_their_own():
    def reads(op_type, *constants, read=ALL, made=HALF, **attributes):
        rule = RULES["", op_type]
        return rule.reads_window(node(op_type, *constants, **attributes), track, made, read)

    track = SimpleNamespace(axis=2, shape=(1, 2, 24), time=TIME)
    assert not reads("MaxPool", **POOL)
    assert reads("MaxPool", **dict(POOL, pads=[0, 0]), read=Span(0, -1))
    assert reads("MaxPool", **POOL, read=Span(1, -1))
    assert not reads("MaxPool", **POOL, read=Span(0, -1))
    assert not reads("MaxPool", **POOL, read=Span(1, 0))
    assert reads("Gather", [0], axis=2)
    assert not reads("Gather", [0], axis=1)


def test_a_row_without_more_keeps_frames():
    rule = StreamingRule("Own", lambda writer, node: None)
    assert rule.needs(node("Own"), TIME, TIME, Span(2, -3)) == Span(0, -3)
    assert rule.ratio(node("Own"), Growth((1, 24), (1, 24), 1, 1)) == 1
