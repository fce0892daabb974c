"""Degraded pictures of digits, and their measures."""

import numpy as np
import pytest

from edgekit.demos.pictures.data import SHOWN, add_noise, add_streaks, bundled_digits, psnr_db


def test_bundled_digits_are_pictures() -> None:
    shown, calibrated = bundled_digits()
    assert shown.shape == (SHOWN, 1, 28, 28) and len(calibrated) >= 32
    assert shown.min() == -1 and 0.9 < shown.max() <= 1


def test_streaks_brighten_and_stay_in_range() -> None:
    black = np.full((4, 1, 28, 28), -1, np.float32)
    y = add_streaks(black, np.random.default_rng(0))
    assert y.shape == black.shape and np.abs(y).max() <= 1
    assert (y > -0.9).mean(axis=(1, 2, 3)).min() > 0.1
    assert not np.array_equal(y[0], y[1])


def test_psnr_clips_what_it_judges() -> None:
    exact = np.full((1, 1, 28, 28), -1, np.float32)
    assert psnr_db(exact - 5, exact) > 100
    assert psnr_db(exact + 0.2, exact) == pytest.approx(20, abs=1e-3)
    assert psnr_db(add_noise(exact * 0, np.random.default_rng(0), 0.2), exact * 0) == pytest.approx(
        20, abs=0.5
    )
