"""Which nodes at the end of a network its reader can compute."""

from pass_networks import parse

from edgekit.fpga.plan import final_functions


def test_functions_are_final_where_only_outputs_and_final_functions_read_them() -> None:
    model = parse(
        """(float[1,4,2,2] x) => (float[1,4,2,2] y, float[1,4,2,2] z, float[1,1,4,4] p) {
          a = Sigmoid (x)
          b = Tanh (a)
          y = Softmax <axis = 1> (b)
          c = Sigmoid (x)
          d = Neg (c)
          z = Conv (d, x)
          p = DepthToSpace <blocksize = 2> (x)
        }"""
    )
    assert {node.outputs[0].name for node in final_functions(model.graph)} == {"a", "b", "y", "p"}
