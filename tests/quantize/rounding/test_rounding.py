"""Rounding that fits weights to their inputs: never worse by its own measure, better by the network's output."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from builds import float_model, noise
from diffusion_networks import SAMPLER, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_networks import Net

from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.judge.sampling import own_trajectories
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import fit, observe_model, quantize, quantize_fitted, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import CHOICES, RECIPES, SHAPED, Recipe
from edgekit.quantize.rounding import moments, shaped_rounding
from edgekit.quantize.rounding.moments import gather, is_layer, row_stride
from edgekit.quantize.rounding.rounding import ROUNDINGS, Layer, best_weights, with_gain
from edgekit.quantize.types.weights import weight_inputs

FITTED = sorted(set(ROUNDINGS) - {"nearest"})


def layer(seed: int, inputs: int, outputs: int, limit: int = 7) -> Layer:
    """Random weights on inputs that depend on each other."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((200, inputs)) @ random.standard_normal((inputs, inputs))
    weights, moments = best_weights(random.standard_normal((outputs, inputs)), x.T @ x, x.T @ x)
    return Layer(weights, moments, limit, np.zeros(outputs))


def loss(case: Layer, rounding: str) -> np.ndarray:
    q, scales = ROUNDINGS[rounding](case)
    assert np.array_equal(q, np.rint(q))
    assert np.abs(q).max() <= case.limit
    assert (scales > 0).all()
    assert np.array_equal(scales, scales.astype(np.float32))
    return case.errors(q, scales)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 20), st.integers(1, 12), st.sampled_from([7, 127]))
def test_fitted_weights_lose_no_more_than_rounded_ones(seed, inputs, outputs, limit) -> None:
    case = layer(seed, inputs, outputs, limit)
    plain = loss(case, "nearest")
    assert (loss(case, "adaround") <= plain * (1 + 1e-9)).all()
    assert loss(case, "gptq").sum() <= plain.sum() * 1.2


@pytest.mark.parametrize("rounding", FITTED)
def test_inputs_that_depend_on_each_other_are_made_use_of(rounding: str) -> None:
    case = layer(1, 32, 24)
    assert loss(case, rounding).sum() < 0.8 * loss(case, "nearest").sum()


def test_gptq_finds_the_best_of_all_integers_of_a_small_layer() -> None:
    case = layer(3, 3, 1)
    q, scales = ROUNDINGS["gptq"](case)
    steps = np.arange(-7, 8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    off = scales[0] * grid - case.target[0]
    best = np.einsum("nk,kl,nl->n", off, case.moments, off).min()
    assert case.errors(q, scales)[0] <= 1.5 * best


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_dead_inputs_and_dead_outputs_do_no_harm(rounding: str) -> None:
    moments = np.diag([0.0, 1.0, 4.0])
    rows = np.array([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]])
    target, damped = best_weights(rows, moments, moments)
    q, scales = ROUNDINGS[rounding](Layer(target, damped, 7, np.zeros(2)))
    assert np.isfinite(scales).all()
    assert not q[1].any()


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


def test_recipes_know_every_rounding() -> None:
    assert set(CHOICES["rounding"]) == {*ROUNDINGS, SHAPED}


