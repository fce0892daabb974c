"""How far inputs are read and how many frames there are, as the rows of the table say."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.export.stream.rules.rule import Growth, StreamingRule
from edgekit.export.stream.rules.table import RULES
from edgekit.export.stream.tensor_timing import TimeAxis


def node(op_type: str, *constants: list[int], **attributes: int | list[int]) -> ir.Node:
    """A node that reads x of shape (1, 2, 24) and constants of int64."""
    x = ir.val("x", ir.DataType.FLOAT, (1, 2, 24))
    arrays = [np.array(content, np.int64) for content in constants]
    values = [ir.val(f"c{n}", const_value=ir.tensor(array)) for n, array in enumerate(arrays)]
    made = ir.node(op_type, [x, *values], attributes)
    made.outputs[0].shape = ir.Shape((1, 2, 12))
    return made


TIME, HALF = TimeAxis(2, Fraction(1), 0), TimeAxis(2, Fraction(1, 2), 0)
POOL = {"kernel_shape": [4], "strides": [2], "pads": [1, 1]}


@pytest.mark.parametrize(
    ("op_type", "constants", "attributes", "made", "need", "needed"),
    [
        ("MaxPool", (), POOL, HALF, -1, -2 * 2 + 3 - 1 + 1),
        ("Slice", ([3], [24], [2]), {}, TIME, -3, 0),
        ("Pad", ([0, 0, 2, 0, 0, 0],), {}, TIME, 2, 0),
        ("Concat", (), {"axis": 1}, TIME, -5, -5),
        ("Concat", (), {"axis": 2}, TIME, -5, 0),
        ("Relu", (), {}, TIME, -4, -4),
        ("Resize", (), {}, HALF, -4, 0),
    ],
)
def test_how_far_an_input_is_read(op_type, constants, attributes, made, need, needed):
    rule = RULES["", op_type]
    assert rule.needs(node(op_type, *constants, **attributes), TIME, made, need) == needed


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
    track = SimpleNamespace(axis=2, shape=(1, 2, 24))
    plain = dict(POOL, pads=[0, 0])
    assert not RULES["", "MaxPool"].reads_window(node("MaxPool", **POOL), track)
    assert RULES["", "MaxPool"].reads_window(node("MaxPool", **plain), track)
    assert RULES["", "Gather"].reads_window(node("Gather", [0], axis=2), track)
    assert not RULES["", "Gather"].reads_window(node("Gather", [0], axis=1), track)


def test_a_row_without_more_keeps_frames():
    rule = StreamingRule("Own", lambda writer, node: None)
    assert rule.needs(node("Own"), TIME, TIME, -3) == -3
    assert rule.ratio(node("Own"), Growth((1, 24), (1, 24), 1, 1)) == 1
