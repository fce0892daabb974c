"""Functions of one element are calls or loops; operands that are repeated are read where they are."""

from one_node import build, hop, network


def test_a_function_is_one_call_over_all_elements() -> None:
    model = network("float[2,6] x", "float[2,6] y", "y = Tanh (x)")
    assert "ek_tanh_f32(v_x, v_y, 12);" in hop(model)
    assert "ek_tanh_f32.c" in build(model).files


def test_operands_of_one_shape_are_one_loop() -> None:
    body = hop(network("float[2,6] x, float[2,6] z", "float[2,6] y", "y = Add (x, z)"))
    assert "i0 < 12" in body and "v_y[i0] = v_x[i0] + v_z[i0];" in body


def test_an_operand_that_is_repeated_is_read_again() -> None:
    body = hop(network("float[2,6] x, float[6] z", "float[2,6] y", "y = Sub (x, z)"))
    assert "v_y[i0 * 6 + i1] = v_x[i0 * 6 + i1] - v_z[i1];" in body
