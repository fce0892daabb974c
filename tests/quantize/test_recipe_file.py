"""Recipes as files: what is written is read back, and mistakes are named with what resembles them."""

from dataclasses import replace
from pathlib import Path

import onnx_ir as ir
import pytest
from builds import float_model, noise

from edgekit.base.errors import UsageError
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import INTEGER_DOMAIN, TENSOR, stored_type
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import OBSERVERS
from edgekit.quantize.recipe import CHOICES, RECIPES, TRUTHS
from edgekit.quantize.recipe_file import find_recipe, parse_recipe, to_toml

W8A8 = RECIPES["w8a8"]
MINE = replace(
    W8A8,
    name="mine",
    observer="minmax",
    tensors={'a/"b" \\ ü': "int16", "c": "float32"},
    split_shortcut=True,
    layers={"first.weight": "int4"},
)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), MINE], ids=lambda recipe: recipe.name)
def test_a_written_recipe_is_read_back(recipe: object) -> None:
    text = to_toml(recipe, {"c": "alone 20.1 dB"})  # type: ignore[arg-type]
    assert parse_recipe(text, "it") == recipe
    assert ("alone 20.1 dB" in text) == (recipe is MINE)


def test_the_choices_of_observers_are_all_there_are() -> None:
    assert set(CHOICES["observer"]) == set(OBSERVERS)


MISTAKES = {
    'name = "x"\nobserver = "msee"\nweigths = "int8"': ["'msee'", "mse, entropy", "'weights'"],
    'name = "x"\n[tensors]\na = "int9"': ["tensor 'a'", "'int9'", "'int8'"],
    'name = "x"\ntensors = 3': ["[tensors]"],
    'name = "x"\n[layers]\nfirst = "int16"': ["layer 'first'", "'int16'", "'int8'"],
    'name = "x"\nlayers = "int8"': ["[layers]"],
    'name = "x"\nrange_margin = 0': ["'range_margin'", "a number from 0.5 to 4"],
    'name = "x"\nequalize = "yes"': ["'equalize'", "true, false or"],
    'name = "x"\nquiet_copies = 1': ["'quiet_copies'", "true, false or"],
    'name = "x"\nmigrate = nan': ["'migrate'", "a number from 0 to 1"],
    'weights = "int8"': ["no name"],
    "name = ": ["not TOML"],
    "name = 3": ["a text"],
    'name = "x"\nactivations = "int8"': ["int8 weights"],
    'name = "w8a8"\nweights = "int8"\nactivations = "int16"': ["a name of its own"],
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        find_recipe(str(path))
    assert all(word in str(raised.value) for word in [*MISTAKES[text], "recipe.toml"])


@pytest.mark.parametrize("key", TRUTHS)
@pytest.mark.parametrize("value", [True, False])
def test_what_was_measured_of_a_shipped_recipe_keeps_its_name(key: str, value: bool) -> None:
    recipe = replace(W8A8, **{key: value})  # type: ignore[arg-type]
    assert parse_recipe(to_toml(recipe), "it") == recipe
    with pytest.raises(UsageError, match="a name of its own"):
        parse_recipe(f'name = "w8a16"\n{key} = true', "it")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find_recipe(str(tmp_path / "none.toml"))


def types_of(name: str, tensors: dict[str, str]) -> tuple[dict[str, str], float]:
    """The stored types of a network's tensors with these named, and its output's ratio in dB."""
    model = float_model(name)
    inputs = noise(model, 40)
    quantized = quantize(
        model, Calibration((inputs,), "x"), replace(W8A8, name="mine", tensors=tensors)
    )
    (expected,) = run_hops(model, inputs).values()
    (found,) = Oracle(quantized).run_hops(inputs).values()
    graph = to_integer(quantized).ir.graph
    stored = {v.metadata_props.get(TENSOR): stored_type(v) for n in graph for v in n.outputs}
    types = {name: kind.dtype for name, kind in stored.items() if name and kind is not None}
    names = {str(v.name) for node in model.ir.graph for v in node.outputs}
    return {name: types[name] for name in types if name in names}, snr_db(expected, found)


def test_a_named_tensor_decides_for_its_chain() -> None:
    plain, _ = types_of("tcn", {})
    wide, _ = types_of("tcn", {"c0": "int16"})
    changed = {name for name in plain if wide.get(name) != plain[name]}
    assert changed
    assert {wide[name] for name in changed if name in wide} == {"int16"}


@pytest.mark.parametrize("name", ["tcn", "gru_mask", "conv_recurrent"])
def test_a_tensor_in_float_keeps_what_touches_it_in_float(name: str) -> None:
    plain, before = types_of(name, {})
    for tensor in sorted(plain)[::12]:
        types, ratio = types_of(name, {tensor: "float32"})
        assert tensor not in types
        assert ratio > before - 3


def test_everything_in_float_but_what_is_named() -> None:
    model = float_model("vision")
    inputs = noise(model, 10)
    plan = quantize(model, Calibration((inputs,), "x"), W8A8)
    (linear,) = [n for n in to_integer(plan).ir.graph if n.op_type == "Gemm"]
    names = [str(linear.inputs[0].name), str(linear.outputs[0].name)]
    tensors = {name.removesuffix("_q"): "int8" for name in names}
    recipe = replace(
        W8A8, name="mine", activations="float32", smooth_inputs="float32", tensors=tensors
    )
    graph = to_integer(quantize(model, Calibration((inputs,), "x"), recipe)).ir.graph
    layers = {n.op_type for n in graph if n.domain == INTEGER_DOMAIN} - {"Quantize", "Dequantize"}
    assert layers == {"Gemm"}


def test_a_tensor_that_is_not_there_is_named_with_its_like() -> None:
    model = float_model("gru_mask")
    for tensors, words in (
        ({"x_finit": "int16"}, "'x_finite'"),
        ({"h1": "int8"}, "a hidden state"),
        ({"h1": "int16", "h1_next": "float32"}, "one of these"),
    ):
        recipe = replace(W8A8, name="mine", tensors=tensors)
        with pytest.raises(UsageError, match=words):
            quantize(model, Calibration((noise(model, 4),), "x"), recipe)


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
