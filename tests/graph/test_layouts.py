"""What a user declares of axes, and which outputs follow."""

import onnx_ir as ir
import pytest

from edgekit.base.errors import UsageError
from edgekit.base.layout import Layout
from edgekit.graph.layouts import with_layouts
from edgekit.graph.model import Model

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[1, 8, 2] x) => (float[1, 8, 2] y, float[1, 8, 1] mono, float[2, 8] other) {
  y = Tanh (x)
  mono = ReduceMean <keepdims = 1> (x, last)
  flat = Squeeze (x, first)
  other = Transpose <perm = [1, 0]> (flat)
}"""


def network() -> Model:
    text = TEXT.replace("other) {", "other) <int64[1] last = {2}, int64[1] first = {0}> {")
    model = ir.from_onnx_text(text)
    return Model(model).describe(timing={"x": {"axis": 1}})


def test_outputs_of_the_shape_of_an_input_follow_it_and_the_note_says_so() -> None:
    made = with_layouts(network(), {"x": Layout("NTC")})
    assert {name: str(layout) for name, layout in made.layouts.items()} == {
        "x": "NTC",
        "y": "NTC",
        "mono": "NTC",
    }
    assert made.notes == (
        "output 'y' is taken to be NTC, as input 'x' is; --layout y=LETTERS says otherwise",
        "output 'mono' is taken to be NTC, as input 'x' is; --layout mono=LETTERS says otherwise",
    )


def test_nothing_is_changed_where_nothing_is_declared() -> None:
    model = network()
    assert with_layouts(model, {}) is model


@pytest.mark.parametrize(
    ("name", "layout", "found"),
    [
        ("z", "NTC", "no input or output of this name"),
        ("x", "TC", "2 letters for the 3 axes of [1, 8, 2]"),
        ("x", "NCT", "its time axis is 1"),
    ],
)
def test_mistakes_are_named(name: str, layout: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_layouts(network(), {name: Layout(layout)})
    (problem,) = caught.value.problems
    assert (problem.where, problem.found) == (f"--layout {name}={layout}", found)
