"""Loops along one axis where no kernel is worth its name."""

import pytest
from one_node import hop, network


def test_softmax_over_a_first_axis_subtracts_the_largest_of_its_column() -> None:
    body = hop(network("float[2,6] x", "float[2,6] y", "y = Softmax <axis = 0> (x)"))
    assert "ek_softmax_f32" not in body
    assert "top = ek_maxf1(top, row[k * 6]);" in body and "- top) / sum" in body


@pytest.mark.parametrize(("last", "comparison"), [(0, ">"), (1, ">=")])
def test_of_equal_elements_the_first_or_the_last_is_taken(last: int, comparison: str) -> None:
    node = f"y = ArgMax <axis = 1, keepdims = 0, select_last_index = {last}> (x)"
    body = hop(network("float[2,6] x", "int64[2] y", node))
    assert f"best = row[k] {comparison} row[best * 1] ? k : best;" in body
