"""Pictures as PNG files, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image

from edgekit.base.png import png


@pytest.mark.parametrize("channels", [1, 3])
def test_another_reader_finds_the_same_pixels(channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    found = np.asarray(Image.open(io.BytesIO(png(picture))))
    assert np.array_equal(found.reshape(picture.shape), picture)
