"""Inputs that are session constants or controls, and those that cannot be."""

import pytest
from onnx_texts import accumulating, network

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file.session_constants import declare_constants, declare_controls
from edgekit.graph.model import Model

TEXT = (
    "(float[1,4] x, float[1,4] e, float[1] k) => (float[1,4] y) { s = Add (x, e) y = Mul (s, k) }"
)


@pytest.fixture(scope="module")
def model() -> Model:
    return from_onnx(network(TEXT).SerializeToString(), name="net")


def test_declarations_add_up_once_each(model: Model) -> None:
    both = declare_controls(declare_constants(model, ["e", "e"]), ["k"])
    assert (list(both.constants), list(both.controls)) == (["e"], ["k"])
    assert [value.name for value in both.stream_inputs if value.name not in ("e", "k")] == ["x"]
    assert declare_constants(model, []) is model


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["nowhere", "e"], "the network has no such input"),
        (["k", "e"], "a session constant and a control"),
        (["x", "e"], "no input is left that is new in each hop"),
    ],
)
def test_what_cannot_be_declared_is_told(model: Model, names: list[str], found: str) -> None:
    with pytest.raises(ModelError) as caught:
        declare_constants(declare_controls(model, ["k"]), names)
    assert [problem.found for problem in caught.value.problems] == [found]


def test_a_state_is_none_of_both() -> None:
    with pytest.raises(ModelError, match="a state of the network"):
        declare_controls(accumulating(), ["s"])
