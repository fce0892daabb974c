"""Constants of another float type than their operator's become float32."""

import warnings

import numpy as np
import onnx
import onnx.defs
import pytest
from one_node_files import file

from edgekit.base.errors import ModelError, VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.passes.mixed_float_types import _free_places
from edgekit.verbs.targets import TARGETS


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_an_exponent_of_another_float_type_is_float32(kind):
    model = from_onnx(file("Pow", [np.array([3, 2, 2, 1], kind)]), name="net")
    (node,) = model.ir.graph
    assert node.inputs[1].dtype.numpy() == np.float32
    TARGETS["c99"].lower(model, "c99")


# Operators whose schema gives an operand a float type of its own, with such operands.
MIXED = {
    "Pow": lambda kind: [np.array([2], kind)],
    "BatchNormalization": lambda kind: [np.array([1, 2, 3], kind)] * 4,
    "GridSample": lambda kind: [np.zeros((1, 2, 2, 2), kind)],
    "Resize": lambda kind: [np.zeros(8, kind), np.array([1, 1, 2, 2], np.float32)],
    "RMSNormalization": lambda kind: [np.array([1, 2, 3, 4], kind)],
    "CastLike": lambda kind: [np.array([1], kind)],
    "Dropout": lambda kind: [np.array(0.5, kind)],
    "DequantizeLinear": lambda kind: [np.array(0.5, kind)],
    "QuantizeLinear": lambda kind: [np.array(0.5, kind), np.array(0, np.int8)],
}


def mixed_operators():
    """The operators of float tensors with an operand that may be of another float type."""
    found = set()
    for schema in onnx.defs.get_all_schemas():
        kinds = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
        types = [given.type_str for given in schema.inputs]
        both = {"tensor(float)", "tensor(double)"} | {"tensor(float16)"}
        mixed = [t for t in types[1:] if t != types[0] and both <= kinds.get(t, set())]
        if not schema.domain and mixed and "tensor(float)" in kinds.get(types[0], {types[0]}):
            found.add(schema.name)
    return found


# Operators that EdgeKit refuses in every form, or whose such operand is no float constant.
NONE_OF_OURS = {"Attention", "OneHot", "CastLike", "Dropout"}


def test_the_table_has_every_operator_whose_float_types_may_differ():
    assert mixed_operators() - NONE_OF_OURS <= set(MIXED), "add the new ones"


@pytest.mark.parametrize("kind", [np.float16, np.float64])
@pytest.mark.parametrize("operator", MIXED)
def test_operands_of_mixed_float_types_are_lowered_or_refused(operator, kind):
    """Refused by onnxruntime too, for the most part; none ends in another error."""
    opset = 23 if operator == "RMSNormalization" else 18
    data = file(operator, MIXED[operator](kind), (1, 3, 4, 4), opset)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = from_onnx(data, name="net")
    except (ModelError, VerificationError):
        return
    if not TARGETS["c99"].check(model):
        TARGETS["c99"].lower(model, "c99")


def test_only_operands_that_no_result_takes_its_type_from_change():
    assert _free_places("Pow") == (1,)
    assert _free_places("DequantizeLinear") == ()
    assert _free_places("CastLike") == ()
    assert _free_places("Add") == ()
