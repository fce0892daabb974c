"""Weights in half precision: which are rounded, what a .tflite stores, and which targets refuse them."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from builds import float_model, noise
from operator_cases import CASES
from zoo import ZOO

from edgekit import api
from edgekit.base.errors import ModelError, UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.quantize.recipe import HALF, RECIPES
from edgekit.quantize.recipe_file import parse_recipe, to_toml
from edgekit.quantize.rounding.half import half_weights
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.pipeline import check
from edgekit.verbs.targets import TARGETS

LEAST_DB = 60.0


def weights(model: Model) -> list[np.ndarray]:
    return [
        node.inputs[index].const_value.numpy()
        for node in model.ir.graph
        for index in facts_of(node).weights
        if node.inputs[index] is not None and node.inputs[index].const_value is not None
    ]


@pytest.mark.parametrize("name", ZOO)
def test_weights_are_halves_and_the_rest_is_as_it_was(name: str) -> None:
    model = float_model(name)
    before = model.to_bytes()
    made, notes = half_weights(model)
    assert notes == () and made.quantization.recipe == HALF and model.to_bytes() == before
    old, new = weights(model), weights(made)
    assert len(old) == len(new) > 0
    for exact, rounded in zip(old, new, strict=True):
        assert rounded.dtype == np.float32
        np.testing.assert_array_equal(rounded, exact.astype(np.float16).astype(np.float32))
    unused = [v.name for v in made.ir.graph.initializers.values() if not v.uses()]
    assert unused == [v.name for v in model.ir.graph.initializers.values() if not v.uses()]


@pytest.mark.parametrize("name", ZOO)
def test_a_tflite_stores_halves_and_runs_them(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    exact = float_model(name)
    model, inputs = half_weights(exact)[0], noise(exact, 20, seed=4)
    assert not TARGETS["litert"].check(model)
    build, whole = (TARGETS["litert"].lower(m, "litert") for m in (model, exact))
    for file, content in build.files.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / "manifest.json").write_text(build.manifest.to_json())
    found = Stream.open(tmp_path).run(inputs)
    for key, array in run_hops(model, inputs).items():
        assert snr_db(array, found[key]) > 90
    for key, array in run_hops(exact, inputs).items():
        assert snr_db(array, found[key]) > LEAST_DB
    sizes = [b.manifest.memory["weights_bytes"] or 0 for b in (build, whole)]
    saved = sum(array.nbytes // 2 for array in {id(a): a for a in weights(model)}.values())
    assert sizes[1] - sizes[0] == pytest.approx(saved, rel=0.02)
    details = interpreter(tmp_path).get_tensor_details()
    assert sum(detail["dtype"] == np.float16 for detail in details) > 0


def interpreter(folder: Path):  # type: ignore[no-untyped-def]
    from edgekit.runtime.runners.litert import interpreter_class

    return interpreter_class()(model_path=str(folder / "model.tflite"))


def test_a_weight_that_float16_does_not_hold_stays_and_is_named() -> None:
    model = from_onnx(CASES["conv_1d"].onnx, name="conv")
    node = next(node for node in model.ir.graph if node.op_type == "Conv")
    array = node.inputs[1].const_value.numpy() * np.float32(1e6)  # type: ignore[union-attr]
    node.inputs[1].const_value = ir.tensor(array)  # type: ignore[union-attr]
    made, (note,) = half_weights(model)
    assert "kept in float32" in note and f"Conv {node.name!r}" in note
    np.testing.assert_array_equal(weights(made)[0], array)


@pytest.mark.parametrize("target", ["host", "cortex-m55", "onnxruntime", "ethos-u55", "fpga"])
def test_other_targets_refuse_it_with_the_reason(target: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        api.export("zoo:tcn", target, tmp_path / "out", recipe=HALF)
    assert HALF in str(refusal.value) and not (tmp_path / "out").exists()
    if target != "fpga":
        assert "--target litert" in str(refusal.value)
        with pytest.raises(ModelError, match="--target litert"):
            check(half_weights(float_model("tcn"))[0], TARGETS[target])


def test_an_export_says_what_the_rounding_costs(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    made = api.export("zoo:tcn", "litert", tmp_path / "out", recipe=HALF).manifest
    assert made.quantization["recipe"] == HALF and made.macs_float == made.macs_per_hop
    assert made.verification is not None and LEAST_DB < made.verification["snr_db"] < 100
    text = (tmp_path / "out" / "recipe.toml").read_text()
    assert parse_recipe(text, "recipe.toml") == RECIPES[HALF]
    again = api.export(
        str(tmp_path / "out" / "model.onnx"), "litert", tmp_path / "again"
    ).manifest  # the halves that it has
    assert again.quantization["recipe"] == HALF
    with pytest.raises(UsageError, match="no integers"):
        api.quantize("zoo:tcn", HALF, "clips", tmp_path / "x.onnx")


def test_the_recipe_has_no_options() -> None:
    text = to_toml(RECIPES[HALF])
    for old, new in (
        ('name = "float16"', 'name = "mine"'),
        ("equalize = false", "equalize = true"),
    ):
        with pytest.raises(UsageError, match="float16"):
            parse_recipe(text.replace(old, new), "recipe.toml")
    with pytest.raises(UsageError, match="int8 weights"):
        parse_recipe('name = "x"\nweights = "float16"\nactivations = "int8"', "recipe.toml")
