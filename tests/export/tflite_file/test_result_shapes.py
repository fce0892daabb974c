"""Sizes that a file leaves open are those that its operators compute."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.tflite_file.file import Graph, Operator, Tensor, read_tflite
from edgekit.export.tflite_file.open_shapes import resolve_shapes
from edgekit.export.tflite_file.result_shapes import RESULT_SHAPES

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "tflite.md"


def _opened(graph: Graph) -> Graph:
    """The graph, with results of open sizes where an operator has a rule."""
    numbers = {o.outputs[0] for o in graph.operators if o.builtin in RESULT_SHAPES}
    tensors = tuple(
        replace(held, shape=(1,) * len(held.shape), open_axes=(-1,) * len(held.shape))
        if number in numbers and held.shape
        else held
        for number, held in enumerate(graph.tensors)
    )
    return replace(graph, tensors=tensors)


def test_open_sizes_are_those_that_a_file_states() -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    from tflite_graphs import GRAPHS, file_of

    followed = set()
    for row in GRAPHS.values():
        (graph,) = read_tflite(file_of(row.make())).graphs[:1]
        shapes = [held.shape for held in resolve_shapes(_opened(graph)).tensors]
        assert shapes == [held.shape for held in graph.tensors], row
        followed |= {operator.builtin for operator in graph.operators}
    assert followed >= {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE", "PAD"}


def _operator(builtin: str, **options: int) -> Operator:
    named = SimpleNamespace(**{name: lambda value=value: value for name, value in options.items()})
    return Operator(builtin, 1, (0, 1), (2,), named)


def _resolved(operator: Operator, shape: tuple[int, ...], constant: np.ndarray) -> tuple[int, ...]:
    """The shape of what an operator makes of a tensor and a constant."""
    tensors = (
        Tensor("x", shape, "float32", None, None, False),
        Tensor("constant", constant.shape, "int32", None, constant, False),
        Tensor("y", (1, 1), "float32", None, None, False, (-1, -1)),
    )
    return resolve_shapes(Graph("g", tensors, (operator,), (0,), (2,))).tensors[2].shape


AXES = np.array([1, -1])
PADS = np.array([[0, 0], [1, 2], [0, 3]])
WEIGHTS = np.ones((8, 4))
FILTERS = np.ones((8, 3, 3, 2))
SAME, VALID = {"Padding": 0}, {"Padding": 1}


@pytest.mark.parametrize(
    ("operator", "constant", "expected"),
    [
        (_operator("MEAN", KeepDims=0), AXES, (1,)),
        (_operator("REDUCE_MAX", KeepDims=1), AXES, (1, 1, 1)),
        (_operator("TRANSPOSE"), np.array([2, 0, 1]), (4, 1, 6)),
        (_operator("PADV2"), PADS, (1, 9, 7)),
        (_operator("FULLY_CONNECTED", KeepNumDims=1), WEIGHTS, (1, 6, 8)),
        (_operator("FULLY_CONNECTED", KeepNumDims=0), WEIGHTS, (6, 8)),
    ],
)
def test_sizes_follow_from_constants(
    operator: Operator, constant: np.ndarray, expected: tuple[int, ...]
) -> None:
    assert _resolved(operator, (1, 6, 4), constant) == expected


def _convolution(dilation: int, **padding: int) -> Operator:
    """A convolution whose rows have stride 2, and whose columns are dilated."""
    steps = {"StrideH": 2, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": dilation}
    return _operator("CONV_2D", **steps, **padding)


@pytest.mark.parametrize(("padding", "expected"), [(SAME, (1, 5, 7, 8)), (VALID, (1, 4, 3, 8))])
def test_sizes_of_a_convolution(padding: dict[str, int], expected: tuple[int, ...]) -> None:
    assert _resolved(_convolution(2, **padding), (1, 9, 7, 2), FILTERS) == expected


def test_a_filter_that_is_larger_than_its_input_is_refused() -> None:
    operator = _convolution(1, **VALID)
    with pytest.raises(ModelError, match=r"CONV_2D: shape \[1, 0, -1, 8\]"):
        _resolved(operator, (1, 2, 1, 2), FILTERS)


def test_a_size_that_is_not_followed_names_its_operator() -> None:
    with pytest.raises(ModelError, match="a size that EdgeKit does not follow through TILE"):
        _resolved(_operator("TILE"), (1, 6, 4), np.array([1, 2, 1]))


def test_the_guide_names_what_is_followed() -> None:
    lines = GUIDE.read_text().splitlines()
    sentences = next(line for line in lines if "follows such sizes" in line)
    start = next(n for n, line in enumerate(lines) if line.startswith("| arithmetic"))
    arithmetic = {*re.findall(r"`([A-Z_0-9]+)`", "".join(lines[start:]))}
    indices = {"ARG_MAX", "ARG_MIN"}
    named = {*re.findall(r"`([A-Z_0-9]+)`", sentences)} - indices
    assert {*RESULT_SHAPES} == arithmetic - indices | named
