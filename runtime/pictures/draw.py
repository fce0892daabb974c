"""Draw the findings on a picture; needs pillow."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, SupportsInt

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.pictures import Pictures
from edgekit.runtime.pictures.found import Found

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

# Okabe and Ito's, and three more: most eyes can distinguish them
PALETTE = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178)),
    *((213, 94, 0), (204, 121, 167), (255, 255, 255), (160, 32, 240), (0, 0, 0)),
)
SMALL = 480  # pixels of the longer side below which a picture is drawn larger
TEXT, LEAST_TEXT = 0.03, 11  # height of text: a share of the picture's longer side; pixels
PAD = 2  # pixels around text
Rectangle = tuple[float, float, float, float]


def drawn(picture: "Image", found: Found, form: Pictures) -> tuple["Image", int]:
    """Return a picture with the findings drawn on it, and the number of labels without a place.

    A small picture is drawn larger, by a whole number. No label covers another.
    """
    from PIL import Image

    if found.picture is not None:
        pixels = np.where(np.isfinite(found.picture), found.picture, np.asarray(picture))
        return Image.fromarray(np.rint(pixels).astype(np.uint8)), 0
    larger = max(1, SMALL // max(picture.size))
    canvas = picture.resize((picture.width * larger, picture.height * larger), Image.Resampling.BOX)
    if found.boxes is not None:
        boxes = [_rectangle(box * larger) for box in found.boxes.boxes]
        names = _scored_names(form, found.boxes.labels, found.boxes.scores)
        return canvas, _boxes(canvas, boxes, names, [_colour(int(n)) for n in found.boxes.labels])
    if found.areas is not None:
        return _draw_areas(canvas, found.areas.repeat(larger, 0).repeat(larger, 1), form)
    labels, scores = zip(*found.classes, strict=True) if found.classes else ((), ())
    colours = [_colour(n) for n in labels]
    return canvas, _legend(canvas, _scored_names(form, labels, scores), colours)


def _scored_names(
    form: Pictures, labels: Iterable[SupportsInt], scores: Iterable[float]
) -> list[str]:
    pairs = zip(labels, scores, strict=True)
    return [f"{form.label(int(n))} {score:.2f}" for n, score in pairs]


def _draw_areas(canvas: "Image", shown: Array, form: Pictures) -> tuple["Image", int]:
    """A picture with its areas in colours, those of classes with their names, the largest first."""
    canvas = _tint_picture(canvas, shown)
    if shown.dtype != np.int64:
        return canvas, 0
    numbers, counts = np.unique(shown[shown >= 0], return_counts=True)
    classes = numbers[np.argsort(-counts, kind="stable")]
    names = [form.label(int(n)) for n in classes]
    return canvas, _legend(canvas, names, [_colour(int(n)) for n in classes])


def place(
    size: tuple[float, float], box: Rectangle, taken: Float64, whole: tuple[int, int]
) -> Rectangle | None:
    """Return the place of a label: at its box, else the free place nearest to it; None where there is none.

    It lies inside of the picture, whose width and height are `whole`, and covers nothing of `taken`, ``(n, 4)``.
    """
    width, height = size
    if width > whole[0] or height > whole[1]:
        return None
    x0, y0, x1, y1 = box
    corners = [(x0, y0 - height), (x0, y0), (x0, y1), (x0, y1 - height)]
    corners += [(x1 - width, y) for _, y in corners] + [(x1, y0), (x0 - width, y0)]
    columns = np.linspace(0, whole[0] - width, 1 + int((whole[0] - width) // max(width / 4, 1)))
    rows = np.linspace(0, whole[1] - height, 1 + int((whole[1] - height) // max(height / 2, 1)))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    grid = grid[np.argsort(((grid - (x0, y0)) ** 2).sum(axis=1), kind="stable")]
    spots = np.concatenate([np.clip(corners, 0, (whole[0] - width, whole[1] - height)), grid])
    apart = (
        (spots[:, None, 0] >= taken[:, 2])
        | (spots[:, None, 0] + width <= taken[:, 0])
        | (spots[:, None, 1] >= taken[:, 3])
        | (spots[:, None, 1] + height <= taken[:, 1])
    )
    free = np.flatnonzero(apart.all(axis=1))
    if not len(free):
        return None
    x, y = spots[free[0]].tolist()
    return x, y, x + width, y + height


def labels(
    boxes: Sequence[Rectangle], sizes: Sequence[tuple[float, float]], whole: tuple[int, int]
) -> Iterator[Rectangle | None]:
    """Yield the place of each box's label; no two have a pixel in common."""
    taken = np.zeros((0, 4))
    for box, size in zip(boxes, sizes, strict=True):
        found = place(size, box, taken, whole)
        if found is not None:
            taken = np.concatenate([taken, [found]])
        yield found


