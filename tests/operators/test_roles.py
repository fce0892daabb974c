"""Which nodes only move elements, and what suffers from rounding."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.graph.model import Model
from edgekit.graph.nodes import values_by_name
from edgekit.operators import roles

MOVES = {
    "zeros": "y = Pad (x, pads)",
    "zeros that are named": "y = Pad (x, pads, zero)",
    "nearest": 'y = Resize <mode = "nearest"> (x, , twice)',
    "join": "y = Concat <axis = 1> (x, x)",
    "largest": "y = MaxPool <kernel_shape = [2]> (x)",
    "choice beside zeros": "y = Where (flag, x, zero)",
    "row by a computed index": "y = Gather <axis = 2> (x, n)",
}
OTHERS = {
    "ones": "y = Pad (x, pads, one)",
    "linear": 'y = Resize <mode = "linear"> (x, , twice)',
    "largest and where": "y, at = MaxPool <kernel_shape = [2]> (x) z = Cast <to = 1> (at)",
    "choice beside ones": "y = Where (flag, x, one)",
    "scatter that adds": 'y = ScatterElements <reduction = "add"> (x, rows, x)',
    "arithmetic": "y = Neg (x)",
    "another domain": "y = edgekit.Reshape (x, pads)",
}


def graph(body: str) -> ir.Graph:
    return ir.from_onnx_text(f"""<ir_version: 10, opset_import: ["" : 21, "edgekit" : 1]>
    g (float[1, 2, 4] x, int64[3] n) => (float[N] y)
    <int64[6] pads = {{0, 0, 1, 0, 0, 1}}, float zero = {{0.0}}, float one = {{1.0}}, bool[1] flag = {{1}},
     float[3] twice = {{1.0, 1.0, 2.0}}, int64[1, 2, 4] rows = {{0, 0, 0, 0, 0, 0, 0, 0}}> {{ {body} }}""").graph


def with_types(made: ir.Graph) -> ir.Graph:
    for node in made:
        for value in node.outputs:
            value.type = ir.TensorType(ir.DataType.FLOAT)
    return made


@pytest.mark.parametrize("name", MOVES)
def test_movements_take_elements_as_they_are(name: str) -> None:
    assert roles.is_move(graph(MOVES[name])[0])


@pytest.mark.parametrize("name", OTHERS)
def test_what_computes_or_fills_in_is_no_movement(name: str) -> None:
    assert not roles.is_move(graph(OTHERS[name])[0])


@pytest.mark.parametrize(
    ("body", "sensitive"),
    [
        ("a = Neg (x) y = Sqrt (a)", True),
        ("a = Neg (x) b = Transpose (a) y = Div (x, b)", True),
        ("a = Neg (x) y = Mul (a, a)", True),
        ("a = Neg (x) y = Div (a, one)", False),
        ("a = Neg (x) b = Tanh (a) y = Log (b)", False),
    ],
)
def test_what_a_root_a_quotient_or_a_square_reads_is_sensitive(body: str, sensitive: bool) -> None:
    assert roles.feeds_sensitive(values_by_name(graph(body))["a"]) is sensitive


@pytest.mark.parametrize(
    ("body", "fused"),
    [
        ("a = Add (x, one) y = Relu (a)", "Relu"),
        ("a = Add (x, one) y = Clip (a, zero)", "Clip"),
        ("a = Add (x, one) y = Tanh (a)", None),
        ("a = Add (x, one) b = Relu (a) y = Mul (a, b)", None),
        ("a = Neg (x) y = Relu (a)", None),
    ],
)
def test_a_clamp_alone_behind_a_sum_is_part_of_it(body: str, fused: str | None) -> None:
    node = roles.fused_activation(graph(body)[0])
    assert (node and node.op_type) == fused


@pytest.mark.parametrize(
    ("shape", "holds"),
    [((3, 1), True), ((1,), True), ((4,), False), ((1, 3, 1), True), ((2, 1, 1), False)],
)
def test_a_constant_per_channel_has_one_number_for_each(
    shape: tuple[int, ...], holds: bool
) -> None:
    assert roles.per_channel(np.zeros(shape), 3) is holds


def test_moves_between_integers_run_in_integers_and_those_at_the_edge_do_not() -> None:
    body = """a = Tanh (x) b = Transpose (a) c = Tanh (b) d = Transpose (x) e = Exp (d) f = Transpose (c)
              y = Tanh (f)"""
    made = with_types(graph(body))
    for number, node in enumerate(made):
        node.name = f"n{number}"
    model = Model(ir.Model(made, ir_version=10))
    compute: set[str | None] = {"n0", "n2"}
    assert roles.integer_moves(model, compute, frozenset()) == {"n1", "n5"}
    assert roles.integer_moves(model, compute, frozenset({"b"})) == {"n5"}
