"""Scales per hop: the float network stays what it is, and integers keep quiet sound."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from level_networks import network, recurrent, sound

from edgekit.export.running import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.operators.roles import HOP_SCALED
from edgekit.quantize.apply import Observed, observed, quantize, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.prepare.hop_scales import hop_scales
from edgekit.quantize.recipe import RECIPES
from edgekit.targets.trials import Trials

HOPS = 40
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
LEVELS = [1.0, 0.1, 0.01, 1e-3]


def calibration() -> Calibration:
    return Calibration(({"pcm": sound(HOPS, 1)}, {"pcm": sound(HOPS, 2)}), "noise")


def scaled(model: Model) -> Model:
    return hop_scales(model, calibration())


def layers(model: Model) -> list[str]:
    """The layers with a scale per hop."""
    return [
        str(node.name)
        for node in model.ir.graph
        if HOP_SCALED in node.metadata_props and node.op_type in ("Conv", "Gemm")
    ]


def in_c(model: Model, *heard: np.ndarray) -> list[np.ndarray]:
    (found,) = Trials(model, [{"pcm": clip} for clip in heard]).run(lambda _, made: made["y"])
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(4))
def test_the_float_network_without_biases_keeps_every_bit(seed: int, level: float) -> None:
    model, heard = network(seed, biases=False), {"pcm": sound(HOPS, 3, level)}
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, scaled(model)))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("seed", range(4))
def test_with_biases_it_computes_the_same(seed: int) -> None:
    model, heard = network(seed, biases=True), {"pcm": sound(HOPS, 3)}
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, scaled(model)))
    np.testing.assert_allclose(before, after, atol=1e-6 * np.abs(before).max())


def test_layers_up_to_the_first_bias_have_one_and_those_behind_it_what_sound_adds() -> None:
    assert layers(scaled(network(0, biases=False))) == ["code", "mixed", "open", "y"]
    model = network(0, biases=True)
    assert layers(hop_scales(model, calibration(), behind_biases=False)) == ["code"]
    assert layers(scaled(model)) == ["code", "mixed", "open", "y"]


def test_a_network_of_no_sound_has_none() -> None:
    model = network(0, biases=False).describe(stream={"hop_samples": 64})
    assert scaled(model) is model


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("biases", [False, True])
def test_c_has_the_bits_of_the_oracle_at_every_level(seed: int, biases: bool) -> None:
    model = quantize(network(seed, biases), calibration(), "w8a8")
    heard = [sound(HOPS, 5, level) for level in (*LEVELS, 3.0, 0.0)]
    for clip, found in zip(heard, in_c(model, *heard), strict=True):
        np.testing.assert_array_equal(Oracle(model).run_hops({"pcm": clip})["y"], found)


@pytest.mark.parametrize("seed", SEEDS)
def test_quieter_sound_only_shifts_the_output(seed: int) -> None:
    """f(2^-k x) = 2^-k f(x) in every bit, until a peak is 2^-15 of what calibration saw."""
    model = quantize(network(seed, biases=False, gate=False), calibration(), "w8a8")
    loud = sound(HOPS, 6, 0.5)
    steps = (1, 2, 5, 8)
    whole, *quiet = in_c(model, loud, *(np.ldexp(loud, -k) for k in steps))
    assert np.abs(whole).max() > 0
    for k, found in zip(steps, quiet, strict=True):
        np.testing.assert_array_equal(np.ldexp(whole, -k), found)


def test_integers_keep_quiet_sound() -> None:
    model = network(2, biases=False)
    kept, fixed = (
        quantize(model, calibration(), recipe)
        for recipe in (RECIPES["w8a8"], replace(RECIPES["w8a8"], hop_scales=False))
    )
    ratios = []
    for level in LEVELS:
        clip = sound(HOPS, 7, level)
        (exact,) = run_hops(model, {"pcm": clip}).values()
        ratios.append([snr_db(exact, in_c(m, clip)[0]) for m in (kept, fixed)])
    found, before = np.array(ratios).T
    assert found.min() > 25 and before[-1] < 5, ratios
    (qdq,) = run_hops(kept, {"pcm": clip}).values()
    assert snr_db(exact, qdq) > 25


@pytest.mark.parametrize("seed", SEEDS)
def test_what_quiet_sound_adds_behind_biases_is_kept(seed: int) -> None:
    model, heard = network(seed, biases=True), calibration()
    kept = quantize(model, heard, "w8a8")
    seen = observed(model, heard, replace(RECIPES["w8a8"], hop_scales=False))
    first = hop_scales(seen.model, heard, behind_biases=False)
    before = quantize_observed(Observed(first, observe(first, heard), heard), RECIPES["w8a8"], "")
    clip, silence = sound(HOPS, 7, 0.01), np.zeros((HOPS, 1, 64), np.float32)
    (exact,), (still,) = (run_hops(model, {"pcm": pcm}).values() for pcm in (clip, silence))
    ratios = []
    for made in (kept, before):
        found, rest = in_c(made, clip, silence)
        ratios.append(snr_db(exact - still, found - rest))
    assert ratios[0] > 15 and ratios[0] > ratios[1] + 6, ratios


def test_after_a_burst_quiet_sound_is_as_it_was() -> None:
    """No state is left at the scale of a loud hop; nothing is, after silence."""
    model = quantize(network(1, biases=False), calibration(), "w8a8")
    quiet, silence = sound(HOPS, 8, 0.01), np.zeros((4, 1, 64), np.float32)
    burst = np.concatenate([sound(HOPS, 9, 1.0), quiet])
    (alone, behind, silent) = in_c(
        model, np.concatenate([silence, quiet]), burst, np.concatenate([burst, silence])
    )
    np.testing.assert_array_equal(alone[5:], behind[HOPS + 1 :])
    assert not silent[-3:].any()


def test_sound_above_what_calibration_saw_is_served_too() -> None:
    model = network(3, biases=False)
    loud = sound(HOPS, 4, 3.0)
    (exact,) = run_hops(model, {"pcm": loud}).values()
    assert snr_db(exact, in_c(quantize(model, calibration(), "w8a8"), loud)[0]) > 20


def test_a_recurrent_layer_reads_quiet_sound_in_16_bits() -> None:
    model, clip = recurrent(0), sound(HOPS, 7, 0.02)
    (exact,) = run_hops(model, {"pcm": clip}).values()
    ratios = []
    for recipe in (RECIPES["w8a8"], replace(RECIPES["w8a8"], hop_scales=False)):
        made = quantize(model, calibration(), recipe)
        (found,) = in_c(made, clip)
        np.testing.assert_array_equal(Oracle(made).run_hops({"pcm": clip})["y"], found)
        ratios.append(snr_db(exact, found))
    assert ratios[0] > ratios[1] + 6, ratios


def test_the_file_has_plain_nodes_only() -> None:
    model = quantize(network(0, biases=True), calibration(), "w8a8")
    assert {node.domain for node in model.ir.graph} == {""}
    assert all(value.dtype != ir.DataType.UNDEFINED for value in model.ir.graph.outputs)
