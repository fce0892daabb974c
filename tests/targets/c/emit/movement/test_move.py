"""`MOVE`: movement that follows movement is one copy, and nothing where storage is shared."""

import numpy as np
import onnx_ir as ir
from one_node import hop, network

from edgekit.targets.c.emit.movement.move import traits_move
from edgekit.targets.c.rewrite.moves import MOVE, MOVE_DOMAIN, NUMBERS

SHAPE = np.array([3, 4], np.int64)


def moved(numbers: list[int], *sizes: int) -> ir.Node:
    inputs = [
        ir.Value(name=f"x{i}", shape=ir.Shape([n]), type=ir.TensorType(ir.DataType.FLOAT))
        for i, n in enumerate(sizes)
    ]
    attribute = ir.AttrTensor(NUMBERS, ir.tensor(np.array(numbers, np.int32)))
    return ir.node(MOVE, inputs, {NUMBERS: attribute}, domain=MOVE_DOMAIN)


def test_a_row_of_movements_is_one_copy() -> None:
    nodes = "a = Transpose (x)\nb = Reshape (a, s)\ny = Transpose (b)"
    body = hop(network("float[2,6] x", "float[4,3] y", nodes, s=SHAPE))
    assert body.count("/* ") - body.count("; /* [") == 1  # one node
    assert "v_y[" in body and "v_a" not in body and "v_b" not in body


def test_elements_that_stay_together_share_their_storage() -> None:
    assert traits_move(moved([2, 3], 4)).view == (0, 1)
    assert traits_move(moved([4, 1, 2, 3], 3, 1)).parts == ((0, 1), (1, 0))
    assert traits_move(moved([2, 3, 4, 5], 4, 1)).updates == ((0, 0),)
