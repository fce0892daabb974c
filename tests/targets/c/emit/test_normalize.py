"""Normalizations are calls of their kernels, with the sizes that these want."""

import re

import numpy as np
from one_node import hop, network

ONES = np.ones(6, np.float32)


def test_a_layer_normalization_says_its_rows_and_their_length() -> None:
    node = "y = LayerNormalization <axis = -1, epsilon = 0.5> (x, s)"
    body = hop(network("float[2,6] x", "float[2,6] y", node, s=ONES))
    (call,) = re.findall(r"ek_layernorm_f32\((.*)\);", body)
    assert call.startswith("v_x, ") and ", 2, 6" in call and "5.0e-01f" in call
