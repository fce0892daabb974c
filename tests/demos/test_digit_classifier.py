"""Features of digits, and the distance between sets of them."""

import numpy as np
import pytest

from edgekit.demos.digit_classifier import FEATURES, features_of, load_classifier
from edgekit.demos.digit_reader import frechet


def test_features_do_not_depend_on_the_batch() -> None:
    images = np.random.default_rng(0).uniform(-1.5, 1.5, (3, 1, 28, 28))
    network = load_classifier()
    found = features_of(network, images)
    assert found.shape == (3, FEATURES) and found.min() >= 0
    np.testing.assert_allclose(features_of(network, images[2:]), found[2:], atol=1e-4)


def test_the_distance_of_gaussians_is_that_of_the_formula() -> None:
    random = np.random.default_rng(0)
    a = random.standard_normal((5000, 3))
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, a + np.array([3, 0, 4])) == pytest.approx(25)
    assert frechet(a, 3 * a) == pytest.approx(
        4 * np.trace(np.cov(a.T)) + 4 * (a.mean(0) ** 2).sum()
    )
