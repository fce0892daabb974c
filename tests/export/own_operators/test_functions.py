"""The table of marked layers: each row has a body that runs, a rule of streams and what torch's exporter needs."""

import onnx
import onnx.parser
import pytest

from edgekit.export.own_operators.functions import LAYERS, layer_modules, with_bodies
from edgekit.export.own_operators.marked_layers import MarkedLayer
from edgekit.export.stream.rules.table import OWN_RULES
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET


@pytest.mark.parametrize("row", LAYERS.values(), ids=LAYERS)
def test_a_file_without_the_body_gets_it(row: MarkedLayer) -> None:
    header, _, rest = row.body.partition("(")
    inputs, attributes = rest.partition(")")[0], header.partition("<")[2].partition(">")[0]
    values = ", ".join(f"{name} = 1" for name in attributes.split(",") if name.strip())
    shapes = ", ".join(f"float[1, 4, 8] {name}" for name in inputs.split(", "))
    text = f"""<ir_version: 9, opset_import: ["" : {OPSET}, "{FRONTEND_DOMAIN}" : 1]>
    g ({shapes}) => (float[1, 4, 8] y) {{ y = {FRONTEND_DOMAIN}.{row.name} <{values}> ({inputs}) }}"""
    text = text.replace(" <> ", " ")
    lacking = onnx.parser.parse_model(text)
    made = onnx.load_from_string(with_bodies(lacking.SerializeToString()))
    assert [function.name for function in made.functions] == [row.name]
    onnx.checker.check_model(made)
    assert with_bodies(made.SerializeToString()) == made.SerializeToString()


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_a_rule_of_streams(name: str) -> None:
    assert callable(OWN_RULES[name])


def test_the_exporter_of_torch_knows_every_layer() -> None:
    operators = [str(key) for module in layer_modules() for key in module.translations()]
    assert len(operators) == sum(row.module is not None for row in LAYERS.values())
    assert all(name.startswith(f"{FRONTEND_DOMAIN}.") for name in operators)
