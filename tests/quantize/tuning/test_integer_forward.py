"""A quantized network in torch computes what it does in integers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import float_model, noise
from tuning_networks import NARROW, between_layers, calibration, step

from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.operators import gradients
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.tuning.integer_forward import IntegerForward

torch = pytest.importorskip("torch")


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
