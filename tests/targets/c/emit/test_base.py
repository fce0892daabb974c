"""What emitters share: literals that are read back as they were, and names that do not meet."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.c.emit.base import c_identifier, float_literal, free_name


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_literal_is_read_back_as_the_same_float(value: float) -> None:
    assert np.float32(float_literal(value).rstrip("f").strip("()")) == np.float32(value)


def test_numbers_that_c_cannot_write_have_names() -> None:
    found = [float_literal(value) for value in (float("inf"), float("-inf"), float("nan"))]
    assert found == ["EK_INF", "-EK_INF", "EK_NAN"]


@given(st.text(max_size=9))
def test_every_name_becomes_an_identifier(name: str) -> None:
    assert re.fullmatch(r"\w+", "x" + c_identifier(name), re.ASCII)


def test_a_name_that_is_taken_gets_another_one() -> None:
    name = free_name("v_x", {"v_x", "v_y"})
    assert name not in {"v_x", "v_y"} and name.startswith("v_x")
