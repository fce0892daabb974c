"""Weights that are trained against the integers: what torch computes, and what a training gives."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_networks
from builds import float_model, noise
from onnx import helper, numpy_helper

from edgekit.export.hop_runner import HopRunner, run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators import gradients
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.quantize.apply import observe_model, quantize, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import find_recipe
from edgekit.quantize.tuning.integer_forward import IntegerForward
from edgekit.quantize.tuning.tune import Progress, WeightTuner, with_weights
from edgekit.verbs.export.importing import ImportOptions, load_model

torch = pytest.importorskip("torch")
NARROW = Recipe("narrow", weights="int4", activations="int16", smooth_inputs="int16")


def calibration(model: Model, clips: int = 3, hops: int = 24) -> Calibration:
    return Calibration(tuple(noise(model, hops, seed=n) for n in range(clips)), "noise")


@pytest.mark.parametrize("name", ["gru_mask", "tcn", "conv_recurrent", "attention", "dual_path"])
def test_torch_computes_what_the_quantized_network_does(name: str) -> None:
    model = float_model(name)
    seen = observe_model(model, calibration(model), NARROW)
    quantized = quantize_observed(seen, NARROW, "")
    forward = IntegerForward(quantized, seen.model, NARROW)
    assert forward.weights and forward.ends
    clip = noise(model, 6, seed=9)
    states = [x for x, _ in forward.states]
    heard = HopRunner(quantized, [*forward.fed, *states, *forward.ends])(clip)
    values = {key: torch.from_numpy(array) for key, array in forward.values.items()}
    weights, at = forward.rounded(values), {x: torch.from_numpy(heard[x][0]) for x in states}
    for hop in range(6):
        fed = {name: torch.from_numpy(heard[name][hop]) for name in forward.fed}
        made, at = forward.hop(weights, fed, at)
        for end in forward.ends:
            assert snr_db(heard[end][hop], made[end].numpy().reshape(heard[end][hop].shape)) > 35


def test_a_training_makes_up_for_rounding_and_goes_on_where_it_was_cut_off() -> None:
    model = float_model("gru_mask")
    known, held = calibration(model), noise(model, 24, seed=7)
    exact = run_hops(model, held)

    def ratio(network: Model) -> float:
        found = run_hops(quantize(network, known, NARROW), held)
        return min(snr_db(exact[name], found[name]) for name in exact)

    tuning = WeightTuner(observe_model(model, known, NARROW), NARROW, 24, 3)
    steps = list(tuning.run(tuning.start()))
    assert [done.step for done in steps] == list(range(1, 25))
    cut = {name: np.array(array) for name, array in steps[9].arrays().items()}
    names = [x for x, _ in tuning.forward.states]
    again = list(tuning.run(Progress.read(cut, list(tuning.forward.values), names)))[-1]
    for key, value in steps[-1].values.items():
        np.testing.assert_array_equal(again.values[key], value)
    assert again.losses == steps[-1].losses
    tuned, taken = with_weights(model, tuning.seen.model, again.values)
    assert taken == len(tuning.forward.values)
    assert ratio(tuned) > ratio(model) + 1


def test_a_step_whose_gradient_is_not_finite_is_counted_and_changes_no_weight(
    tmp_path: Path,
) -> None:
    model = load_model(str(tiny_networks.recurrent(tmp_path / "t.onnx")), ImportOptions()).model
    tuning = WeightTuner(observe_model(model, calibration(model, 8, 48), NARROW), NARROW, 6, 4)
    tuning.clips[0].wanted[tuning.forward.ends[0]][-1] = np.inf
    before = tuning.start()
    for done in tuning.run(before):
        heard_of_it = [0, 32] in before.places.T.tolist()  # a stretch to the end of the first clip
        assert done.skipped == before.skipped + heard_of_it
        for key, value in done.values.items():
            assert np.isfinite(value).all()
            assert np.array_equal(value, before.values[key]) is heard_of_it
        before = done
    assert 0 < before.skipped < 6


def between_layers(operator: str, folder: Path, **attributes: Any) -> Model:
    """A layer, an operator on 8 values, and a layer."""
    names, size = ("x", "a", "b", "y"), tiny_networks.WIDTH
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["a"], name="first"),
        helper.make_node(operator, ["a"], ["b"], name="middle", **attributes),
        helper.make_node("MatMul", ["b", "w"], ["y"], name="last"),
    ]
    x, y = (helper.make_tensor_value_info(names[i], 1, [1, size]) for i in (0, 3))
    random = np.random.default_rng(0)
    most = 0.12 if operator in ("Acos", "Asin", "Atanh") else 0.3  # these end at 1
    weights = [
        numpy_helper.from_array(random.uniform(0.05, most, (size, size)).astype(np.float32), name)
        for name in "vw"
    ]
    graph = helper.make_graph(nodes, "between", [x], [y], weights)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11)
    onnx.save(file, folder / "between.onnx")
    return load_model(str(folder / "between.onnx"), ImportOptions()).model


def step(model: Model) -> tuple[WeightTuner, Progress]:
    """One step of a training at w8a8, on inputs that every function takes."""
    clips = tuple(
        {key: np.clip(np.abs(a), 0.2, 1) for key, a in clip.items()}
        for clip in calibration(model).clips
    )
    recipe = find_recipe("w8a8")
    tuning = WeightTuner(observe_model(model, Calibration(clips, "noise"), recipe), recipe, 1, 0)
    (done,) = tuning.run(tuning.start())
    return tuning, done


@pytest.mark.parametrize("operator", sorted(POINTWISE.keys() - {"Acosh", "Identity"}))
def test_a_training_goes_through_every_function_of_one_value(operator: str, tmp_path: Path) -> None:
    tuning, done = step(between_layers(operator, tmp_path))
    assert not tuning.forward.unknown and not done.skipped
    still = np.array_equal(done.values["first", 1], tuning.forward.values["first", 1])
    assert still is (operator in ("Ceil", "Floor", "Round", "Sign"))  # their gradient is 0
    assert not np.array_equal(done.values["last", 1], tuning.forward.values["last", 1])


@pytest.mark.parametrize(
    ("operator", "attributes"), [("Hardmax", {}), ("LpNormalization", {"p": 1}), ("LogSoftmax", {})]
)
def test_what_an_unknown_operator_reads_is_compared_with_the_float_network(
    operator: str, attributes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {name: form for name, form in gradients.FORMS.items() if name != operator}
    monkeypatch.setattr(gradients, "FORMS", forms)
    model = between_layers(operator, tmp_path, **attributes)
    tuning, done = step(model)
    assert tuning.forward.unknown == (f"{operator} 'middle'",)
    assert "first_product" in tuning.forward.ends or "a" in tuning.forward.ends
    assert not np.array_equal(done.values["first", 1], tuning.forward.values["first", 1])
