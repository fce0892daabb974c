"""What a .tflite states and its operators do not compute is refused by its name."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from tflite_graphs import GRAPHS, file_of

from edgekit.base.errors import ModelError
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.export.tflite_file.file import read_tflite


def _changed(name: str, change: Callable[[Any], None]) -> bytes:
    """The file of a graph of the tests, with one thing changed."""
    model = schema.ModelT.InitFromPackedBuf(file_of(GRAPHS[name].make()))
    change(model.subgraphs[0])
    builder = flatbuffers.Builder(1 << 14)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _shape(number: int, *sizes: int) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph.tensors[number].shape = list(sizes)

    return change


def _grid(number: int, **fields: list[Any]) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        for field, value in fields.items():
            setattr(graph.tensors[number].quantization, field, value)

    return change


def _option(number: int, **fields: Any) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        for field, value in fields.items():
            setattr(graph.operators[number].builtinOptions, field, value)

    return change


def _outputs(*numbers: int) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph.outputs = list(numbers)

    return change


def _kind(number: int, kind: int) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph.tensors[number].type = kind

    return change


def _no_operands(graph: Any) -> None:
    graph.operators[0].inputs = []


ROWS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "a shape": ("conv_int8", _shape(3, 1, 5, 4, 9), r"dimension 3: \(6\) vs \(9\)"),
    "elements": ("conv_int8", _shape(0, 1, 2**20, 2**20, 4), "at most 268435456"),
    "rows": ("halves", _shape(3, 1, 3, 1), "rows of the input"),
    "bias": ("dense_int8", _grid(5, scale=[0.5]), "a bias on scale 0.5, on products"),
    "weights": ("dense_int8", _grid(4, zeroPoint=[3]), "weights around 3"),
    "zero point": ("dense_int8", _grid(6, zeroPoint=[200]), "zero point 200"),
    "types": ("sum_int8", _kind(2, schema.TensorType.INT16), "int16 of 'y' around -128"),
    "averages": ("average_of_4_int8", _grid(1, zeroPoint=[3]), "on other scales or types"),
    "scale": ("dense_int8", _grid(6, scale=[1e-45]), "one positive scale"),
    "tanh": ("depthwise", _option(0, fusedActivationFunction=4), "activation 4"),
    "joined": ("movement", _option(7, fusedActivationFunction=1), "an activation"),
    "beta": ("dense_int8", _option(3, beta=1e30), "beta 1e"),
    "parts": ("movement", _shape(15, 1, 3, 3, 4), "an output for each part"),
    "operands": ("dense_int8", _no_operands, "MAX_POOL_2D: inputs, outputs or options"),
    "output": ("conv_int8", _outputs(3, 2), "several scales"),
    "transposed": ("transposed_conv", _shape(3, 1, 7, 1, 3), "TRANSPOSE_CONV: an output of"),
}


@pytest.mark.parametrize("name", ROWS)
def test_it_is_refused_by_its_name(name: str) -> None:
    graph, change, found = ROWS[name]
    with pytest.raises(ModelError, match=found):
        to_onnx(read_tflite(_changed(graph, change)))
