"""Samples as files: arrays, or a grid of pictures in a PNG."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import write_npz
from edgekit.base.output import output_problem, replacement_path
from edgekit.base.png import CHANNELS, png

GAP = 1  # pixels between pictures


def sample_problem(path: Path) -> Problem | None:
    """Return why samples cannot be written there; None where they can."""
    if path.suffix.lower() not in (".npz", ".png"):
        found = path.suffix or "no ending"
        return Problem(f"output '{path}'", found, ".npz or .png", "name such a file")
    return output_problem(path)


def picture_problem(path: Path, shape: tuple[int, ...]) -> Problem | None:
    """Return why samples of this shape, (channels, ...), are no pictures of a file; None where they are."""
    is_picture = len(shape) == 3 and shape[0] in CHANNELS
    if path.suffix.lower() == ".npz" or is_picture:
        return None
    found, allowed = f"samples {shape}", "(1 or 3, height, width)"
    return Problem(f"output '{path}'", found, allowed, "write a .npz")


def write_samples(path: Path, x: Float32, conditions: Mapping[str, ArrayLike]) -> None:
    """Write samples (n, channels, ...) and their conditions, or, as .png, a grid of (n, 1 or 3, height, width).

    Raises:
        UsageError: the file cannot be written, or the samples are no pictures.
    """
    if path.suffix.lower() == ".npz":
        with replacement_path(path) as temporary:
            write_npz(temporary, {"x": x, **{n: np.asarray(a) for n, a in conditions.items()}})
        return
    if problem := picture_problem(path, x.shape[1:]):
        raise UsageError(problem)
    with replacement_path(path) as temporary:
        temporary.write_bytes(png(grid(x)))


def grid(x: Float32) -> NDArray[np.uint8]:
    """Return pictures (n, channels, height, width) of values from -1 to 1 side by side: (height, width, channels)."""
    n, channels, height, width = x.shape
    columns = math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    bytes_of = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    whole = np.zeros(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), np.uint8
    )
    for number, picture in enumerate(bytes_of):
        top, left = (
            place * (side + GAP)
            for place, side in zip(divmod(number, columns), (height, width), strict=True)
        )
        whole[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    return whole
