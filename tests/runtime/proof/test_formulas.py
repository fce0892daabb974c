"""Loops compute the graph's function of the elements at their place."""

import pytest
from proof_programs import problems_of

from edgekit.runtime.proof.formulas import elements_by_place, formula_tree, taken_operands


def test_operands_stand_where_the_formula_has_them() -> None:
    formula = formula_tree("x0 < x1 ? x0 : -x1")
    taken = taken_operands(formula_tree("a[i] < b[0] ? a[i] : -b[0]"), formula)
    assert taken == {0: [formula_tree("a[i]")] * 2, 1: [formula_tree("b[0]")] * 2}
    assert taken_operands(formula_tree("a[i] > b[0] ? a[i] : -b[0]"), formula) is None
    assert taken_operands(formula_tree("a[i]"), formula) is None


def test_elements_of_a_broadcast_operand() -> None:
    assert elements_by_place((2, 3), (3,)).tolist() == [0, 1, 2, 0, 1, 2]
    assert elements_by_place((2, 3), (2, 1)).tolist() == [0, 0, 0, 1, 1, 1]
    assert elements_by_place((), (1,)).tolist() == [0]
    assert elements_by_place((2,), (1, 1)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "spectral-w8a8",
            "v_frontend_spectrum[i0] * v",
            "v_frontend_spectrum[i0] + v",
            "another expression than x0 * x1",
        ),
        ("spectral-w8a8", "_gain_dq[i0];", "_gain_dq[16 - i0];", "the graph has others of"),
        ("session-w8a8", "ek_minf1(v_end", "ek_maxf1(v_end", "a call of ek_maxf1"),
        ("session-w8a8", "< session_conv10_limit", "<= session_conv10_limit", "another expression"),
        ("session-w8a8", "v_conv10_within_out[i1] ?", "v_conv10_within_out[i0] ?", "has others of"),
    ],
)
def test_another_function_of_elements_is_found(
    name: str, old: str, new: str, expected: str
) -> None:
    assert expected in problems_of(name, (old, new))


def test_a_copy_is_no_function() -> None:
    call = "ek_sqrt_f32(v_frontend_power, v_frontend_magnitude, 17);"
    copy = "memcpy(v_frontend_magnitude, v_frontend_power, 17 * sizeof *v_frontend_power);"
    found = problems_of("spectral-w8a8", (call, copy))
    assert "a call of memcpy" in found and "no call of ek_sqrt_f32" in found