@pytest.mark.parametrize("name", ["conv_recurrent", "dual_path", "lstm_vad", "tcn"])
def test_moments_are_those_of_what_a_layer_computes(name: str) -> None:
    """The mean square of a linear layer's output follows from its weights and the moments of its input."""
    model = float_model(name)
    layers = [n for n in model.ir.graph if is_layer(n) and n.inputs[1].const_value is not None]
    names = [str(n.name) for n in layers]
    inputs = noise(model, 20)
    found = gather(model, model, names, Calibration((inputs,), "noise"))
    assert set(found) == {(str(n.name), i) for n in layers for i in weight_inputs(n)}
    for node in layers:
        if node.op_type not in ("Conv", "Gemm", "ConvTranspose"):
            continue
        own = found[str(node.name), 1]
        np.testing.assert_allclose(own.own, own.cross)
        weight, bias = output_parts(model, node.name)
        output = run_hops(model, inputs, tap=[node.outputs[0].name])[node.outputs[0].name]
        groups = len(own.own)
        rows = weight.reshape(groups, len(weight) // groups, -1)
        predicted = np.einsum("gok,gkl,gol->", rows, own.own, rows) / own.count
        axis = -1 if node.op_type == "Gemm" else 2
        plain = np.moveaxis(output, axis, 0).reshape(len(bias), -1) - bias[:, None]
        np.testing.assert_allclose(predicted, np.square(plain).mean(1).sum(), rtol=0.02)


def test_weights_pulled_without_end_stay_what_they_are() -> None:
    random = np.random.default_rng(0)
    x, rows = random.standard_normal((50, 6)), random.standard_normal((3, 6))
    off = x + 0.5 * random.standard_normal(x.shape)
    made, damped = best_weights(rows, off.T @ off, off.T @ x, np.inf)
    shrunk, same = best_weights(rows, off.T @ off, off.T @ x)
    assert np.array_equal(made, rows) and np.array_equal(damped, same)
    assert np.linalg.norm(shrunk) < 0.95 * np.linalg.norm(rows)


@pytest.mark.parametrize("width", [7, 14, 28, 60])
def test_a_few_rows_are_of_every_column(width: int) -> None:
    rows = np.arange(32 * 28 * width, dtype=np.float32).reshape(1, -1, 1)
    kept = rows[:, row_stride(rows.shape[1])]
    assert moments.ROWS <= kept.shape[1] < 2 * moments.ROWS
    assert set(kept.ravel() % width) == set(range(width))
    assert row_stride(499) == slice(None, None, 1)


def test_an_output_s_gain_is_kept() -> None:
    """What integers make of other inputs follows the float output one to one; the rest does not depend on it."""
    random = np.random.default_rng(0)
    x = random.standard_normal((4000, 24)) @ random.standard_normal((24, 24))
    seen, weights = 0.9 * x + 0.3 * random.standard_normal(x.shape), layer(2, 24, 6).target
    weights[5] = 0
    own, cross, real = seen.T @ seen, seen.T @ x, x.T @ x
    q, scales = ROUNDINGS["gptq"](Layer(weights, own, 7, np.zeros(6)))
    made = with_gain(weights, q, scales, cross, real)

    def slopes(scales: np.ndarray) -> np.ndarray:
        y, found = x @ weights[:5].T, seen @ (scales[:5, None] * q[:5]).T
        return np.asarray((y * found).sum(0) / (y * y).sum(0))

    assert (slopes(scales) < 0.93).all()
    np.testing.assert_allclose(slopes(made), 1, rtol=1e-6)
    assert made[5] == scales[5] > 0
    lost = with_gain(weights, q, 0.1 * scales, cross, real)
    assert np.array_equal(lost, (0.1 * scales).astype(np.float32))


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


def test_calls_without_states_are_taken_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A denoiser's calls lie step by step: the last ones count as the first do."""
    monkeypatch.setattr(moments, "HOPS", 4)
    model = float_model("vision")
    (name,) = (str(value.name) for value in model.stream_inputs)
    images = noise(model, 8)[name]
    images[:6] = 0
    first = next(node for node in model.ir.graph if is_layer(node))
    calibration = Calibration(({name: images},), "late")
    (found,) = gather(model, model, [str(first.name)], calibration).values()
    assert np.trace(found.own[0]) > 0


def output_parts(model: Model, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights (output channel, ...) and bias of a layer."""
    from edgekit.operators.weight_layout import channel_rows

    node = next(n for n in model.ir.graph if n.name == name)
    rows = channel_rows(node, node.inputs[1].const_value.numpy()).astype(np.float64)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    bias = np.ravel(node.inputs[2].const_value.numpy()) if has_bias else np.zeros(1)
    return rows, np.broadcast_to(bias, (len(rows),))


def calibration(model: Model) -> Calibration:
    return Calibration((correlated(model, 1), correlated(model, 2)), "noise")


def correlated(model: Model, seed: int) -> dict[str, np.ndarray]:
    """Smooth noise: neighbours of the last axis depend on each other, and the mean is not 0."""
    return {
        name: (np.cumsum(array, -1) / 3 + 0.5).astype(np.float32)
        for name, array in noise(model, 60, seed=seed).items()
    }


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


@pytest.mark.parametrize("rounding", FITTED)
@pytest.mark.parametrize("name", ["conv_recurrent", "gru_mask"])
def test_networks_gain_on_clips_they_were_not_fitted_to(name: str, rounding: str) -> None:
    assert output_snr_db(name, rounding, True) > output_snr_db(name, "nearest", False) + 2.0


@pytest.mark.parametrize("name", ["conv_recurrent", "gru_mask"])
def test_one_run_of_the_float_network_fits_eight_bits(name: str) -> None:
    """With all else in 16 bits, on a clip that weights were not fitted to; layers of one run do not change that."""
    model = float_model(name)
    inputs = correlated(model, 9)
    (exact,) = run_hops(model, inputs).values()
    recipe = replace(RECIPES["w8a16"], name="r", hop_scales=False)
    seen, found = observe_model(model, calibration(model), recipe), {}
    for rounding in ("nearest", SHAPED):
        made = quantize_observed(seen, replace(recipe, rounding=rounding), "")
        (output,) = run_hops(made, inputs).values()
        found[rounding] = snr_db(exact, output)
    assert found[SHAPED] > found["nearest"] + 3.0


def test_layers_are_fitted_in_several_runs_once_and_those_of_many_inputs_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = float_model("gru_mask")
    recipe = replace(RECIPES["w8a16"], name="r", rounding=SHAPED, hop_scales=False)
    seen = observe_model(model, calibration(model), recipe)
    whole = fit(seen, recipe)
    assert all(fit(seen, recipe)[key] is one for key, one in whole.items())
    monkeypatch.setattr(shaped_rounding, "MOST_MOMENTS", 1)
    again = fit(replace(seen, fits={}), recipe)
    assert again.keys() == whole.keys()
    assert all(np.array_equal(again[key].q, one.q) for key, one in whole.items())
    monkeypatch.setattr(shaped_rounding, "MOST_INPUTS", 1)
    plain = fit(replace(seen, fits={}), replace(recipe, bias_correction=False))
    assert not plain


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


@pytest.mark.parametrize("name", ["conv_recurrent", "tcn"])
def test_rounding_to_the_nearest_keeps_the_mean_of_every_channel(name: str) -> None:
    model = float_model(name)
    inputs = correlated(model, 1)
    recipe = replace(RECIPES["w8a16"], name="narrow", weights="int4", hop_scales=False)
    seen = observe_model(model, Calibration((inputs,), "noise"), recipe)
    first = next(n for n in seen.model.ir.graph if n.op_type == "Conv" and len(n.inputs) > 2)
    tap, off = str(first.outputs[0].name), []
    exact = run_hops(seen.model, inputs, [tap])[tap]
    assert (str(first.name), 1) in fit(seen, recipe)
    for correct in (False, True):
        made = quantize_observed(seen, replace(recipe, bias_correction=correct), "")
        found = run_hops(made, inputs, [tap])[tap]
        off.append(np.abs(np.mean(found - exact, axis=(0, 1, *range(3, exact.ndim)))).max())
    assert off[1] < 0.1 * off[0]
