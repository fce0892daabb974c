"""Norms of groups of channels, as networks write them."""

import onnx_ir as ir
import pytest

from edgekit.export.stream.replace.norms import group_norm_source


@pytest.mark.parametrize(
    ("shape", "wide", "groups"),
    [
        ((1, 8, 24), (1, 2, 96), True),
        ((1, 8, 24), (1, 3, 64), False),
        ((1, 8, 24), (1, 8, 4, 6), False),
    ],
)
def test_a_reshape_in_front_says_how_many_groups(shape, wide, groups):
    x = ir.val("x", ir.DataType.FLOAT, shape)
    reshape = ir.node("Reshape", [x, ir.val("dims")])
    reshape.outputs[0].shape = ir.Shape(wide)
    norm = ir.node("InstanceNormalization", [reshape.outputs[0], ir.val("scale"), ir.val("bias")])
    assert (group_norm_source(norm) is x) == groups


def test_a_norm_of_its_own_has_no_groups():
    norm = ir.node("InstanceNormalization", [ir.val("x"), ir.val("scale"), ir.val("bias")])
    assert group_norm_source(norm) is None
