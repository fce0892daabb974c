"""Forms that need the length of a recording, as networks have them, and what stands for them."""

import numpy as np
import pytest
from stream_networks import Net, check, delays

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_points_on_the_lines_between_aligned_corners(factor):
    """``factor * (frames - 1) + 1`` frames: those of the input and between two of them ``factor - 1`` more."""
    net, whole = Net(), np.int64
    y = net.conv("x", 2, 2, 3, left=1, right=1)
    gaps = net.add("Sub", net.add("Shape", y, start=2), net.const([1], whole))
    frames = net.add("Add", net.add("Mul", gaps, net.const([factor], whole)), net.const([1], whole))
    sizes = net.add("Concat", net.const([1, 2], whole), frames, axis=0)
    aligned = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    y = net.add("Tanh", net.add("Resize", y, "", "", sizes, **aligned))
    for model in check(net.model([1, 2, "T"], y), (1, 2, 3)):
        assert model.timing[model.stream_outputs[0].name].delay_frames == factor + factor - 1


def test_the_form_of_onnx_files_is_recognized():
    """It subtracts the maximum over all of time, which a stream does not need."""
    made, axes = Net(), np.int64
    most = made.add("ReduceMax", "x", made.const([2], axes))
    exponentials = made.add("Exp", made.add("Sub", "x", most))
    total = made.add("CumSum", exponentials, made.const(2, axes))
    y = made.conv(made.add("Add", made.add("Log", total), most), 3, 2, 3, left=1, right=1)
    model = stream(onnx_offline(made.model([1, 3, "T"], y), name="net"), hop=3)
    assert delays(model) == [1]
