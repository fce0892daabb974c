"""The product of a recurrent layer with what follows the level stands in front of the cell."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from level_networks import HOP, recurrent, sharing, sound
from level_scales import CELLS, HOPS, Cell, calibration, in_c, layers, scaled

from edgekit.base.errors import UsageError
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import observe_model, quantize, quantize_observed
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.search.space import make_space
from edgekit.quantize.types.weights import weight_type
from edgekit.targets.macs import node_macs


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_recurrent_layer_makes_of_x_is_a_layer_of_its_own(cell: Cell) -> None:
    model, heard = recurrent(0, *cell, bias=True), {"pcm": sound(HOPS, 3)}
    made = scaled(model)
    assert layers(made) == ["cell.product"]
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, made))
    np.testing.assert_allclose(before, after, atol=1e-6 * np.abs(before).max())


def test_a_search_counts_the_product_with_x_where_it_is() -> None:
    seen = observe_model(recurrent(0), calibration(), RECIPES["w8a8"])
    counted = node_macs(to_integer(quantize_observed(seen, RECIPES["w8a8"], "")))
    groups = make_space(seen, RECIPES["w8a8"], counted).groups
    macs = {name: group.macs for group in groups for name in group.tensors}
    assert (macs["cell.rows"], macs["cell.gates"], macs["h_next"]) == (
        36 * 64,
        0,
        36 * 12 + 12 * 64,
    )
    (gates,) = (group for group in groups if "cell.gates" in group.tensors)
    wide = {option.stored: option.wide_macs for option in gates.options}
    assert wide == {"int16": 0, "float32": 36 * 12 + 36 * 36}  # all of the cell


def test_cells_that_share_a_weight_share_it_in_their_products() -> None:
    """Under its name, by which a recipe gives it a type."""
    model = sharing()
    made = scaled(model)
    products = [node for node in made.ir.graph if str(node.name).endswith(".product")]
    assert len(products) == 2
    assert {(value.name, dims(value)) for n in products if (value := n.inputs[1])} == {
        ("w", (36, HOP))
    }
    assert not any(name.startswith("w_") for name in made.ir.graph.initializers)
    named = replace(RECIPES["w4a8"], name="own", layers={"w": "int8"})
    assert {weight_type(node, 1, named) for node in products} == {"int8"}
    built = quantize(model, calibration(), named)
    clip = sound(HOPS, 5)
    np.testing.assert_array_equal(Oracle(built).run_hops({"pcm": clip})["y"], in_c(built, clip)[0])


def test_what_a_cell_reads_in_the_place_of_x_has_16_bits() -> None:
    named = replace(RECIPES["w8a8"], name="own", tensors={"cell.gates": "int8"})
    with pytest.raises(UsageError, match="int16 or float32"):
        quantize(recurrent(0), calibration(), named)


def test_a_file_whose_identity_has_a_bias_is_multiplied() -> None:
    """Integers leave out the product only where it changes nothing."""
    model = quantize(recurrent(0), calibration(), "w8a8")
    assert _columns(model) == 0
    other = Model(model.ir.clone())
    both = np.zeros((1, 72), np.float32)
    both[0, 3] = 1.0
    other.ir.graph.initializers["cell.bias"].const_value = ir.tensor(both)
    assert _columns(other) == 36


def _columns(model: Model) -> int:
    """The inputs that the integer cell multiplies."""
    cell = next(node for node in to_integer(model).ir.graph if node.name == "cell")
    return cell.attributes["w"].as_tensor().shape[1]
