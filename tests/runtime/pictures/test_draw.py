"""Labels on pictures: inside, and none over another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit.base.pictures import Pictures
from edgekit.runtime.pictures.boxes import Boxes
from edgekit.runtime.pictures.draw import drawn, labels
from edgekit.runtime.pictures.found import Found

FORM = Pictures(0, 1, gives="boxes", labels=("disc", "square"))


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 400), st.integers(20, 400), st.integers(1, 30), st.integers(0, 2**20))
def test_no_label_covers_another(width: int, height: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = np.sort(random.uniform(-0.1, 1.1, (count, 2, 2)), axis=1)
    boxes = [tuple(row) for row in (ends * (width, height)).reshape(count, 4).tolist()]
    sizes = [(float(w), 12.0) for w in random.integers(8, 90, count)]
    places = [spot for spot in labels(boxes, sizes, (width, height)) if spot is not None]
    for i, (x0, y0, x1, y1) in enumerate(places):
        assert x0 >= 0 and y0 >= 0 and x1 <= width + 1e-6 and y1 <= height + 1e-6
        for u0, v0, u1, v1 in places[:i]:
            assert x0 >= u1 or x1 <= u0 or y0 >= v1 or y1 <= v0
    if width >= 120 and height >= 120 and count <= 4:
        assert len(places) == count


@pytest.mark.parametrize("size", [(1, 1), (500, 1), (3, 700), (64, 48), (1000, 800)])
def test_pictures_of_any_size_are_drawn_on(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "gray")
    box = np.array([[0, 0, *size], [0.2, 0.2, 0.6, 0.6]], np.float32)
    found = Found(Boxes(box, np.array([0, 7]), np.array([0.9, 0.5], np.float32)))
    canvas, hidden = drawn(picture, found, FORM)
    larger = canvas.width // size[0]
    assert canvas.size == (size[0] * larger, size[1] * larger)
    assert hidden in (0, 1, 2) and (hidden == 0 or min(canvas.size) < 40)
    assert np.asarray(canvas).std() > 0 or canvas.size == (500, 1)


def test_areas_are_tinted_where_the_network_looked() -> None:
    areas = np.full((40, 40), -1)
    areas[:, :20], areas[:, 20:30] = 0, 1
    canvas, hidden = drawn(Image.new("RGB", (40, 40)), Found(areas=areas), FORM)
    pixels = np.asarray(canvas)
    assert hidden == 0 and (pixels[-1, -1] == 0).all()
    assert len({tuple(pixels[-1, x]) for x in (5, 24 * 12, 479)}) == 3


def test_a_picture_that_comes_out_is_written_as_it_is() -> None:
    made = np.full((5, 6, 3), 77.4, np.float32)
    made[0] = np.nan
    canvas, _ = drawn(Image.new("RGB", (6, 5), (1, 2, 3)), Found(picture=made), FORM)
    assert (np.asarray(canvas)[1:] == 77).all() and (np.asarray(canvas)[0] == (1, 2, 3)).all()


def test_classes_are_listed() -> None:
    plain = Image.new("RGB", (100, 100))
    canvas, hidden = drawn(plain, Found(classes=((0, 0.9), (1, 0.1))), FORM)
    assert hidden == 0 and np.asarray(canvas).any()
