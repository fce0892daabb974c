"""Frames behind a padding, found through reshapes."""

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.replace.other_forms import frames_behind


def value(name: str, *shape: int, content: object = None) -> ir.Value:
    if content is None:
        return ir.val(name, ir.DataType.FLOAT, shape)
    return ir.val(name, const_value=ir.tensor(np.asarray(content)))


def padded() -> ir.Node:
    node = ir.node("Pad", [value("x", 1, 40), value("pads", 4, content=[0, 2, 0, 2])])
    node.outputs[0].shape = ir.Shape((1, 44))
    return node


def test_a_convolution_cuts_frames_by_its_kernel():
    pad = padded()
    wide = ir.node("Reshape", [pad.outputs[0], value("dims", 3, content=[1, 1, 44])])
    wide.outputs[0].shape = ir.Shape((1, 1, 44))
    kernel = value("w", 3, 1, 8, content=np.zeros((3, 1, 8), np.float32))
    ir.node("Conv", [wide.outputs[0], kernel], {"strides": [4]})
    assert frames_behind(pad, 1) == (8, 4)


def test_an_index_cuts_frames_by_its_rows():
    pad = padded()
    rows = np.arange(5)[:, None] * 3 + np.arange(6)
    ir.node("Gather", [pad.outputs[0], value("rows", 5, 6, content=rows)], {"axis": 1})
    assert frames_behind(pad, 1) == (6, 3)


def test_anything_else_cuts_none():
    pad = padded()
    assert frames_behind(pad, 1) is None
    ir.node("Relu", [pad.outputs[0]])
    assert frames_behind(pad, 1) is None
