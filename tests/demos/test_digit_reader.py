"""The digit classifier without torch."""

import numpy as np
import pytest
import torch

from edgekit.demos.digit_classifier import features_of, load_classifier
from edgekit.demos.digit_reader import margin, reader


def test_it_reads_as_the_trained_network_does() -> None:
    pictures = np.random.default_rng(0).uniform(-1.2, 1.2, (3, 1, 28, 28)).astype(np.float32)
    network, found = load_classifier(), reader()(pictures)
    with torch.inference_mode():
        logits = network(torch.from_numpy(pictures).clamp(-1, 1)).numpy()
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)
    np.testing.assert_allclose(found["features"], features_of(network, pictures), atol=1e-4)


def test_a_margin_is_above_0_where_the_label_is_read() -> None:
    logits = np.array([[1.0, 3.0, 2.0], [5.0, 3.0, 2.0]], np.float32)
    assert margin(logits, np.array([1, 2])).tolist() == pytest.approx([1.0, -3.0])
