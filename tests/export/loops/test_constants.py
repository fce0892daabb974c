"""Constants of equal content are one initializer."""

import numpy as np
import onnx_ir as ir

from edgekit.export.loops.constants import constant


def test_equal_content_is_shared_and_other_content_is_not() -> None:
    graph = ir.Graph([], [], nodes=[], opset_imports={"": 21}, name="net")
    first, again = (constant(graph, np.array([1, 2], np.int64), "n") for _ in range(2))
    longer = constant(graph, np.array([1, 2, 3, 4, 5], np.int64), "n")
    other = constant(graph, np.array([1, 2, 3, 4, 6], np.int64), "n")
    scalar = constant(graph, np.array(1, np.int64), "n")
    assert first is again
    assert len({id(one) for one in (first, longer, other, scalar)}) == len(graph.initializers) == 4
