"""What emitters of LiteRT share: ranks that meet, and the operand whose order the others take."""

import numpy as np
import pytest
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_an_operand_of_fewer_axes_gets_those_that_it_lacks() -> None:
    model = network("float[2,3,4] x, float[3,1] z", "float[2,3,4] y", "y = Add (x, z)")
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    z = np.array([[10], [20], [30]], np.float32)
    assert builtins(model)[-1] == "ADD"
    np.testing.assert_array_equal(run(model, {"x": x, "z": z})["y"], x + z)


def test_a_product_takes_the_order_of_its_larger_operand() -> None:
    node = "a = MaxPool <kernel_shape = [1, 1]> (x)\ny = Mul (a, z)"
    model = network("float[1,2,3,4] x, float[2,1,1] z", "float[1,2,3,4] y", node)
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    z = np.array([2, 3], np.float32).reshape(2, 1, 1)
    np.testing.assert_array_equal(run(model, {"x": x, "z": z})["y"], x * z)
