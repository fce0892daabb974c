"""Channels that are scaled together, equalization and migration: the float network stays what it was."""

import os
from pathlib import Path

import numpy as np
import pytest
from builds import float_model, noise
from channel_networks import ROUNDING_DB, SCALED, check_same, free, rescaled
from published_networks import CACHE, HOW_TO_GET, NETWORKS, path_of

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.channels import Channels
from edgekit.quantize.prepare.equalize import equalize, peaks
from edgekit.quantize.prepare.migrate import migrate
from edgekit.quantize.prepare.scale_groups import FIXED
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import Recipe
from edgekit.verbs.export.importing import load_model


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


@pytest.mark.slow
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
