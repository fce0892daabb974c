"""Weights that are fitted layer by layer lose less than rounded ones."""

from functools import cache

import numpy as np
import pytest
from builds import float_model
from diffusion_networks import SAMPLER, tiny_model
from rounding_networks import FITTED, calibration, correlated, output_parts
from stream_networks import Net

from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.judge.sampling import own_trajectories
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import fit, observe_model, quantize, quantize_fitted
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.quantize.rounding.moments import gather, is_layer


def test_a_first_layer_that_reads_the_network_s_input_is_fitted() -> None:
    net = Net(0)
    output = net.conv("x", 4, 3, 3)
    model = from_onnx(net.model([1, 4, 9], output), name="one layer")
    inputs = {"x": np.random.default_rng(0).normal(size=(30, 1, 4, 9)).astype(np.float32)}
    quantized = quantize(model, Calibration((inputs,), "noise"), "w4a8")
    (reference,), (got,) = (
        run_hops(model, inputs).values(),
        Oracle(quantized).run_hops(inputs).values(),
    )
    assert snr_db(reference, got) > 15


@pytest.mark.slow
def test_a_denoiser_s_layers_keep_their_gain() -> None:
    model = fold_steps(attach(tiny_model(), SAMPLER))
    calls, recipe = own_trajectories(model, None, 40), RECIPES["w4a8"]
    seen = observe_model(model, calls, recipe)
    fitted = fit(seen, recipe)
    name = next(str(n.name) for n in reversed(list(seen.model.ir.graph)) if is_layer(n))
    made = quantize_fitted(seen, recipe, fitted, "calls")
    found = gather(made, seen.model, [name], calls)[name, 1].centred()
    rows, _ = output_parts(seen.model, name)
    weights, own = rows.reshape(len(rows), -1), fitted[name, 1]
    q = (own.scales[:, None] * own.q.reshape(weights.shape)).astype(np.float64)
    real = np.einsum("ok,kl,ol->o", weights, found.real[0], weights)
    np.testing.assert_allclose(
        np.einsum("ok,kl,ol->o", q, found.cross[0], weights), real, rtol=1e-3
    )


@cache
def output_snr_db(name: str, rounding: str, correct: bool) -> float:
    model = float_model(name)
    recipe = Recipe(
        "r",
        "int4",
        "int16",
        products="int16",
        smooth_inputs="int16",
        observer="minmax",
        rounding=rounding,
        bias_correction=correct,
    )
    inputs = correlated(model, 9)
    (reference,) = run_hops(model, inputs).values()
    quantized = quantize(model, calibration(model), recipe)
    (output,) = Oracle(quantized).run_hops(inputs).values()
    return snr_db(reference, output)


@pytest.mark.slow
@pytest.mark.parametrize("rounding", FITTED)
@pytest.mark.parametrize("name", ["conv_recurrent", "gru_mask"])
def test_networks_gain_on_clips_they_were_not_fitted_to(name: str, rounding: str) -> None:
    assert output_snr_db(name, rounding, True) > output_snr_db(name, "nearest", False) + 2.0


@pytest.mark.parametrize("name", ["gru_mask", "tcn"])
def test_bias_correction_alone_helps(name: str) -> None:
    assert output_snr_db(name, "nearest", True) > output_snr_db(name, "nearest", False)


def test_a_fit_is_the_same_every_time_and_says_how_far_it_is() -> None:
    model = float_model("gru_mask")
    recipe = Recipe(
        "r", "int4", "int8", smooth_inputs="int16", rounding="gptq", bias_correction=True
    )
    seen: list[tuple[int, int]] = []
    made = [
        quantize(model, calibration(model), recipe, lambda *step: seen.append(step)).to_bytes()
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert seen[:5] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
