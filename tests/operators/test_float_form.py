"""The float form of integers: the same layers under their names, without quantizers, close to the float network."""

import pytest
from builds import float_model, int8_model, noise
from sampler_networks import grouped
from zoo import ZOO

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.float_form import float_form
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.c.lower import check_c

WEIGHTS_DB = {
    "w8a8": 25.0,
    "w8a16": 25.0,
    "w4a8": 8.0,
}  # which integer weights leave, in the worst network
QUANTIZERS = {"QuantizeLinear", "DequantizeLinear"}


def assert_float(model: Model, form: Model) -> None:
    """No quantizers and no integer operators are left; layers keep their names."""
    assert not QUANTIZERS & {node.op_type for node in form.ir.graph}
    assert all(node.domain != INTEGER_DOMAIN for node in to_integer(form).ir.graph)
    layers = {n.name for n in model.ir.graph if n.op_type not in {*QUANTIZERS, "GatherElements"}}
    assert layers <= {n.name for n in form.ir.graph}
    assert form.quantization.recipe == "float32" and check_c(form) == []


@pytest.mark.parametrize("name", ZOO)
def test_a_network_at_w8a8_gets_back_to_float(name: str) -> None:
    model, plain = int8_model(name), float_model(name)
    before = model.to_bytes()
    form = float_form(model)
    assert_float(model, form)
    inputs = noise(plain, 20)
    expected, found = run_hops(plain, inputs), run_hops(form, inputs)
    assert found.keys() == expected.keys()
    assert min(snr_db(expected[k], found[k]) for k in expected) > WEIGHTS_DB["w8a8"]
    assert model.to_bytes() == before


@pytest.mark.parametrize("recipe", WEIGHTS_DB)
def test_other_types_get_back_to_float(recipe: str) -> None:
    plain = float_model("conv_recurrent")
    calibration = Calibration((noise(plain, 40, 1),), "noise")
    model = quantize(plain, calibration, recipe)
    form = float_form(model)
    assert_float(model, form)
    inputs = noise(plain, 20)
    expected, found = run_hops(plain, inputs), run_hops(form, inputs)
    assert min(snr_db(expected[k], found[k]) for k in expected) > WEIGHTS_DB[recipe]


def test_a_float_network_is_its_own_form() -> None:
    plain = float_model("tcn")
    assert [n.name for n in float_form(plain).ir.graph] == [n.name for n in plain.ir.graph]


def test_of_step_groups_it_is_the_first() -> None:
    form = float_form(grouped())
    assert not QUANTIZERS & {node.op_type for node in form.ir.graph}
    assert check_c(form.describe(sampler=None)) == []
