"""Picture files, and pictures fitted to a network."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit.base.errors import UsageError
from edgekit.base.picture_files import (
    FittedPicture,
    fit_picture,
    pixels_of,
    read_picture,
)
from edgekit.base.pictures import FITS, Pictures, read_pictures

SHAPE = (1, 3, 20, 30)


def pixels(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Seeded pixels."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_three_bytes_a_pixel(mode: str, tmp_path: Path) -> None:
    colours = Image.fromarray(pixels(7, 5))
    if mode == "I;16":
        source = Image.fromarray(pixels(7, 5, 1).astype(np.uint16) * 256 + 99)
        wanted = np.stack([pixels(7, 5, 1)] * 3, axis=-1)
    else:
        source = colours.convert(mode)
        wanted = np.asarray(source.convert("RGB"))
    source.save(tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(read_picture(tmp_path / "a.png")), wanted)


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    clear = np.dstack([pixels(4, 4), np.array([[0, 255] * 2] * 4, np.uint8)])
    Image.fromarray(clear).save(tmp_path / "a.png")
    found = np.asarray(read_picture(tmp_path / "a.png"))
    assert (found[:, ::2] == 0).all() and (found[:, 1::2] == clear[:, 1::2, :3]).all()


def test_a_jpeg_stands_upright_as_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(pixels(8, 16)).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == (8, 16)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_ends_early_is_refused(kind: str, tmp_path: Path) -> None:
    whole, path = io.BytesIO(), tmp_path / "a.png"
    Image.fromarray(pixels(30, 40)).save(whole, kind)
    content = whole.getvalue()
    for size in (0, 3, 20, 100, len(content) // 2, len(content) - 200):
        path.write_bytes(content[:size])
        with pytest.raises(UsageError, match=r"a\.png"):
            read_picture(path)


@pytest.mark.parametrize(
    "content", [b"P6 1 1 255 abc", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"x" * 99]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UsageError, match="a whole PNG or JPEG"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"none\.png"):
        read_picture(tmp_path / "none.png")


def test_a_file_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(pixels(30, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UsageError, match="at most 67,108,864 pixels"):
        read_picture(tmp_path / "a.png")


def test_values_are_those_of_the_rule() -> None:
    form = read_pictures("range=0,1:mean=0.5,0.4,0.3:std=0.2,0.3,0.5:colour=bgr")
    given_pixels = pixels(20, 30)
    x = fit_picture(Image.fromarray(given_pixels), form, SHAPE).x
    planes = given_pixels[..., ::-1].transpose(2, 0, 1) / 255.0
    mean, std = np.reshape([0.5, 0.4, 0.3], (3, 1, 1)), np.reshape([0.2, 0.3, 0.5], (3, 1, 1))
    np.testing.assert_allclose(x[0], (planes - mean) / std, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pixels_of(x[0], form), given_pixels, atol=1e-3)


def test_a_letterbox_is_zero_around_the_picture() -> None:
    white = Image.fromarray(np.full((10, 10, 3), 255, np.uint8))
    x = fit_picture(white, Pictures(-1, 1), SHAPE).x[0]
    assert (x[:, :, 5:25] == 1).all() and (x[:, :, :5] == 0).all() and (x[:, :, 25:] == 0).all()
    shifted = fit_picture(white, Pictures(1, 3), SHAPE).x[0]
    assert (shifted[:, :, 0] == 1).all()  # no pixel is 0: black is nearest to it


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(FITS), st.sampled_from([1, 3]))
def test_boxes_come_back_to_where_they_were(
    width: int, height: int, fit: str, channels: int
) -> None:
    picture = Image.fromarray(np.full((height, width, 3), 200, np.uint8))
    shape = (1, channels, 20, 30)
    made = fit_picture(picture, Pictures(0, 1, fit=fit), shape)
    assert made.x.shape == shape and np.isfinite(made.x).all()
    box = np.array([[0.1 * width, 0.2 * height, 0.8 * width, 0.9 * height]], np.float32)
    there = box * np.tile(made.scale, 2) + np.tile(made.offset, 2)
    np.testing.assert_allclose(made.back(there), box, rtol=1e-4, atol=1e-3)
    plane = made.plane(made.x[0, 0], smooth=False)
    assert plane.shape == (height, width)
    seen = plane[np.isfinite(plane)]
    assert seen.size and np.allclose(seen[seen > 0], 200 / 255, atol=1e-5)


def test_a_map_lies_over_what_it_is_of() -> None:
    left = np.zeros((40, 90, 3), np.uint8)
    left[:, :45] = 255
    made: FittedPicture = fit_picture(Image.fromarray(left), Pictures(0, 1), SHAPE)
    plane = made.plane(made.x[0, 0, ::2, ::2], smooth=False)
    assert (plane[4:-4, :40] > 0.9).all() and (plane[4:-4, 50:] < 0.1).all()
