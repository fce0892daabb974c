"""Functions of integers and of flags: what C leaves open is decided, and the same in both forms."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.operators.elementwise.functions import FORMS, form


def node(op_type: str, *dtypes: ir.DataType, **attributes: int | str) -> ir.Node:
    inputs = [ir.Value(name=f"i{k}", type=ir.TensorType(kind)) for k, kind in enumerate(dtypes)]
    output = ir.Value(name="y", type=ir.TensorType(dtypes[-1]))
    return ir.node(op_type, inputs, attributes, outputs=[output])


def evaluate(op_type: str, *arrays: object, **attributes: int | str) -> list[object]:
    made = [np.asarray(a) for a in arrays]
    kinds = [ir.DataType.from_numpy(a.dtype) for a in made]
    rule = form(node(op_type, *kinds, **attributes))
    with np.errstate(all="ignore"):
        found: list[object] = rule.exact(*(made[i] for i in rule.operands)).tolist()
    return found


WHOLE = np.array([7, -7, 7, 5], np.int32)
CASES = {
    "quotients are cut off, and by zero 0": (
        "Div",
        (WHOLE, np.array([2, 2, -2, 0], np.int32)),
        {},
        [3, -3, -3, 0],
    ),
    "a remainder has the sign of the divisor": (
        "Mod",
        (WHOLE, np.array([3, 3, -3, 0], np.int32)),
        {},
        [1, 2, -2, 0],
    ),
    "or of the dividend": (
        "Mod",
        (WHOLE, np.array([3, 3, -3, 0], np.int32)),
        {"fmod": 1},
        [1, -1, 1, 0],
    ),
    "integers wrap around": ("Add", (np.array([127], np.int8), np.array([1], np.int8)), {}, [-128]),
    "a shift": (
        "BitShift",
        (np.array([8], np.uint8), np.array([2], np.uint8)),
        {"direction": "RIGHT"},
        [2],
    ),
    "a choice": (
        "Where",
        (np.array([True, False]), np.array([1, 2]), np.array([3, 4])),
        {},
        [1, 4],
    ),
    "the least of three": (
        "Min",
        (np.array([3, 1]), np.array([2, 5]), np.array([9, 9])),
        {},
        [2, 1],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_functions_of_integers(name: str) -> None:
    op_type, arrays, attributes, wanted = CASES[name]
    assert evaluate(op_type, *arrays, **attributes) == wanted


@pytest.mark.parametrize("op_type", ["And", "Or", "Xor"])
def test_flags_are_those_of_python(op_type: str) -> None:
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    wanted = {"And": a & b, "Or": a | b, "Xor": a ^ b}[op_type]
    assert list(map(bool, evaluate(op_type, a, b))) == wanted.tolist()


def test_every_form_says_c_of_its_operands() -> None:
    for name in ("Add", "Mul", "Greater", "Not", "Where"):
        count = {"Not": 1, "Where": 3}.get(name, 2)
        kind = ir.DataType.BOOL if name == "Not" else ir.DataType.INT32
        rule = FORMS[name](node(name, *[kind] * count))
        assert all(f"{{{i}}}" in rule.c for i in range(len(rule.operands)))
