"""The synthetic detection set: one seed, one picture."""

import numpy as np
import pytest

from edgekit.demos.shapes import CALIBRATION_PICTURES, SCENES, _overlap, _shape, calibration, draw


@pytest.mark.parametrize("size", SCENES)
def test_a_seed_is_a_picture_whose_boxes_lie_in_it(size: int) -> None:
    for seed in range(5):
        picture, again = draw(seed, size), draw(seed, size)
        assert np.array_equal(picture.image, again.image)
        assert picture.image.shape == (3, size, size) and np.abs(picture.image).max() <= 1
        assert (picture.boxes[:, :2] < picture.boxes[:, 2:]).all()
        assert 1 <= len(picture.labels) <= SCENES[size].most
        assert picture.boxes.min() >= 0 and picture.boxes.max() <= size


@pytest.mark.parametrize(("label", "area"), [(0, np.pi), (1, 2.0), (2, 3 * 3**0.5 / 4)])
def test_a_shape_covers_the_area_of_its_kind_and_its_box_holds_it(label: int, area: float) -> None:
    y, x = np.mgrid[0:64, 0:64].astype(np.float32) + 0.5
    cover, box = _shape(label, 20.0, np.array([32.0, 31.0]), 0.3, x, y)
    assert cover.sum() == pytest.approx(area * 400, rel=0.02)
    inside = (x > box[0] - 1) & (x < box[2] + 1) & (y > box[1] - 1) & (y < box[3] + 1)
    assert not cover[~inside].any()


def test_an_overlap_is_a_share_of_the_smaller_box() -> None:
    assert _overlap((0, 0, 4, 4), (2, 0, 4, 2)) == 1
    assert _overlap((0, 0, 4, 4), (4, 0, 6, 2)) == 0


def test_the_calibration_is_one_batch() -> None:
    (clip,) = calibration()
    assert clip["x"].shape == (CALIBRATION_PICTURES, 1, 3, 96, 96)
