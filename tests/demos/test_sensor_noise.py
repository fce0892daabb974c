"""What a sensor makes of a scene: moments of its noise, and what clips integers that never saw it."""

from dataclasses import replace

import numpy as np

from edgekit.demos import sensor_noise
from edgekit.demos.sensor_noise import CAMERA, SATURATION, expose, pack_mosaic, scene


def test_a_picture_is_packed_by_its_colour_filter() -> None:
    picture = np.arange(3 * 4 * 4, dtype=np.float32).reshape(3, 4, 4)
    assert pack_mosaic(picture)[:, 0, 0].tolist() == [0, 17, 20, 37]
    assert scene(3).shape == (4, 48, 48) and 0 <= scene(3).min() < scene(3).max() <= 1


def test_shot_noise_has_the_variance_of_its_light() -> None:
    """With read and row noise away: K ratio / sat times the light, and a count's rounding."""
    quiet = replace(CAMERA, read=(0.0, -20.0, 0.0), row=(0.0, -20.0, 0.0))
    for seed in range(4):
        random = np.random.default_rng(seed)
        gain = float(np.exp(random.uniform(*np.log(sensor_noise.GAINS))))
        ratio = float(random.uniform(*sensor_noise.RATIOS))
        light = np.full((4, 100, 100), 0.6, np.float32)
        found = expose(light, np.random.default_rng(seed), quiet)
        variance = 0.6 * gain * ratio / SATURATION + (ratio / SATURATION) ** 2 / 12
        assert abs(found.var() / variance - 1) < 0.05 and abs(found.mean() - 0.6) < 0.01


def test_read_noise_goes_with_the_gain_and_rows_share_theirs() -> None:
    dark = np.zeros((4, 64, 64), np.float32)
    loud = replace(CAMERA, row=(0.0, 6.0, 0.0))
    found = expose(dark, np.random.default_rng(0), loud)
    rows = found.mean(2)
    assert found.min() < 0 and np.corrcoef(rows[0], rows[1])[0, 1] > 0.99
    assert abs(np.corrcoef(rows[0], rows[2])[0, 1]) < 0.4
    heavy = expose(dark, np.random.default_rng(0), replace(CAMERA, shape=-0.2))
    plain = expose(dark, np.random.default_rng(0))
    peaks = [np.abs(x).max() / x.std() for x in (heavy, plain)]
    assert peaks[0] > 1.5 * peaks[1]


def test_the_calibration_is_a_few_exposures_of_a_batch_of_one() -> None:
    shapes = {array.shape for array in sensor_noise.calibration()}
    assert shapes == {(1, 1, 4, 48, 48)}
