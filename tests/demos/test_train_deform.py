"""What the detector is trained towards: targets, losses, weights of 4 bits."""

import numpy as np
import pytest
import torch

from edgekit.demos.codenet import SIZES
from edgekit.demos.shapes import CLASSES, Picture, draw
from edgekit.demos.train_deform import (
    LEVELS,
    FourBits,
    _mirror,
    deformable,
    detection_loss,
    plain,
    scale_loss,
    target,
)

SMALL = SIZES["small"]


def test_a_target_has_a_peak_at_each_centre() -> None:
    box = np.array([[10, 20, 42, 40]], np.float32)
    picture = Picture(draw(0).image, box, np.array([1]))
    made = target(picture, SMALL)
    row, column = 15, 13  # of the centre, in output pixels of two
    assert made[1, row, column] == 1 and (made[: len(CLASSES)] == 1).sum() == 1
    assert made[-6:-4, row, column].tolist() == [16, 10]
    assert made[-4:-2, row, column].tolist() == [0, 0]
    assert made[-1].sum() == pytest.approx(1) and made[-2].max() == 16


def test_the_loss_is_least_where_outputs_are_the_target() -> None:
    made = torch.from_numpy(target(draw(3), SMALL))[None]
    heat = torch.where(made[:, : len(CLASSES)] == 1, 20.0, -20.0)
    right = detection_loss((heat, made[:, -6:-4], made[:, -4:-2]), made)
    off = detection_loss((heat, made[:, -6:-4] + 1, made[:, -4:-2]), made)
    assert right < 1e-3 < off
    assert detection_loss((-heat, made[:, -6:-4], made[:, -4:-2]), made) > 10


def test_a_mirrored_target_is_that_of_the_mirrored_picture() -> None:
    picture = draw(3)
    boxes = picture.boxes.copy()
    boxes[:, [0, 2]] = 96 - picture.boxes[:, [2, 0]]
    other = torch.from_numpy(target(Picture(picture.image, boxes, picture.labels), SMALL))
    found = _mirror(torch.from_numpy(target(picture, SMALL))[None], 3)[0]
    torch.testing.assert_close(found[: len(CLASSES)], other[: len(CLASSES)], atol=0.2, rtol=0)


def test_offsets_are_to_span_the_shape() -> None:
    made = torch.zeros(1, len(CLASSES) + 6, 4, 4)
    assert scale_loss(torch.ones(1, 1, 4, 4), made) == 0
    made[:, -2] = 5.0
    assert scale_loss(torch.full((1, 1, 4, 4), 2.0), made) == 0


def test_a_weight_has_sixteen_levels_and_its_gradient() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    rounded = FourBits()(weight)
    rounded.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))
    for row in rounded.detach().flatten(1):
        steps = row / (row.abs().max() / LEVELS)
        torch.testing.assert_close(steps, steps.round(), atol=1e-4, rtol=0)
    assert (rounded - weight).abs().max() < weight.abs().max() / LEVELS


@torch.no_grad()
def test_a_deformable_detector_begins_as_the_plain_one() -> None:
    start = plain(0).eval()
    x = torch.randn(1, 3, SMALL.image, SMALL.image)
    for found, expected in zip(deformable(start, "rounded")(x), start(x), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
