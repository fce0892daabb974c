"""The table of operators: each has one form, and integers have rows of known operators."""

import onnx_ir as ir

from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN
from edgekit.operators import table
from edgekit.operators.roles import LINEAR, RECURRENT


def test_every_integer_operator_is_one_of_the_table() -> None:
    names = {name for domain, name in table.OPERATORS if domain in ("", FRONTEND_DOMAIN)}
    assert table.INTEGERS.keys() <= names
    assert LINEAR | RECURRENT | FUSED_BODIES.keys() <= table.INTEGERS.keys()


def test_a_node_that_stays_in_float_computes_no_integers() -> None:
    operand = ir.Value(name="x", shape=ir.Shape((1, 4)), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node("Sigmoid", [operand])
    assert table.is_integer_compute(node)
    node.metadata_props[FLOAT_NODE] = "1"
    assert not table.is_integer_compute(node)


def test_another_domain_is_not_asked() -> None:
    operand = ir.Value(name="x", shape=ir.Shape((1, 4)), type=ir.TensorType(ir.DataType.FLOAT))
    assert not table.is_integer_compute(ir.node("Sigmoid", [operand], domain="com.microsoft"))
    assert table.is_integer_compute(
        ir.node("Magnitude", [operand, operand], domain=FRONTEND_DOMAIN)
    )
