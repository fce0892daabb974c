"""Which values inputs may have: what the graph tells of labels, and what an example does."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgekit.export import random_inputs, verify
from edgekit.export.from_onnx import from_onnx
from edgekit.export.from_torch import from_torch
from edgekit.graph.integer_ranges import value_ranges

# what a network makes of an index k of a table of 6 rows, and the range of its input
INDEXED = {
    "k = Identity (i)": (0, 5),
    "a = Unsqueeze (i, zero)\n k = Squeeze (a, zero)": (0, 5),
    "k = Add (two, i)": (0, 3),
    "k = Sub (i, two)": (2, 7),
    "k = Sub (two, i)": (0, 2),
    "k = Mul (i, two)": (0, 2),
    "k = Div (i, two)": (0, 11),
    "f = Cast <to = 1> (i)\n r = Floor (f)\n k = Cast <to = 7> (r)": (0, 5),
    "k = Concat <axis = 0> (i, two)": (0, 5),
}


def network(text: str, kind: str = "int64") -> bytes:
    body = f"""<ir_version: 10, opset_import: ["": 21]>
net ({kind}[3] i, float[3] x) => (float[N] y) {{
  zero = Constant <value_ints = [0]> ()
  two = Constant <value_ints = [2]> ()
  table = Constant <value_floats = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]> ()
  {text}
}}"""
    return onnx.parser.parse_model(body).SerializeToString()


@pytest.mark.parametrize("text", INDEXED)
def test_the_size_of_a_table_bounds_what_becomes_its_index(text):
    model = from_onnx(network(f"{text}\n y = Gather (table, k)"), name="net")
    assert value_ranges(model)["i"] == INDEXED[text]


OTHERS = {
    "GatherElements": "y = GatherElements (table, i)",
    "one_hot": "six = Constant <value_ints = [6]> ()\n ends = Constant <value_floats = [0.0, 1.0]> ()\n"
    "h = OneHot (i, six, ends)\n y = ReduceSum <keepdims = 0> (h, zero)",
    "comparison": "all = Constant <value_ints = [0, 1, 2, 3, 4, 5]> ()\n one = Constant <value_ints = [1]> ()\n"
    "u = Unsqueeze (i, one)\n e = Equal (u, all)\n f = Cast <to = 1> (e)\n y = ReduceSum <keepdims = 0> (f, zero)",
    "scattered": "y = ScatterElements (table, i, x)",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_readers_bound_it_too(name):
    assert value_ranges(from_onnx(network(OTHERS[name]), name="net"))["i"] == (0, 5)


def test_two_readers_bound_it_together():
    text = "g = Gather (table, i)\n k = Add (i, two)\n h = Gather (table, k)\n y = Add (g, h)"
    assert value_ranges(from_onnx(network(text), name="net"))["i"] == (0, 3)


def test_a_float_that_becomes_an_index_is_bounded_and_one_that_does_not_is_not():
    text = "k = Cast <to = 7> (i)\n y = Gather (table, k)"
    assert value_ranges(from_onnx(network(text, "float"), name="net")) == {"i": (0, 5)}


def test_the_example_tells_where_the_graph_does_not():
    model = from_onnx(network("f = Cast <to = 1> (i)\n y = Add (f, x)"), name="net")
    assert value_ranges(model) == {}
    assert value_ranges(model, {"i": np.array([4, 7, 5])}) == {"i": (4, 7)}


class Conditioned(nn.Module):
    """A vector for each of some labels is added."""

    def __init__(self, labels, doubled=False):
        super().__init__()
        torch.manual_seed(0)
        self.labels, self.layer = nn.Embedding(labels, 4), nn.Linear(4, 4)
        self.doubled = doubled

    def forward(self, x, label):
        index = (label * label) if self.doubled else label
        return self.layer(x) + self.labels(index)


def labels(count):
    return Conditioned(count), (torch.randn(3, 4), torch.zeros(3, dtype=torch.int64))


def two():
    return labels(2)


def six():
    return labels(6)


def eight():
    return labels(8)


def squared():
    return Conditioned(2, doubled=True), (torch.randn(3, 4), torch.tensor([0, 1, 1]))


@pytest.mark.parametrize("factory", ["two", "six", "eight", "squared"])
def test_a_network_with_few_labels_is_imported_whatever_is_drawn(factory, monkeypatch):
    drawn = []
    kept = random_inputs.draw

    def draw(value, generator, count, highest, lowest=None):
        made = kept(value, generator, count, highest, lowest)
        drawn.extend(made.ravel().tolist() if value.dtype.name == "INT64" else [])
        return made

    monkeypatch.setattr(random_inputs, "draw", draw)
    monkeypatch.setattr(verify, "SINGLE_CALLS", 40)
    from_torch(f"{__name__}:{factory}", name="net")
    most = {"two": 2, "six": 6, "eight": 8, "squared": 2}[factory]
    assert set(drawn) == set(range(most))


def test_what_nothing_bounds_is_tried_at_its_largest_value():
    """9 and its square are no rows of the table, 1 is."""
    model = from_onnx(network("k = Mul (i, i)\n y = Gather (table, k)"), name="net")
    assert value_ranges(model) == {}
