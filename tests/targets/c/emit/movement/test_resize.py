"""Resize: one pass for each axis, which take turns in scratch; what is not computed as ONNX says it is refused."""

import numpy as np
import pytest
from one_node import hop, network, refused

SCALES = np.array([1, 1, 2, 2], np.float32)


def resized(attributes: str, x: str = "float[1,1,4,4] x", scales: np.ndarray = SCALES):
    return network(x, "float[1,1,M,N] y", f'y = Resize <{attributes}> (x, "", s)', s=scales)


def test_interpolation_has_a_pass_for_each_axis() -> None:
    body = hop(resized('mode = "linear"'))
    assert body.count("ek_interpolate_f32(") == 2 and "(float *)(void *)(s + 0)" in body


def test_the_nearest_element_is_a_copy() -> None:
    assert "ek_" not in hop(resized('mode = "nearest"')).replace("EK_", "")


@pytest.mark.parametrize(
    ("attributes", "scale", "found"),
    [
        ('mode = "linear", antialias = 1', 2.0, "antialias 1"),
        (
            'mode = "linear", coordinate_transformation_mode = "align_corners"',
            1.3,
            "align_corners with a scale that gives no whole size",
        ),
    ],
)
def test_other_forms_are_refused(attributes: str, scale: float, found: str) -> None:
    scales = np.array([1, 1, scale, scale], np.float32)
    assert found in [row[0] for row in refused(resized(attributes, scales=scales))]
