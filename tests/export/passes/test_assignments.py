"""Assignments to constant places leave no scatter, and the network is the same; others stay as they are."""

import numpy as np
import onnx
import pytest
import torch
from assignments import FORMS, Assigning, Form
from onnx import numpy_helper, parser

from edgekit.export.from_onnx import from_onnx
from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule
from edgekit.graph.model import Model

SCATTER = """<ir_version: 9, opset_import: ["" : 18]>
net (float[3,4] x, float[{shape}] u) => (float[3,4] y) {{
  y = {operator} (x, places, u)
}}"""


def operators(model: Model) -> set[str]:
    return {node.op_type for node in model.ir.graph}


@pytest.mark.rows(2)
@pytest.mark.parametrize("form", FORMS[:4])
def test_an_assignment_is_a_concatenation(form: Form) -> None:
    module = Assigning(form).eval()
    model, _ = from_torch(TorchModule("form", module, {"x": torch.randn(1, 4, 24)}), name="form")
    assert not {"ScatterND", "ScatterElements"} & operators(model)


def imported(operator: str, shape: str, places: object) -> Model:
    proto = parser.parse_model(SCATTER.format(operator=operator, shape=shape))
    proto.graph.initializer.append(numpy_helper.from_array(np.array(places, np.int64), "places"))
    onnx.checker.check_model(proto)
    return from_onnx(proto.SerializeToString(), name="scatter")


@pytest.mark.parametrize(
    ("operator", "shape", "places"),
    [
        ("ScatterND", "2,4", [[2], [0]]),
        ("ScatterND", "2,2", [[[2, 1], [2, 3]], [[0, 1], [0, 3]]]),
        ("ScatterND", "3,4", [[-1], [0], [1]]),
        ('ScatterND <reduction = "max">', "1,4", [[1]]),
        ("ScatterElements <axis = 1>", "3,2", [[3, 0]] * 3),
        ("ScatterElements <axis = 1>", "2,2", [[-1, 0]] * 2),
        ('ScatterElements <axis = 0, reduction = "add">', "1,4", [[2, 2, 2, 2]]),
    ],
)
def test_scatters_of_files(operator: str, shape: str, places: object) -> None:
    assert not {"ScatterND", "ScatterElements"} & operators(imported(operator, shape, places))


@pytest.mark.parametrize(
    ("operator", "shape", "places"),
    [
        ('ScatterND <reduction = "add">', "2,4", [[1], [1]]),  # twice the same row
        ("ScatterND", "2", [[0, 1], [1, 3]]),  # no box
        ("ScatterElements <axis = 1>", "3,2", [[3, 0], [1, 0], [3, 0]]),  # rows that differ
    ],
)
def test_other_scatters_stay(operator: str, shape: str, places: object) -> None:
    assert operator.split()[0] in operators(imported(operator, shape, places))
