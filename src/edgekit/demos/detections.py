"""From CenterNet's outputs to boxes, and the average precision of boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.demos.shapes import CLASSES, SIZE, Picture

KEPT = 20  # peaks of a picture
SAME = 0.5  # overlap from which two boxes of a class are one shape's
OVERLAPS = tuple(np.arange(0.5, 1.0, 0.05))  # COCO's thresholds; the first is VOC's
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Boxes:
    """What was found in a picture: ``(n, 4)`` boxes as x0, y0, x1, y1 in pixels, class numbers, scores in 0..1."""

    boxes: F32
    labels: NDArray[np.int64]
    scores: F32


def decode(outputs: Mapping[str, F32]) -> Boxes:
    """Return the boxes of one picture's ``heat``, ``size`` and ``offset``, each ``(1, channels, h, w)`` of the picture.

    Objects as Points (arXiv 1904.07850), section 4: peaks of 3x3 neighbourhoods. Where d differs from pixel to pixel a
    large shape has several peaks: of boxes of a class that overlap by `SAME` the best is kept.
    """
    heat = 1 / (1 + np.exp(-outputs["heat"][0].astype(np.float64)))
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    peaks = np.where(heat >= windows.max(axis=(3, 4)), heat, 0)
    best = np.argsort(-peaks, axis=None, kind="stable")[:KEPT]
    label, y, x = np.unravel_index(best, heat.shape)
    centre = np.stack([x, y]) + outputs["offset"][0][:, y, x]
    half = np.maximum(outputs["size"][0][:, y, x], 0) / 2
    stride = SIZE // heat.shape[-1]
    boxes = stride * np.concatenate([centre - half, centre + half]).T
    return _best(Boxes(boxes.astype(np.float32), label, peaks.ravel()[best].astype(np.float32)))


def _best(found: Boxes) -> Boxes:
    """Non-maximum suppression of boxes in order of their scores."""
    kept: list[int] = []
    for i, box in enumerate(found.boxes):
        others = [j for j in kept if found.labels[j] == found.labels[i]]
        if not others or _iou(box, found.boxes[others]).max() < SAME:
            kept.append(i)
    return Boxes(found.boxes[kept], found.labels[kept], found.scores[kept])


def average_precision(
    found: Sequence[Boxes], pictures: Sequence[Picture], overlap: float = 0.5
) -> float:
    """Mean over the classes of the area under precision against recall (VOC 2010's rule)."""
    return float(np.mean([_of_class(found, pictures, c, overlap) for c in range(len(CLASSES))]))


def mean_average_precision(found: Sequence[Boxes], pictures: Sequence[Picture]) -> float:
    """COCO's AP: the mean over `OVERLAPS`."""
    return float(np.mean([average_precision(found, pictures, o) for o in OVERLAPS]))


def _of_class(
    found: Sequence[Boxes], pictures: Sequence[Picture], label: int, overlap: float
) -> float:
    rows: list[tuple[float, bool]] = []
    count = 0
    for boxes, picture in zip(found, pictures, strict=True):
        truth = picture.boxes[picture.labels == label]
        count += len(truth)
        free = np.ones(len(truth), bool)
        mine = boxes.labels == label
        for box, score in zip(boxes.boxes[mine], boxes.scores[mine], strict=True):
            ious = _iou(box, truth) * free
            hit = bool(ious.size and ious.max() >= overlap)
            if hit:
                free[int(ious.argmax())] = False
            rows.append((float(score), hit))
    if not count or not rows:
        return 0.0
    hits = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])], float)
    recall = np.cumsum(hits) / count
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def _iou(box: F32, others: F32) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1)
    return np.asarray(common / np.maximum(area - common, 1e-9), np.float64)
