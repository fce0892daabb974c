"""What the picture systems do around their networks."""

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.demos.pictures.data import bundled_digits
from edgekit.demos.pictures.systems import BETA, LEAST, MeasuredBlocks, draw_blindly, size_of


def test_a_quarter_of_the_values_is_measured_by_orthonormal_rows() -> None:
    clean, calibrated = bundled_digits()
    system = MeasuredBlocks("idm", clean, calibrated)
    assert system.inputs.size * 4 == clean.size
    rows = system.rows.reshape(len(system.rows), -1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=5e-3)
    assert system.before is not None
    again = system.degrade(system.before, np.random.default_rng(0))
    np.testing.assert_allclose(again, system.inputs, atol=0.1)


def test_the_blind_sampler_ends_at_what_its_denoiser_knows() -> None:
    """One that knows a single picture: noise goes, and the picture is drawn."""
    picture = np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 1, 28, 28)

    def denoise(y: Float32) -> Float32:
        return np.repeat(picture, len(y), axis=0)

    drawn, calls = draw_blindly(denoise, 3, np.random.default_rng(0))
    assert 10 < calls < 500
    np.testing.assert_allclose(drawn, np.repeat(picture, 3, axis=0), atol=1e-6)
    assert 0 < BETA <= 1 and LEAST < 0.1
    assert size_of(drawn).shape == (3, 1, 1, 1)
