"""Arrays as C initializers: every element as it was, several to a line."""

import ast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.c.program.literals import COLUMNS, STRING_BYTES, array_text, string_lines


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=60))
def test_integers_are_read_back(values: list[int]) -> None:
    text = array_text(np.array(values, np.int32))
    words = [word.strip() for word in text.rstrip(",").split(",")]
    assert [-(2**31) if word == "INT32_MIN" else int(word) for word in words] == values
    assert all(len(line) <= COLUMNS + 2 for line in text.splitlines())


def test_the_least_integers_and_infinity_have_names_of_c() -> None:
    assert array_text(np.array([-(2**63), 5])) == "    INT64_MIN, INT64_C(5),"
    assert array_text(np.array([np.inf, -np.inf], np.float32)) == "    1.0f / 0.0f, -1.0f / 0.0f,"


@given(st.binary(min_size=1, max_size=200))
def test_bytes_are_read_back_from_strings(data: bytes) -> None:
    (line,) = string_lines(np.frombuffer(data, np.uint8))
    assert ast.literal_eval(f"b{line.decode()}") == data and b"??" not in line


def test_long_arrays_are_several_strings() -> None:
    assert len([*string_lines(np.zeros(STRING_BYTES + 1, np.uint8))]) == 2
