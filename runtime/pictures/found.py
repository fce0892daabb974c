"""Findings in a picture, from a network's outputs: boxes, classes, a class of each pixel, or another picture."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.json_values import JsonObject
from edgekit.base.picture_files import FittedPicture, pixels_of
from edgekit.base.pictures import COLOURS, Pictures
from edgekit.runtime.pictures.boxes import CENTERNET, Boxes, decode

MOST_CLASSES = 5  # that are named in the summary of a picture
F32 = Float32
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Found:
    """The findings in one picture, in pixels of its file.

    Attributes:
        boxes: whose scores are at least `Pictures.least`, the best first; None where the network gives none.
        classes: number and score, the best first.
        areas: the class of each pixel ``(height, width)``, -1 where the network did not look. With one channel it is
            the value from 0 to 1, NaN where not.
        picture: 0 to 255 ``(height, width, 3)``, NaN where the network did not look.
    """

    boxes: Boxes | None = None
    classes: tuple[tuple[int, float], ...] = ()
    areas: Array | None = None
    picture: F32 | None = None

    def facts(self, form: Pictures) -> JsonObject:
        """The findings as JSON takes them."""
        if self.boxes is not None:
            rows = zip(self.boxes.boxes, self.boxes.labels, self.boxes.scores, strict=True)
            names = ("x0", "y0", "x1", "y1")
            return {
                "boxes": [
                    {"label": form.label(int(label)), "score": round(float(score), 4)}
                    | {name: round(float(n), 2) for name, n in zip(names, box, strict=True)}
                    for box, label, score in rows
                ]
            }
        if self.classes:
            named = [{"label": form.label(n), "score": round(s, 4)} for n, s in self.classes]
            return {"classes": named}
        if self.areas is not None and self.areas.dtype == np.int64:
            numbers, counts = np.unique(self.areas[self.areas >= 0], return_counts=True)
            shares = (counts / max(counts.sum(), 1)).round(4)
            pairs = zip(numbers.tolist(), shares.tolist(), strict=True)
            return {"areas": [{"label": form.label(n), "share": share} for n, share in pairs]}
        return {}


def gives_of(outputs: Shapes) -> str | None:
    """Return the kind of a network's outputs, one of `edgekit.base.pictures.GIVES`; None where it is unknown."""
    shapes = [shape for shape in outputs.values() if shape[:1] == (1,)]
    if set(outputs) == set(CENTERNET) and gives_problem("boxes", outputs) is None:
        return "boxes"
    if len(outputs) != 1 or not shapes:
        return None
    (shape,) = shapes
    if int(np.prod(shape[2:])) == 1 and len(shape) > 1:
        return "classes"
    return "map" if len(shape) == 4 else None


def gives_problem(gives: str, outputs: Shapes) -> str | None:
    """Return the outputs that are needed; None where they are there."""
    if gives == "boxes":
        shapes = [outputs.get(name, ()) for name in CENTERNET]
        fits = all(len(shape) == 4 for shape in shapes) and len({s[2:] for s in shapes}) == 1
        if fits and shapes[1][1] == shapes[2][1] == 2:
            return None
        return "heat, size and offset of (1, channels, h, w), size and offset of 2 channels"
    text, fits_shape = ONE_OUTPUT[gives]
    is_that = len(outputs) == 1 and all(map(fits_shape, outputs.values()))
    return None if is_that else f"one output of {text}"


ONE_OUTPUT: Mapping[str, tuple[str, Callable[[tuple[int, ...]], bool]]] = {
    "classes": ("(1, classes)", lambda shape: shape[:1] == (1,)),
    "map": ("(1, channels, h, w)", lambda shape: len(shape) == 4 and shape[1] > 0),
    "picture": (
        "(1, 1 or 3, h, w)",
        lambda shape: len(shape) == 4 and shape[1] in COLOURS.values(),
    ),
}


def find(outputs: Mapping[str, F32], fitted: FittedPicture, form: Pictures) -> Found:
    """Return the findings in one picture's outputs, by `form.gives`."""
    if form.gives == "boxes":
        size = fitted.x.shape[2], fitted.x.shape[3]
        boxes = decode(outputs, size, form.scores != "none")
        kept = boxes.scores >= form.least
        return Found(Boxes(fitted.back(boxes.boxes[kept]), boxes.labels[kept], boxes.scores[kept]))
    ((values),) = outputs.values()
    if form.gives == "classes":
        scores = _scores(values.ravel(), form.scores)
        best = np.argsort(-scores, kind="stable")[:MOST_CLASSES]
        return Found(classes=tuple((int(n), float(scores[n])) for n in best))
    if form.gives == "picture":
        planes = pixels_of(values[0], form).transpose(2, 0, 1)
        moved = np.stack([fitted.plane(plane, smooth=True) for plane in planes], axis=-1)
        return Found(picture=np.asarray(np.clip(moved, 0, 255), np.float32))
    if values.shape[1] == 1:
        scores = _scores(values[0, 0], "sigmoid" if form.scores == "sigmoid" else "none")
        return Found(areas=np.clip(fitted.plane(scores.astype(np.float32), smooth=True), 0, 1))
    best = values[0].argmax(axis=0).astype(np.float32)
    return Found(areas=np.nan_to_num(fitted.plane(best, smooth=False), nan=-1).astype(np.int64))


def summary(found: Sequence[Found], form: Pictures) -> str:
    """Return a line that sums up the findings in all pictures."""
    said = f"{len(found)} picture{'s' * (len(found) != 1)}"
    if form.gives == "boxes":
        labels = Counter(int(n) for one in found if one.boxes for n in one.boxes.labels)
        listed = ", ".join(f"{count} {form.label(n)}" for n, count in sorted(labels.items()))
        return f"{said}: {listed or 'no box'}"
    if form.gives == "classes" and len(found) == 1:
        return ", ".join(f"{form.label(n)} {score:.2f}" for n, score in found[0].classes)
    return said


def _scores(values: F32, function: str | None) -> Float64:
    x = values.astype(np.float64)
    if function == "softmax":
        powers = np.exp(x - x.max())
        return np.asarray(powers / powers.sum(), np.float64)
    return 1 / (1 + np.exp(-x)) if function == "sigmoid" else x
