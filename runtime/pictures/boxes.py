"""Decode CenterNet's outputs to boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float32, Float64, Int64

CENTERNET = ("heat", "size", "offset")  # outputs, of classes, 2 and 2 channels
KEPT = 20  # peaks of a picture
SAME = 0.5  # overlap from which two boxes of a class are one object's
F32 = Float32


@dataclass(frozen=True)
class Boxes:
    """The boxes in a picture: ``(n, 4)`` as x0, y0, x1, y1 in pixels, class numbers, scores in 0..1."""

    boxes: F32
    labels: Int64
    scores: F32


def decode(outputs: Mapping[str, F32], size: tuple[int, int], sigmoid: bool = True) -> Boxes:
    """Return the boxes of one picture's ``heat``, ``size`` and ``offset``, each ``(1, channels, h, w)`` of the picture.

    Objects as Points (arXiv 1904.07850), section 4: peaks of 3x3 neighbourhoods. If d differs from pixel to pixel, a
    large object has several peaks. Of boxes of a class that overlap by `SAME` the best is kept. `size` is the height
    and width of the network's picture; `sigmoid` makes scores of the heat.
    """
    heat = outputs["heat"][0].astype(np.float64)
    heat = 1 / (1 + np.exp(-heat)) if sigmoid else heat
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    peaks = np.where(heat >= windows.max(axis=(3, 4)), heat, 0)
    best = np.argsort(-peaks, axis=None, kind="stable")[:KEPT]
    label, y, x = np.unravel_index(best, heat.shape)
    centre = np.stack([x, y]) + outputs["offset"][0][:, y, x]
    half = np.maximum(outputs["size"][0][:, y, x], 0) / 2
    down, across = (whole / own for whole, own in zip(size, heat.shape[1:], strict=True))
    boxes = np.concatenate([centre - half, centre + half]).T * [across, down, across, down]
    return _best(Boxes(boxes.astype(np.float32), label, peaks.ravel()[best].astype(np.float32)))


def iou(box: F32, others: F32) -> Float64:
    """Return the common area of a box and each of others, over that of both together."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1)
    return np.asarray(common / np.maximum(area - common, 1e-9), np.float64)


def _best(found: Boxes) -> Boxes:
    """Non-maximum suppression of boxes in order of their scores."""
    kept: list[int] = []
    for i, box in enumerate(found.boxes):
        others = [j for j in kept if found.labels[j] == found.labels[i]]
        if not others or iou(box, found.boxes[others]).max() < SAME:
            kept.append(i)
    return Boxes(found.boxes[kept], found.labels[kept], found.scores[kept])
