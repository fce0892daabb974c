"""The noise of outputs beside their signal."""

import numpy as np
import pytest
from builds import float_model, noise

from edgekit.judge.measurement import QUIETEST, RANKED, Reference

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
