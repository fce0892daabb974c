"""Average precision of boxes."""

import numpy as np
import pytest

from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CLASSES, Picture, draw
from edgekit.runtime.pictures.boxes import Boxes

PICTURES = [draw(seed) for seed in range(60)]


def found_of(picture: Picture, shift: float = 0.0, score: float = 0.9) -> Boxes:
    scores = np.full(len(picture.labels), score, np.float32)
    return Boxes(picture.boxes + np.float32(shift), picture.labels, scores)


def test_the_truth_is_precise_and_nothing_is_not() -> None:
    assert {*np.concatenate([p.labels for p in PICTURES])} == {*range(len(CLASSES))}
    assert average_precision([found_of(p) for p in PICTURES], PICTURES) == pytest.approx(1)
    empty = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert average_precision([empty] * len(PICTURES), PICTURES) == 0


def test_a_second_box_on_the_same_shape_is_false() -> None:
    box = np.array([[0, 0, 8, 8]], np.float32)
    pictures = [Picture(PICTURES[0].image, box, np.array([label])) for label in range(3)]
    twice = [
        Boxes(np.repeat(box, 2, 0), p.labels.repeat(2), np.array([0.9, 0.5], np.float32))
        for p in pictures
    ]
    assert average_precision(twice, pictures) == pytest.approx(1)  # false behind all that is right
    two = Picture(PICTURES[0].image, np.concatenate([box, box + 20]), np.array([0, 0]))
    half = average_precision([twice[0]], [two]) * len(CLASSES)
    assert half == pytest.approx(0.5)


def test_boxes_off_by_some_pixels_pass_fewer_of_cocos_thresholds() -> None:
    off = [found_of(p, shift=2.0) for p in PICTURES]
    assert 0.1 < mean_average_precision(off, PICTURES) < average_precision(off, PICTURES)
