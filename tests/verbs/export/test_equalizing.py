"""Whether channels are equalized is measured where a recipe leaves it open."""

from dataclasses import replace

import numpy as np
import pytest
from builds import float_model, noise

from edgekit import api
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.channels import FIXED, Channels
from edgekit.quantize.prepare.equalize import equalize
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.equalizing import settled

W8A8 = RECIPES["w8a8"]


def network(spread: float) -> Model:
    """A network of convolutions with equal channels, of which those that are free are scaled by up to `spread`."""
    model = equalize(unpack_states(float_model("tcn")))
    channels, scale = Channels(model), np.ones(Channels(model).count)
    written = np.unique(np.concatenate([channels.find(s.written).ravel() for s in channels.sites]))
    free = written[written > FIXED]
    scale[free] = spread ** np.random.default_rng(0).random(len(free))
    channels.scaled(model, scale)
    return model


def clips(model: Model, count: int, hops: int = 10) -> Calibration:
    return Calibration(tuple(noise(model, hops, seed=n) for n in range(count)), "noise")


@pytest.mark.parametrize("spread", [1000.0, 1.0])
def test_channels_are_equalized_where_that_is_measured_to_help(spread: float) -> None:
    model = network(spread)
    found = settled(model, clips(model, 4), W8A8, api.silent)
    assert found.recipe == replace(W8A8, equalize=spread > 1)
    assert found.said is not None
    assert found.said.startswith("equalized" if spread > 1 else "as they are")
    assert set(found.seen.observers)  # of the network as the recipe prepares it


def test_nothing_is_measured_where_the_recipe_says_it_or_nothing_can_be_left_out() -> None:
    model = network(1000.0)
    for recipe, calibration, wanted in (
        (replace(W8A8, name="mine", equalize=True), clips(model, 4), True),
        (replace(W8A8, name="mine", equalize=False), clips(model, 4), False),
        (W8A8, clips(model, 1, 3), False),
    ):
        found = settled(model, calibration, recipe, api.silent)
        assert found.recipe.equalize is wanted and found.said is None


def test_a_network_without_channels_to_scale_is_not_measured() -> None:
    model = unpack_states(float_model("raw"))
    found = settled(model, clips(model, 4), W8A8, api.silent)
    assert found.recipe.equalize is False and found.said is None
