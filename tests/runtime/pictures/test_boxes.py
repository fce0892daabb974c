"""Boxes of CenterNet's outputs."""

import numpy as np
import pytest

from edgekit.runtime.pictures.boxes import Boxes, _best, decode, iou


def test_a_peak_becomes_a_box_in_pixels() -> None:
    heat, size, offset = (np.zeros((1, n, 4, 8), np.float32) for n in (3, 2, 2))
    heat[0, 2, 1, 5], heat[0, 2, 1, 6] = 0.9, 0.5  # the second is no peak
    size[0, :, 1, 5], offset[0, :, 1, 5] = (2, 1), (0.5, 0.25)
    found = decode({"heat": heat, "size": size, "offset": offset}, (8, 32), sigmoid=False)
    assert found.labels[0] == 2 and found.scores[0] == pytest.approx(0.9)
    assert found.boxes[0].tolist() == [18, 1.5, 26, 3.5]
    assert (found.scores[1:] == 0).all()


def test_of_boxes_of_a_class_that_overlap_the_best_is_kept() -> None:
    boxes = np.array([[0, 0, 4, 4], [1, 0, 5, 4], [1, 0, 5, 4], [9, 9, 10, 10]], np.float32)
    kept = _best(Boxes(boxes, np.array([0, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6], np.float32)))
    assert kept.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])


def test_the_overlap_is_the_common_area_over_that_of_both() -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], np.float32)
    assert iou(box, others).tolist() == pytest.approx([1, 1 / 3, 0])
