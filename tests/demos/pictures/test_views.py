"""A denoiser of two views is the mean of its answers upright and upside down."""

import numpy as np
import onnx

from edgekit.demos import show_digits
from edgekit.demos.pictures.generators import turn_over
from edgekit.demos.pictures.views import with_two_views
from edgekit.export.hop_runner import in_onnxruntime


def test_two_views_are_the_mean_of_two_calls_with_equal_weights() -> None:
    model = onnx.load(show_digits.FEW_NETWORK)
    one, two = (in_onnxruntime(m.SerializeToString()) for m in (model, with_two_views(model)))
    x = np.random.default_rng(0).standard_normal((1, 1, 28, 28)).astype(np.float32)
    given = {"x": x, "t": np.array([400], np.float32), "label": np.array([3])}
    (upright,) = one(given).values()
    (other,) = one({**given, "x": turn_over(x), "label": np.array([5])}).values()
    (found,) = two({**given, "turned": np.array([5])}).values()
    np.testing.assert_allclose(found, (upright + turn_over(other)) / 2, atol=1e-5)
    sizes = [len(m.SerializeToString()) for m in (model, with_two_views(model))]
    assert sizes[1] < 1.05 * sizes[0]
