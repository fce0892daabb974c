"""What a float layer does with its sums: arguments act, a, b and add of its kernel."""

import re

import numpy as np
import pytest
from one_node import hop, network

W = np.ones((6, 4), np.float32)


@pytest.mark.parametrize(
    ("nodes", "arguments"),
    [
        ("y = MatMul (x, w)", r"EK_NO_ACT, 0\.0e\+00f, 0\.0e\+00f, NULL"),
        ("m = MatMul (x, w)\ny = LeakyRelu <alpha = 0.25> (m)", r"EK_\w+, 2\.5e-01f, [^,]+, NULL"),
        ("m = MatMul (x, w)\ny = Add (m, z)", r"EK_NO_ACT, 0\.0e\+00f, 0\.0e\+00f, v_z"),
    ],
)
def test_a_layer_takes_the_function_and_the_tensor_that_follow(nodes: str, arguments: str) -> None:
    model = network("float[2,6] x, float[2,4] z", "float[2,4] y", nodes, w=W)
    (call,) = re.findall(r"ek_fc_f32\((.*)\);", hop(model))
    assert re.search(rf", {arguments}, v_y, 2, 6, 4$", call), call
