"""What would crash a library is found before one sees the network."""

import onnx
import pytest
from onnx_texts import network

from edgekit.export.onnx_file.limits import (
    MAX_LIST,
    MAX_NODES,
    attribute_problems,
    drop_absent,
    node_problems,
    operand_problems,
)

FUNCTIONS = """<ir_version: 10, opset_import: ["": 21, "m": 1]>
net (float[2] x) => (float[2] y) { y = m.F0 (x) }
"""


def doubling(depth: int) -> onnx.ModelProto:
    """Functions that call the next one twice each."""
    header = '<domain: "m", opset_import: ["": 21, "m": 1]>'
    bodies = [
        f"{header} F{i} (a) => (c) {{ b = m.F{i + 1} (a) c = m.F{i + 1} (b) }}"
        for i in range(depth)
    ]
    last = f"{header} F{depth} (a) => (b) {{ b = Relu (a) }}"
    return onnx.parser.parse_model("\n".join([FUNCTIONS, *bodies, last]))


def test_nodes_count_with_all_functions_expanded() -> None:
    assert node_problems(doubling(5)) == []
    (problem,) = node_problems(doubling(16))
    assert problem.found == f"{3 * 2**16 - 1} nodes with all functions expanded"
    assert str(MAX_NODES) in problem.allowed


def test_a_function_that_calls_itself_is_named() -> None:
    proto = doubling(2)
    proto.functions[2].node[0].op_type, proto.functions[2].node[0].domain = "F0", "m"
    (problem,) = node_problems(proto)
    assert (problem.where, problem.found) == ("function 'F0' of domain 'm'", "it calls itself")


@pytest.mark.parametrize(
    ("node", "attribute", "found"),
    [
        (
            "y, z = Split <num_outputs = 2> (x)",
            ("num_outputs", 3),
            "num_outputs for 3 outputs, 2 outputs",
        ),
        ("y = Softmax (x)", ("axis", 2**31), f"axis {2**31}"),
        ("y = GatherND (x, i)", ("batch_dims", -1), "batch_dims -1"),
        ("y = Neg (x)", ("long", [0] * (MAX_LIST + 1)), f"{MAX_LIST + 1} numbers in 'long'"),
    ],
)
def test_attributes_that_end_the_process_are_told(node: str, attribute, found: str) -> None:
    proto = network(f"(float[2] x, int64[1] i) => (float[2] y) {{ {node} }}")
    assert attribute_problems(proto) == []
    (target,) = proto.graph.node
    del target.attribute[:]
    target.attribute.append(onnx.helper.make_attribute(*attribute))
    assert [problem.found for problem in attribute_problems(proto)] == [found]


def test_only_optional_operands_may_be_left_out() -> None:
    proto = network("(float[2] x) => (float[2] y) { y = Clip (x, , x) }")
    assert operand_problems(proto, 21) == []
    proto.graph.node[0].input[0] = ""
    (problem,) = operand_problems(proto, 21)
    assert problem.found == "input 0 is left out"


def test_empty_names_at_the_end_are_dropped() -> None:
    proto = network("(float[2] x) => (float[2] y) { y = Clip (x, , ) }")
    proto.graph.node[0].input.extend(["", ""])
    drop_absent(proto)
    assert [*proto.graph.node[0].input] == ["x"]
