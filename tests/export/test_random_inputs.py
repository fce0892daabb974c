"""Random inputs have the types of the network, and integers within what it takes."""

import numpy as np
import onnx_ir as ir
import pytest
from onnx_texts import accumulating, network

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.random_inputs import call_inputs, draw, input_ranges, random_feed


@pytest.mark.parametrize(
    ("kind", "highest", "values"),
    [
        (ir.DataType.INT64, 9, set(range(1, 10))),
        (ir.DataType.INT8, 1, {0, 1}),
        (ir.DataType.BOOL, 9, {False, True}),
    ],
)
def test_integers_are_from_one_or_suit_as_an_index(kind, highest: int, values: set[int]) -> None:
    value = ir.Value(name="x", shape=ir.Shape((2, 3)), type=ir.TensorType(kind))
    array = draw(value, np.random.default_rng(0), 40, highest)
    assert (array.shape, array.dtype, {*array.ravel().tolist()}) == (
        (40, 2, 3),
        kind.numpy(),
        values,
    )


def test_states_are_between_minus_one_and_one_and_seeds_repeat() -> None:
    model = accumulating()
    feeds = [random_feed(model, seed, model.ir.graph.inputs, {}) for seed in (1, 1, 2)]
    assert all(np.abs(feed["s"]).max() <= 1 for feed in feeds)
    assert [*feeds[0]] == ["x", "s"] and feeds[0]["x"].dtype == np.float32
    np.testing.assert_array_equal(feeds[0]["x"], feeds[1]["x"])
    assert (feeds[0]["x"] != feeds[2]["x"]).any()


def test_the_largest_integer_is_the_first_that_the_source_takes() -> None:
    text = "(float[1,2] x, int64[1,2] i) => (float[1,2] y) { f = Cast <to = 1> (i) y = Add (x, f) }"
    model = from_onnx(network(text).SerializeToString(), name="net")

    def takes(feed):
        if feed["i"].max() > 1:
            raise ModelError([])
        return feed

    assert input_ranges(takes, model, None)["i"] == (0, 1)


def test_inputs_are_positive_where_only_these_give_numbers() -> None:
    model = accumulating()
    feed, answer = call_inputs(
        lambda feed: {"y": np.where(feed["s"] < 0, np.nan, feed["s"])}, model, 0, {}
    )
    assert (feed["s"] >= 0).all() and np.isfinite(answer["y"]).all()
    assert (feed["x"] < 0).any() or (
        random_feed(model, 0, model.ir.graph.inputs, {})["x"] >= 0
    ).all()


def test_an_input_that_is_quantized_at_once_is_drawn_over_its_integers() -> None:
    text = (
        "(float[1,64] x) => (float[1,64] y) { s = Constant <value_float = 2.0> () "
        "z = Constant <value_int = 0> () b = Cast <to = 2> (z) "
        "q = QuantizeLinear (x, s, b) y = DequantizeLinear (q, s, b) }"
    )
    model = from_onnx(network(text).SerializeToString(), name="net")
    feed = random_feed(model, 0, model.ir.graph.inputs, {})
    assert 0 <= feed["x"].min() < 50 and 460 < feed["x"].max() <= 510
