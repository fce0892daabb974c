"""The average precision of boxes."""

from collections.abc import Sequence

import numpy as np

from edgekit.demos.shapes import CLASSES, Picture
from edgekit.runtime.pictures.boxes import Boxes, iou

OVERLAPS = tuple(np.arange(0.5, 1.0, 0.05))  # COCO's thresholds; the first is VOC's


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
            ious = iou(box, truth) * free
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
