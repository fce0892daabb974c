"""A row of nodes takes the place of one, with its names and its readers."""

import numpy as np
from pass_networks import parse, run

from edgekit.export.passes.chain import Chain


def test_the_last_node_takes_over_the_output() -> None:
    model = parse("(float[2,3] x) => (float[3,2] y) { y = Transpose (x) }")
    names, before = run(model)
    (node,) = model.graph
    node.name = "turn"
    chain = Chain(model.graph, node)
    assert chain.transpose(node.inputs[0], [0, 1]) is node.inputs[0]
    doubled = chain.add("Mul", node.inputs[0], chain.constant(2))
    halved = chain.add("Div", doubled, chain.constant(2))
    chain.transpose(halved, [1, 0])
    assert chain.finish()
    assert [n.name for n in model.graph] == ["turn_mul0", "turn_div1", "turn_transpose2"]
    assert [*model.graph.initializers] == ["turn_constant", "turn_constant_1"]
    after_names, after = run(model)
    assert after_names == names
    np.testing.assert_array_equal(after[0], before[0])


def test_results_take_over_several_outputs() -> None:
    model = parse(
        "(float[2,4] x) => (float[2,2] y, float[2,2] z) { y, z = Split <axis = 1, num_outputs = 2> (x) }"
    )
    _, before = run(model)
    (node,) = model.graph
    chain = Chain(model.graph, node)
    parts = chain.add_all("Split", [node.inputs[0]], {"axis": 1, "num_outputs": 2}, 2, "again")
    assert chain.finish({node.outputs[1]: parts[1], node.outputs[0]: parts[0]})
    for expected, found in zip(before, run(model)[1], strict=True):
        np.testing.assert_array_equal(found, expected)
