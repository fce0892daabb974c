"""A quantized network in torch computes what it does in integers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import float_model, noise
from tuning_networks import NARROW, between_layers, calibration, step

from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.judge.preparation_choice import close_recipe
from edgekit.operators import gradients
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.tuning.integer_forward import SCALE, IntegerForward
from edgekit.quantize.types.choose import choose_types

torch = pytest.importorskip("torch")


@pytest.mark.rows(2)
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


def test_a_recipe_with_trained_scales_is_what_torch_computes() -> None:
    model, recipe = float_model("tcn"), close_recipe(float_model("tcn"), RECIPES["w8a8"])
    recipe = replace(recipe, rounding="nearest", bias_correction=False)
    seen = observe_model(model, calibration(model), recipe)
    groups = choose_types(seen.model, seen.observers, recipe).groups
    forward = IntegerForward(quantize_observed(seen, recipe, ""), seen.model, recipe, groups)
    values = {k: v * np.float32(0.5 if k[1] == SCALE else 1) for k, v in forward.values.items()}
    scales = forward.scales(values)
    assert scales and all(zero in range(-128, 128) for _, zero in scales.values())
    quantized = quantize_observed(seen, replace(recipe, scales=scales), "")
    clip = noise(model, 1, seed=9)
    states = [x for x, _ in forward.states]
    heard = HopRunner(quantized, [*forward.fed, *states, *forward.ends])(clip)
    weights = forward.rounded({key: torch.tensor(array) for key, array in values.items()})
    fed, at = (
        {name: torch.from_numpy(heard[name][0]) for name in names}
        for names in (forward.fed, states)
    )
    made, _ = forward.hop(weights, fed, at)
    for end in forward.ends:
        assert snr_db(heard[end][0], made[end].numpy().reshape(heard[end][0].shape)) > 35


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
