"""Calls of one hop each against one call over all of them."""

import numpy as np
import onnx
import pytest

from edgekit.export.continuity import HOPS, growths
from edgekit.export.from_onnx import from_onnx
from edgekit.export.source_calls import graph_call, onnx_call, open_axes

HEADER = '<ir_version: 10, opset_import: ["" : 21]>\n'
# a sum over the samples of a call, with or without the sum of the calls before
SUMS = """
net (float[1,8] x, float[1,1] h) => (float[1,8] y, float[1,1] h_next) {
  axis = Constant<value = int64[1] {1}>()
  end = Constant<value = int64[1] {-1}>()
  behind = Constant<value = int64[1] {1000}>()
  own = CumSum(x, axis)
  all = Add(own, h)
  h_next = Slice(all, end, behind, axis)
  y = Identity(RESULT)
}"""
WINDOW = """
net (float[1,T] x) => (float[1,1] y) {
  axis = Constant<value = int64[1] {1}>()
  y = ReduceMean(x, axis)
}"""


def network(text, tmp_path, **given):
    path = tmp_path / "net.onnx"
    onnx.save(onnx.parser.parse_model(HEADER + text), path)
    return str(path), from_onnx(path, name="net", **given)


@pytest.mark.parametrize(("result", "is_carried"), [("all", True), ("own", False)])
def test_states_make_hops_equal_where_outputs_read_them(result, is_carried, tmp_path):
    path, model = network(SUMS.replace("RESULT", result), tmp_path)
    for call in (onnx_call(path, model, {}, {}), graph_call(model)):
        # along the batch the state would grow, too
        (time,) = growths(call, model, {"x": [0, 1]}, None)
        assert time.axes == {"x": 1} and time.outputs == {"y": 1} and time.hops == HOPS[-1]
        assert (time.error == 0) == time.carried == is_carried
        assert bool(time.worst) != is_carried


def test_an_output_that_stays_as_long_tells_nothing_of_hops(tmp_path):
    path, model = network(WINDOW, tmp_path, shapes={"x": [1, 8]})
    (growth,) = growths(onnx_call(path, model, {}, {}), model, {"x": [1]}, None)
    assert growth.outputs == {} and growth.error == 0 and not growth.carried
    assert open_axes(path, {}) == {"x": {1}}


def test_where_a_source_does_not_take_more_nothing_grows(tmp_path):
    _, model = network(SUMS.replace("RESULT", "all"), tmp_path)

    def only_one_hop(feed):
        if feed["x"].shape != (1, 8):
            raise ValueError(feed["x"].shape)
        return {"y": np.zeros((1, 8), np.float32), "h_next": feed["h"]}

    assert growths(only_one_hop, model, {"x": [0, 1]}, None) == []
