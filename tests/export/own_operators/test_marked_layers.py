"""Nodes of our own domain, as torch's exporter is given them."""

from edgekit.export.own_operators.functions import FUNCTIONS, LAYERS
from edgekit.export.own_operators.marked_layers import node_of


def test_a_node_has_its_inputs_and_one_whole_number() -> None:
    schema = node_of("Oscillators", ("pitch", "amplitudes"), "rate").op_schema  # type: ignore[attr-defined]
    assert (schema.name, schema.domain) == ("Oscillators", "edgekit")
    assert [parameter.name for parameter in schema.inputs] == ["pitch", "amplitudes"]
    assert [*schema.attributes] == ["rate"] and [y.name for y in schema.outputs] == ["y"]
    assert not node_of("CumMax", ("x",)).op_schema.attributes  # type: ignore[attr-defined]


def test_every_marked_layer_has_a_body() -> None:
    assert set(LAYERS) <= set(FUNCTIONS)
