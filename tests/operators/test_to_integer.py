"""The integer form of a network is made once, and what is not framed stays a float island."""

from builds import float_model, int8_model

from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer


def test_a_float_network_keeps_its_operators() -> None:
    model = float_model("tcn")
    nodes = [node.op_type for node in to_integer(model).ir.graph]
    assert nodes == [node.op_type for node in model.ir.graph]


def test_a_quantized_network_has_integers_without_pairs_and_is_made_once() -> None:
    model = int8_model("tcn")
    made = to_integer(model)
    kinds = {(node.domain, node.op_type) for node in made.ir.graph}
    assert (INTEGER_DOMAIN, "Conv") in kinds
    assert not {"QuantizeLinear", "DequantizeLinear"} & {name for _, name in kinds}
    assert to_integer(model) is made
