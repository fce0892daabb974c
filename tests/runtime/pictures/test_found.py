"""What outputs say of a picture, and which outputs say nothing."""

import re

import numpy as np
import pytest

from edgekit.base.pictures import Pictures
from edgekit.runtime.pictures.boxes import Boxes
from edgekit.runtime.pictures.found import Found, gives_of, gives_problem, summary

BOXES = {"heat": (1, 3, 8, 8), "size": (1, 2, 8, 8), "offset": (1, 2, 8, 8)}


@pytest.mark.parametrize(
    ("outputs", "gives"),
    [
        (BOXES, "boxes"),
        ({"y": (1, 10)}, "classes"),
        ({"y": (1, 10, 1, 1)}, "classes"),
        ({"y": (1, 4, 8, 8)}, "map"),
        ({"y": (2, 10)}, None),
        ({"a": (1, 10), "b": (1, 10)}, None),
    ],
)
def test_shapes_tell_what_outputs_are(outputs: dict, gives: str | None) -> None:
    assert gives_of(outputs) == gives


@pytest.mark.parametrize(
    ("gives", "outputs", "words"),
    [
        ("boxes", {**BOXES, "size": (1, 3, 8, 8)}, "size and offset of 2 channels"),
        ("classes", {"y": (2, 10)}, r"one output of \(1, classes\)"),
        ("map", {"y": (1, 10)}, r"\(1, channels, h, w\)"),
        ("picture", {"y": (1, 4, 8, 8)}, r"\(1, 1 or 3, h, w\)"),
        ("picture", {"a": (1, 3, 8, 8), "b": (1, 3, 8, 8)}, "one output"),
    ],
)
def test_outputs_of_another_kind_are_told(gives: str, outputs: dict, words: str) -> None:
    assert re.search(words, str(gives_problem(gives, outputs)))


def test_outputs_that_fit_have_no_problem() -> None:
    assert gives_problem("boxes", BOXES) is None
    assert gives_problem("picture", {"y": (1, 1, 8, 8)}) is None


def test_boxes_of_all_pictures_are_counted_by_their_names() -> None:
    form = Pictures(0, 1, gives="boxes", labels=("cat", "dog"))
    boxes = Boxes(np.zeros((3, 4), np.float32), np.array([1, 0, 1]), np.ones(3, np.float32))
    none = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert summary([Found(boxes), Found(none)], form) == "2 pictures: 1 cat, 2 dog"
    assert summary([Found(none)], form) == "1 picture: no box"


def test_areas_are_told_by_their_share_where_the_network_looked() -> None:
    form = Pictures(0, 1, gives="map", labels=("sky",))
    areas = np.array([[0, 0, 1, -1]])
    rows = Found(areas=areas).facts(form)["areas"]
    assert rows == [{"label": "sky", "share": 0.6667}, {"label": "class 1", "share": 0.3333}]
    classes = Pictures(0, 1, gives="classes")
    assert summary([Found(classes=((3, 0.5),))], classes) == "class 3 0.50"
