"""Upsampling along time by lines, and factors that a hop does not tell."""

import pytest
from stream_networks import Net, check, delays, refused


@pytest.mark.rows(5)
@pytest.mark.parametrize("factor", [2, 3, 4, 5])
@pytest.mark.parametrize(("left", "right"), [(0, 0), (1, 1), (3, 0), (2, -2)])
def test_lines_between_frames(factor, left, right):
    """The first frame stays before itself and the last one behind itself; half of a frame waits for the next."""
    net = Net()
    y = net.conv("x", 2, 2, 3, left=left, right=max(right, 0))
    y = net.add("Resize", y, "", net.const([1, 1, factor]), mode="linear")
    y = net.add("Tanh", net.conv(y, 2, 2, 3, left=1, right=1))
    check(net.model([1, 2, "T"], y), (1, 2, 3, 5))
    net = Net()
    data = net.model(
        [1, 1, "T"], net.add("Resize", "x", "", net.const([1, 1, factor]), mode="linear")
    )
    (model,) = check(data, (2,))
    output = model.stream_outputs[0].name
    assert model.timing[output].delay_frames == factor // 2
    assert delays(model) == [1]


def test_other_resampling_is_refused():
    net = Net()
    y = net.add("Resize", "x", "", net.const([1, 1, 1.5]), mode="linear")
    assert "linear resampling of time by 3/2" in refused(net, y)
    net = Net()
    aligned = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    y = net.add("Resize", "x", "", net.const([1, 1, 2]), **aligned)
    assert "linear upsampling of time with align_corners" in refused(net, y)
