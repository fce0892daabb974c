"""Behind a bias what sound adds has a scale per hop, and what silence gives is a constant."""

from dataclasses import replace

import numpy as np
import pytest
from level_networks import network, sound
from level_scales import HOPS, SEEDS, calibration, in_c, layers, scaled

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.quantize.apply import ObservedModel, observe_model, quantize, quantize_observed
from edgekit.quantize.calibrate.clips import observe
from edgekit.quantize.prepare.hop_scales import hop_scales
from edgekit.quantize.recipe import RECIPES


def test_layers_up_to_the_first_bias_have_one_and_those_behind_it_what_sound_adds() -> None:
    assert layers(scaled(network(0, biases=False))) == ["code", "mixed", "open", "y"]
    model = network(0, biases=True)
    assert layers(hop_scales(model, calibration(), behind_biases=False)) == ["code"]
    assert layers(scaled(model)) == ["code", "mixed", "open", "y"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_what_quiet_sound_adds_behind_biases_is_kept(seed: int) -> None:
    model, heard = network(seed, biases=True), calibration()
    kept = quantize(model, heard, "w8a8")
    seen = observe_model(model, heard, replace(RECIPES["w8a8"], hop_scales=False))
    first = hop_scales(seen.model, heard, behind_biases=False)
    before = quantize_observed(
        ObservedModel(first, observe(first, heard), heard), RECIPES["w8a8"], ""
    )
    clip, silence = sound(HOPS, 7, 0.01), np.zeros((HOPS, 1, 64), np.float32)
    (exact,), (still,) = (run_hops(model, {"pcm": pcm}).values() for pcm in (clip, silence))
    ratios = []
    for made in (kept, before):
        found, rest = in_c(made, clip, silence)
        ratios.append(snr_db(exact - still, found - rest))
    assert ratios[0] > 15 and ratios[0] > ratios[1] + 6, ratios
