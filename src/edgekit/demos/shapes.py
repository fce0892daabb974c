"""A synthetic detection set: rotated and scaled shapes on textured backgrounds. One seed, one picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float32, Float64, Int64

CLASSES = ("disc", "square", "triangle")
TRAINING, HELD_OUT, CALIBRATION = 1_000_000, 2_000_000, 3_000_000  # first seeds
CALIBRATION_PICTURES = 32
CONTRAST = 0.4  # least distance of a shape's colour from its background
WAVES = 4  # sinusoids of a texture
F32 = Float32


@dataclass(frozen=True)
class Scenes:
    """The pictures to draw.

    Attributes:
        size: height and width in pixels.
        smallest: diameter of a shape's circle in pixels; diameters are log-uniform.
        largest: likewise.
        most: shapes of a picture.
    """

    size: int
    smallest: float
    largest: float
    most: int


SCENES = {  # by their size
    96: Scenes(96, 12.0, 80.0, 4),
    128: Scenes(128, 8.0, 100.0, 4),
    256: Scenes(256, 8.0, 200.0, 6),
}
SIZE = 96  # of the bundled detector's


@dataclass(frozen=True)
class Picture:
    """An image ``(3, size, size)`` in -1..1, boxes ``(n, 4)`` as x0, y0, x1, y1 in pixels, and class numbers."""

    image: F32
    boxes: F32
    labels: Int64


def draw(seed: int, size: int = SIZE) -> Picture:
    """Return the picture of a seed, of one of the sizes of `SCENES`."""
    random, scenes = np.random.default_rng(seed), SCENES[size]
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) + 0.5
    image = _texture(random, x, y, random.uniform(-0.7, 0.7, 3), 0.25)
    boxes: list[tuple[float, float, float, float]] = []
    labels = []
    for _ in range(int(random.integers(1, scenes.most + 1))):
        label = int(random.integers(len(CLASSES)))
        ends = np.log(scenes.smallest / 2), np.log(scenes.largest / 2)
        radius = float(np.exp(random.uniform(*ends)))
        centre = random.uniform(radius * 0.7, size - radius * 0.7, 2)
        cover, box = _shape(label, radius, centre, random.uniform(0, 2 * np.pi), x, y)
        if any(_overlap(box, other) > 0.1 for other in boxes):
            continue
        colour = _colour(random, image, cover)
        inside = _texture(random, x, y, colour, 0.15)
        image = np.asarray(image * (1 - cover) + inside * cover, np.float32)
        boxes.append(box)
        labels.append(label)
    image += random.normal(0, 0.03, image.shape).astype(np.float32)
    return Picture(
        np.clip(image, -1, 1).astype(np.float32),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
    )


def calibration() -> Iterator[dict[str, F32]]:
    """Yield the pictures that the bundled detector is calibrated on, as its input ``x``."""
    images = [draw(CALIBRATION + i).image[None] for i in range(CALIBRATION_PICTURES)]
    yield {"x": np.stack(images)}


def _colour(random: np.random.Generator, image: F32, cover: F32) -> Float64:
    """Return a colour that differs from the background of the shape."""
    under = (image * cover).sum((1, 2)) / max(float(cover.sum()), 1e-6)
    while True:
        colour = random.uniform(-0.9, 0.9, 3)
        if np.abs(colour - under).mean() > CONTRAST:
            return colour


def _texture(random: np.random.Generator, x: F32, y: F32, colour: Float64, amplitude: float) -> F32:
    result = np.empty((3, *x.shape), np.float32)
    result[:] = colour.astype(np.float32)[:, None, None]
    for _ in range(WAVES):
        angle, period = random.uniform(0, np.pi), np.exp(random.uniform(np.log(4), np.log(50)))
        wave = np.sin(
            2 * np.pi / period * (x * np.cos(angle) + y * np.sin(angle)) + random.uniform(0, 6)
        )
        tint = random.uniform(-1, 1, 3) * amplitude / WAVES**0.5
        result += tint.astype(np.float32)[:, None, None] * wave.astype(np.float32)
    return result


def _shape(
    label: int, radius: float, centre: Float64, angle: float, x: F32, y: F32
) -> tuple[F32, tuple[float, float, float, float]]:
    """Return the share of each pixel that the shape covers, and its box, cut at the picture."""
    dx, dy = x - centre[0], y - centre[1]
    if label == 0:
        distance = np.hypot(dx, dy) - radius
        ends = np.array([[-radius, -radius], [radius, radius]])
    else:
        sides = {1: 4, 2: 3}[label]
        corners = angle + 2 * np.pi * np.arange(sides) / sides
        ends = radius * np.stack([np.cos(corners), np.sin(corners)], 1)
        normals = corners + np.pi / sides
        reach = radius * np.cos(np.pi / sides)
        distance = np.max([dx * np.cos(n) + dy * np.sin(n) - reach for n in normals], axis=0)
    cover = np.clip(0.5 - distance, 0, 1).astype(np.float32)
    low, high = ends.min(0) + centre, ends.max(0) + centre
    box = (*np.clip(low, 0, len(x)), *np.clip(high, 0, len(x)))
    return cover, box


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Common area over the area of the smaller box."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return max(width, 0) * max(height, 0) / min(areas)
