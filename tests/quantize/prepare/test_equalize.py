"""Channels that are scaled together, equalization and migration: the float network stays what it was."""

import os
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from builds import float_model, noise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_networks import CACHE, HOW_TO_GET, NETWORKS, path_of
from stream_layers import layers, network_of
from zoo import ZOO

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.channels import FIXED, Channels
from edgekit.quantize.prepare.equalize import equalize, peaks
from edgekit.quantize.prepare.migrate import migrate
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import Recipe
from edgekit.verbs.export.importing import load_model

ROUNDING_DB = 100.0  # of float32 sums in another scale
SCALED = {"tcn", "conv_recurrent", "attention", "vision", "dual_path", "gru_mask"}


def free(channels: Channels) -> np.ndarray:
    """Channels that something constant writes and that are not fixed."""
    written = np.zeros(channels.count, bool)
    for site in channels.sites:
        written[channels.find(site.written)] = True
    written[: FIXED + 1] = False
    return written


def check_same(model: Model, changed: Model, hops: int = 12) -> None:
    inputs = noise(model, hops, seed=3)
    before, after = run_hops(model, inputs), run_hops(changed, inputs)
    for name, array in before.items():
        assert snr_db(array, after[name]) > ROUNDING_DB, name
    assert changed.states == model.states


def rescaled(model: Model, seed: int) -> tuple[Model, int]:
    """The model with every free channel scaled by a random factor, and how many these are."""
    copy = Model(model.ir.clone())
    channels = Channels(copy)
    scale = np.ones(channels.count)
    scaled = free(channels)
    scale[scaled] = np.exp(np.random.default_rng(seed).normal(size=int(scaled.sum())))
    channels.scaled(copy, scale)
    return copy, int(scaled.sum())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(layers(), st.integers(0, 99))
def test_any_factors_leave_random_streamed_networks_as_they_were(layer, seed) -> None:
    model = stream(onnx_offline(network_of(layer, seed), name="net"))
    check_same(model, rescaled(model, seed)[0])


@pytest.mark.parametrize("name", ZOO)
def test_any_factors_leave_the_zoo_as_it_was(name: str) -> None:
    model = unpack_states(float_model(name))
    changed, count = rescaled(model, 7)
    assert (count > 0) == (name in SCALED)
    check_same(model, changed)


@pytest.mark.parametrize("name", sorted(SCALED))
def test_equalization_and_migration_keep_the_network(name: str) -> None:
    model = unpack_states(float_model(name))
    check_same(model, equalize(model))
    check_same(model, migrate(model, Calibration((noise(model, 20),), "noise"), 0.5))


def test_equalized_channels_have_equal_weights_on_both_sides_and_nothing_is_left_to_do() -> None:
    model = equalize(unpack_states(float_model("tcn")))
    channels = Channels(model)
    weights = [site for site in channels.sites if site.is_weight]
    writers, readers = peaks(channels, weights, np.zeros(channels.count))
    known = (writers > 0) & (readers > 0)
    known[: FIXED + 1] = False
    assert known.sum() > 100
    np.testing.assert_allclose(writers[known], readers[known], rtol=0.02)


def test_a_cache_is_scaled_with_the_layer_that_fills_it() -> None:
    model = unpack_states(float_model("tcn"))
    cache = model.states[-1].output
    inputs = noise(model, 12)
    before = run_hops(model, inputs, tap=[cache])[cache]
    after = run_hops(equalize(model), inputs, tap=[cache])[cache]
    ratio = np.abs(after).max((0, 1, 3)) / np.abs(before).max((0, 1, 3))
    assert ratio.max() > 1.5 * ratio.min()
    assert snr_db(before * ratio[:, None], after) > ROUNDING_DB


def test_an_input_that_only_a_sigmoid_writes_is_not_migrated() -> None:
    model = unpack_states(float_model("raw"))  # tanh and a GRU: nothing may scale
    changed = migrate(model, Calibration((noise(model, 20),), "noise"), 0.5)
    assert constants(changed) == constants(model)


def constants(model: Model) -> set[bytes]:
    return {
        v.const_value.numpy().tobytes()
        for v in model.ir.graph.initializers.values()
        if isinstance(v, ir.Value) and v.const_value is not None
    }


def test_channels_that_differ_a_thousandfold_survive_eight_bits_once_they_are_equal() -> None:
    model = unpack_states(float_model("tcn"))
    channels = Channels(uneven := Model(model.ir.clone()))
    scale = np.ones(channels.count)
    scaled = free(channels)
    scale[scaled] = 1000.0 ** np.random.default_rng(0).random(int(scaled.sum()))
    channels.scaled(uneven, scale)
    inputs = noise(uneven, 40, seed=2)
    calibration = Calibration((noise(uneven, 40, seed=1),), "noise")
    (reference,) = run_hops(uneven, inputs).values()
    found = {}
    for recipe in (
        Recipe("plain", "int8", "int8", "int16"),
        Recipe("equal", "int8", "int8", "int16", equalize=True),
        Recipe("moved", "int8", "int8", "int16", migrate=0.5),
    ):
        (output,) = Oracle(quantize(uneven, calibration, recipe)).run_hops(inputs).values()
        found[recipe.name] = snr_db(reference, output)
    assert found["plain"] < 15.0
    assert min(found["equal"], found["moved"]) > 22.0


def test_gtcrn_is_the_same_with_two_hundred_channels_scaled() -> None:
    path = path_of("gtcrn", Path(os.environ.get("EDGEKIT_NETWORKS", CACHE)))
    if not path.is_file():
        pytest.skip(f"needs {path.name}: {HOW_TO_GET}")
    model = unpack_states(load_model(str(path), NETWORKS["gtcrn"].options(1)).model)
    changed, count = rescaled(model, 1)
    assert count > 200
    check_same(model, changed)
    check_same(model, equalize(model))
    check_same(model, migrate(model, Calibration((noise(model, 20),), "noise"), 0.5))
