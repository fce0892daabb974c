"""Layers that a recipe names have weights of the type that it gives."""

from dataclasses import replace

import onnx_ir as ir
import pytest
from builds import float_model, noise

from edgekit.base.errors import UsageError
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES

W8A8 = RECIPES["w8a8"]


def test_a_named_layer_has_weights_of_its_own_type() -> None:
    model = float_model("tcn")
    names = [str(n.inputs[1].name) for n in model.ir.graph if n.op_type == "Conv"]
    recipe = replace(RECIPES["w4a8"], name="mine", rounding="nearest", layers={names[0]: "int8"})
    quantized = quantize(model, Calibration((noise(model, 20),), "x"), recipe)
    stored = [
        v.dtype for name, v in quantized.ir.graph.initializers.items() if name.endswith("weight_q")
    ]
    assert (
        stored.count(ir.DataType.INT8) == 1
        and stored.count(ir.DataType.INT4) == len(stored) - 1 > 5
    )
    with pytest.raises(UsageError, match="layer 'nowhere'"):
        quantize(
            model,
            Calibration((noise(model, 20),), "x"),
            replace(recipe, layers={"nowhere": "int8"}),
        )


@pytest.mark.parametrize("name", ["gru_mask", "lstm_vad"])
def test_the_weights_of_a_recurrent_layer_have_one_type(name: str) -> None:
    model, seen = float_model(name), Calibration((noise(float_model(name), 20),), "x")
    cell = next(n for n in model.ir.graph if n.op_type in ("GRU", "LSTM"))
    both = [str(value.name) for value in cell.inputs[1:3] if value is not None]
    for one in both:
        with pytest.raises(UsageError, match=f"'{both[0]}' in int.*one type for both"):
            quantize(model, seen, replace(W8A8, name="mine", layers={one: "int4"}))
    whole = quantize(model, seen, replace(W8A8, name="mine", layers=dict.fromkeys(both, "int4")))
    kinds = {n.op_type for n in to_integer(whole).ir.graph if n.domain == INTEGER_DOMAIN}
    assert cell.op_type in kinds