def _boxes(
    canvas: "Image",
    boxes: Sequence[Rectangle],
    names: Sequence[str],
    colours: Sequence[tuple[int, int, int]],
) -> int:
    """Draw boxes, then their labels; return how many labels found no place."""
    from PIL import ImageDraw

    draw, font = ImageDraw.Draw(canvas), _font(canvas)
    wide = max(2, round(max(canvas.size) / 400))
    for box, colour in reversed([*zip(boxes, colours, strict=True)]):
        draw.rectangle(box, outline=colour, width=wide)
    places = list(labels(boxes, [_size(draw, name, font) for name in names], canvas.size))
    for spot, box, name, colour in zip(places, boxes, names, colours, strict=True):
        if spot is not None:
            if not _touches(spot, box):
                draw.line((box[0], box[1], spot[0], spot[1]), fill=colour, width=1)
            _text(draw, spot, name, colour, font)
    return places.count(None)


def _legend(canvas: "Image", names: Sequence[str], colours: Sequence[tuple[int, int, int]]) -> int:
    """Names one under another from the upper left corner; return how many found no place."""
    from PIL import ImageDraw

    draw, font = ImageDraw.Draw(canvas), _font(canvas)
    y, left_out = 0.0, 0
    for name, colour in zip(names, colours, strict=True):
        width, height = _size(draw, name, font)
        if y + height > canvas.height or width > canvas.width:
            left_out += 1
            continue
        _text(draw, (0, y, width, y + height), name, colour, font)
        y += height
    return left_out


def _tint_picture(canvas: "Image", areas: NDArray[np.generic]) -> "Image":
    """A picture, half of each pixel the colour of its class, or from black to yellow by its value."""
    from PIL import Image

    if areas.dtype == np.int64:
        numbers = areas.astype(np.int64)
        colours = np.array([_colour(n) for n in range(max(int(numbers.max()), 0) + 1)], np.float32)
        tint, seen = colours[np.maximum(numbers, 0)], numbers >= 0
    else:
        values = areas.astype(np.float32)
        seen = np.isfinite(values)
        tint = np.nan_to_num(values)[..., None] * np.array([255, 220, 0], np.float32)
    pixels = np.asarray(canvas, np.float32)
    mixed = np.where(seen[..., None], (pixels + tint) / 2, pixels)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _font(canvas: "Image") -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(max(LEAST_TEXT, round(max(canvas.size) * TEXT)))


def _size(draw: "ImageDraw", text: str, font: "FreeTypeFont | ImageFont") -> tuple[float, float]:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font, anchor=None)
    return right - left + 2 * PAD, bottom - top + 2 * PAD


def _text(
    draw: "ImageDraw",
    spot: Rectangle,
    text: str,
    colour: tuple[int, int, int],
    font: "FreeTypeFont | ImageFont",
) -> None:
    left, top, _, _ = draw.textbbox((0, 0), text, font=font)
    draw.rectangle((spot[0], spot[1], spot[2] - 1, spot[3] - 1), fill=colour)
    bright = sum(share * n for share, n in zip((0.3, 0.59, 0.11), colour, strict=True)) > 110
    ink = (0, 0, 0) if bright else (255, 255, 255)
    draw.text((spot[0] + PAD - left, spot[1] + PAD - top), text, fill=ink, font=font)


def _touches(a: Rectangle, b: Rectangle) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _rectangle(box: Float32) -> Rectangle:
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)


def _colour(number: int) -> tuple[int, int, int]:
    return PALETTE[number % len(PALETTE)]
