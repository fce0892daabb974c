"""What a folded constant was computed from stays known."""

import numpy as np
import onnx_ir as ir
from pass_networks import draw, parse

from edgekit.export.passes import FoldConstants
from edgekit.export.passes.origins import add_reshaped_constant, origins_of


def test_nodes_that_grow_and_what_reads_them_are_recorded() -> None:
    model = parse(
        """(float[1,4] x) => (float[1,4] y) {
          wide = Expand (one, shape)
          turned = Neg (wide)
          other = Neg (w)
          a = Add (x, turned)
          y = Mul (a, other)
        }""",
        one=np.ones((1, 1), np.float32),
        shape=np.array([1, 4]),
        w=draw(1, 4),
    )
    FoldConstants()(model)
    origins = origins_of(model.graph)
    assert {name: origin.op_type for name, origin in origins.items()} == {
        "wide": "Expand",
        "turned": "Neg",
    }
    assert [name for name, _ in origins["wide"].operands] == ["one", "shape"]
    np.testing.assert_array_equal(origins["turned"].operands[0][1], np.ones((1, 4)))


def test_a_constant_in_another_order_of_axes_tells_the_way() -> None:
    model = parse("(float[6] x) => (float[6] y) { y = Add (x, w) }", w=draw(6))
    graph, value = model.graph, model.graph.initializers["w"]
    array = value.const_value.numpy()
    made = add_reshaped_constant(graph, value, array, (2, 3), "turned", [1, 0])
    np.testing.assert_array_equal(made.const_value.numpy(), array.reshape(2, 3).T)
    turned = origins_of(graph)[made.name]
    ((between, wide),) = turned.operands
    assert turned.op_type == "Transpose" and turned.attributes == (ir.AttrInt64s("perm", [1, 0]),)
    np.testing.assert_array_equal(wide, array.reshape(2, 3))
    assert origins_of(graph)[between].operands[0][0] == "w"
