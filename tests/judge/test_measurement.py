"""The noise of outputs beside their signal."""

import numpy as np
import pytest
from builds import float_model, noise

from edgekit.judge.measurement import AUDIBLE_SHARE, QUIETEST, RANKED, Reference

MODEL = "gru_mask"


@pytest.fixture(scope="module")
def reference() -> Reference:
    clips = [noise(float_model(MODEL), 8, seed=seed) for seed in range(4)]
    return Reference(float_model(MODEL), clips, [2.0], forms=1)


def test_equal_outputs_have_no_noise_and_an_allowance_halves_it(reference: Reference) -> None:
    assert set(reference.noise(0, reference.outputs[0]).values()) == {0.0}
    (name,) = reference.outputs[0]
    for clip, allowance in ((0, 2.0), (1, 1.0)):
        exact = reference.outputs[clip][name].astype(np.float64)
        found = reference.noise(clip, {name: exact * 1.1})[name]
        assert found == pytest.approx(0.01 / allowance, rel=1e-6)
    assert QUIETEST < 1


def test_some_clips_rank(reference: Reference) -> None:
    assert list(reference.some) == list(range(0, 4, RANKED))


def test_the_total_is_the_mean_of_the_worst_output() -> None:
    noises = [{"a": 0.1, "b": 0.2}, {"a": 0.5, "b": 0.2}]
    assert Reference.total(noises) == pytest.approx(0.3)


def test_noise_in_what_a_network_suppresses_counts_by_the_loudest_output_at_its_level() -> None:
    model = float_model(MODEL)
    loud = noise(model, 8, seed=0)
    quiet = {n: a * np.float32(0.001) if a.dtype.kind == "f" else a for n, a in loud.items()}
    suppressed = Reference(model, [loud, quiet], gains=[1.0, 1.0])
    (name,) = suppressed.outputs[0]
    powers = [float(np.mean(np.square(o[name], dtype=np.float64))) for o in suppressed.outputs]
    exact = suppressed.outputs[1][name].astype(np.float64)
    found = suppressed.noise(1, {name: exact + 0.1})[name]
    assert found == pytest.approx(0.01 / max(powers[1], AUDIBLE_SHARE * max(powers)), rel=1e-5)
