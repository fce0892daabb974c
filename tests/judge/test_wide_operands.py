"""The first layers that sum few products read 16 bits, as many as a share of the multiply-accumulates allows."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.judge.preparation_choice import (
    ENOUGH_DB,
    SHARE_TO_WIN,
    WIDE_FACT,
    RankedPreparations,
    widen_operands,
)
from edgekit.judge.preparation_criterion import Merit
from edgekit.judge.wide_operands import MOST_SHARE, wide_operands
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import NEAREST, Recipe

RECIPE = Recipe("w8a8", weights="int8", activations="int8", rounding=NEAREST)


def network(hidden: int) -> Model:
    """A convolution of 9 taps, a dense one, one of 9 taps for each channel, and a dense one of `hidden` columns."""

    def numbers(count: int) -> str:
        return ", ".join(f"{np.sin(i):.3f}" for i in range(count))

    text = f"""<ir_version: 10, opset_import: ["": 21]> net (float[1,1,12,12] x) => (float[1,{hidden}] y)
      <float[4,1,3,3] a = {{{numbers(36)}}}, float[4,4,3,3] b = {{{numbers(144)}}},
       float[4,1,3,3] c = {{{numbers(36)}}}, float[144,{hidden}] d = {{{numbers(144 * hidden)}}},
       int64[2] row = {{1, 144}}>
      {{ p = Conv (x, a) q = Relu (p) r = Conv (q, b) s = Relu (r) t = Conv <group = 4> (s, c) u = Relu (t)
         v = Reshape (u, row) y = MatMul (v, d) }}"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    assert isinstance(model, Model)
    return model


def observed(hidden: int) -> ObservedModel:
    model, random = network(hidden), np.random.default_rng(0)
    clip = {"x": random.normal(size=(20, 1, 1, 12, 12)).astype(np.float32)}
    return observe_model(model, Calibration((clip,), "noise"), RECIPE)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [(16, set()), (400, {"s"}), (2000, {"x", "s"})],
    ids=["none", "one", "two"],
)
def test_layers_of_few_taps_are_taken_within_the_share(hidden: int, expected: set[str]) -> None:
    # 3,600 products in the first layer, 9,216 in the dense one, 1,296 in the third
    found = wide_operands(observed(hidden), RECIPE)
    assert found == dict.fromkeys(expected, "int16")
    total = 3600 + 9216 + 1296 + 144 * hidden
    assert sum({"x": 3600, "s": 1296}[name] for name in found) <= MOST_SHARE * total


def test_the_layers_read_them_in_16_bits() -> None:
    seen = observed(2000)
    wide = replace(RECIPE, tensors=wide_operands(seen, RECIPE))
    quantized = quantize_observed(seen, wide, "noise")
    kinds = [n.inputs[0].dtype for n in quantized.ir.graph if n.op_type == "DequantizeLinear"]  # type: ignore[union-attr]
    assert onnx.TensorProto.INT16 in {kind.value for kind in kinds if kind is not None}


@pytest.mark.rows(1)
@pytest.mark.parametrize(
    ("narrow", "wide", "taken"),
    [(1.0, SHARE_TO_WIN - 0.05, True), (1.0, SHARE_TO_WIN + 0.05, False), (ENOUGH_DB, 0.0, False)],
    ids=["much less", "little less", "enough"],
)
def test_they_are_taken_where_they_lose_much_less(narrow: float, wide: float, taken: bool) -> None:
    seen = observed(2000)

    def merit(recipe: Recipe) -> Merit:
        return Merit((20.0,), wide if recipe.tensors else narrow)

    criterion: Any = SimpleNamespace(merit=merit, seen=lambda _: seen, levels_text="")
    start = RankedPreparations((RECIPE,), (RECIPE, replace(RECIPE, observer="minmax")), {})
    found = widen_operands(criterion, start)
    assert all(bool(form.tensors) == taken for form in (*found.recipes, *found.by_loss))
    assert (WIDE_FACT in found.said) == taken
