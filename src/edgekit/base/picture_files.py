"""PNG and JPEG files as inputs of a network on pictures; needs pillow."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.pictures import COLOURS, PICTURE_FILES, Pictures

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 1 << 26
F32 = Float32


@dataclass(frozen=True)
class FittedPicture:
    """A picture as a network takes it.

    Attributes:
        x: ``(1, channels, height, width)``.
        size: width and height of the picture in its file.
        scale: pixels of the network for one of the file, in x and y.
        offset: where the picture's left and upper ends lie in the network's pixels.
    """

    x: F32
    size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]

    def back(self, boxes: NDArray[np.floating]) -> F32:
        """Boxes ``(n, 4)``, x0, y0, x1, y1 in pixels of the network, in those of the file, cut at its ends."""
        moved = (boxes - np.tile(self.offset, 2)) / np.tile(self.scale, 2)
        return np.asarray(np.clip(moved, 0, np.tile(self.size, 2)), np.float32)

    def plane(self, values: F32, smooth: bool) -> F32:
        """A map ``(h, w)`` over the network's picture as one over the file's; NaN where the network did not look."""
        from PIL import Image

        (_, _, height, width), (h, w) = self.x.shape, values.shape
        across, down = w / width, h / height
        resample = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        row = self.scale[0] * across, 0.0, self.offset[0] * across
        column = 0.0, self.scale[1] * down, self.offset[1] * down
        moved = Image.fromarray(values.astype(np.float32)).transform(
            self.size, Image.Transform.AFFINE, (*row, *column), resample, fillcolor=float("nan")
        )
        return np.asarray(moved, np.float32)


def read_picture(path: Path) -> "Image":
    """Return a PNG or JPEG, upright, as 8 bits of red, green and blue; transparent parts lie over black.

    Raises:
        UsageError: no such file, no picture, one that ends too early or is too large.
    """
    from PIL import Image, ImageOps

    allowed, step = "a whole PNG or JPEG", "see that it opens in another program"
    where, most = f"picture '{path}'", f"at most {MAX_PIXELS:,} pixels"
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as file:
            width, height = file.size
            if width * height > MAX_PIXELS:
                found = f"{width}x{height} pixels"
                raise UsageError(Problem(where, found, most, "make it smaller"))
            file.load()
            return _colours(ImageOps.exif_transpose(file))
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error) as error:
        found = getattr(error, "strerror", None) or str(error) or "cannot be read"
        found = found.replace(str(path), path.name)
        raise UsageError(Problem(where, found, allowed, step)) from error
    except Image.DecompressionBombError as error:
        raise UsageError(Problem(where, "too many pixels", most, "make it smaller")) from error


def picture_paths(folder: Path) -> list[Path]:
    """The picture files of a folder, by name.

    Raises:
        UsageError: there is none.
    """
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_FILES)
    if not found:
        allowed = f"files that end in {', '.join(PICTURE_FILES)}"
        step = "name the folder that they lie in"
        raise UsageError(Problem(f"folder '{folder}'", "holds no picture", allowed, step))
    return found


def fit_picture(picture: "Image", form: Pictures, shape: tuple[int, ...]) -> FittedPicture:
    """A picture as the network takes it, ``(1, channels, height, width)``.

    It is scaled with linear filters. A letterbox keeps its proportions, centred in zeros, or in the value nearest to 0
    that a pixel can have. A crop keeps them too and cuts off the rest; stretch does not keep them.
    """
    from PIL import Image

    _, channels, height, width = shape
    linear = Image.Resampling.BILINEAR
    across, down = width / picture.width, height / picture.height
    if form.fit == "crop":
        across = down = max(across, down)
    elif form.fit == "letterbox":
        across = down = min(across, down)
    scaled = [max(1, round(n)) for n in (picture.width * across, picture.height * down)]
    seen = min(scaled[0], width), min(scaled[1], height)
    if form.fit == "crop":
        left, top = ((n - whole) / 2 for n, whole in zip(seen, scaled, strict=True))
        box = (-left / across, -top / down, (seen[0] - left) / across, (seen[1] - top) / down)
        grown = picture.resize(seen, linear, _inside(box, picture.size))
        x = _values(grown, form, channels)
    else:
        left, top = (width - seen[0]) // 2, (height - seen[1]) // 2
        across, down = seen[0] / picture.width, seen[1] / picture.height
        part = _values(picture.resize(seen, linear), form, channels)
        low, high = values_of(form)
        x = np.zeros((channels, height, width), np.float32) + np.clip(0, low, high)[:, None, None]
        x[:, top : top + seen[1], left : left + seen[0]] = part
    return FittedPicture(x[None].astype(np.float32), picture.size, (across, down), (left, top))


def _inside(box: tuple[float, ...], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box, rounding errors cut off at a picture's ends."""
    x0, y0, x1, y1 = np.clip(box, 0, np.tile(size, 2)).tolist()
    return x0, y0, x1, y1


def values_of(form: Pictures) -> tuple[F32, F32]:
    """The least and the largest value of each channel, or of all."""
    ends = np.array([[form.low], [form.high]], np.float32)
    values = (ends - np.array(form.mean, np.float32)) / np.array(form.std, np.float32)
    return values.min(axis=0), values.max(axis=0)


def pixels_of(values: F32, form: Pictures) -> Float32:
    """The reverse of a picture's values ``(channels, h, w)``: 0 to 255, red, green and blue, ``(h, w, 3)``."""
    mean, std = (np.array(n, np.float32).reshape(-1, 1, 1) for n in (form.mean, form.std))
    pixels = (values * std + mean - np.float32(form.low)) * np.float32(255 / (form.high - form.low))
    pixels = pixels[::-1] if form.colour == "bgr" else pixels
    if len(pixels) == 1:
        pixels = pixels.repeat(3, axis=0)
    return np.asarray(pixels.transpose(1, 2, 0), np.float32)


def form_problem(form: Pictures, shape: tuple[int, ...]) -> Problem | None:
    """Return the reason why a network of such an input takes no such pictures; None where it does."""
    channels = shape[1] if len(shape) == 4 else 0
    counts = {len(form.mean), len(form.std)} - {1}
    wanted = {COLOURS[form.colour]} if form.colour else set(COLOURS.values())
    if channels in wanted and counts <= {channels}:
        return None
    found = f"a network of {channels} channels" if channels else f"an input of shape {shape}"
    allowed = "1 channel (grey) or 3 (rgb, bgr), and mean and std of one number or as many"
    return Problem("--picture", found, allowed, "change the option, or leave it out")


def _values(picture: "Image", form: Pictures, channels: int) -> F32:
    pixels = np.asarray(picture.convert("L") if channels == 1 else picture, np.float32)
    planes = pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)
    planes = planes[::-1] if form.colour == "bgr" else planes
    mean, std = (np.array(n, np.float32).reshape(-1, 1, 1) for n in (form.mean, form.std))
    ranged = np.float32(form.low) + np.float32(form.high - form.low) * planes / np.float32(255)
    return np.asarray((ranged - mean) / std, np.float32)


def _colours(image: "Image") -> "Image":
    """8 bits of red, green and blue; of 16 bits the upper 8."""
    from PIL import Image

    if image.mode.startswith("I"):
        wide = np.clip(np.asarray(image, np.int64), 0, 65535)
        image = Image.fromarray((wide >> 8).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear).convert("RGB")
    return image.convert("RGB")
