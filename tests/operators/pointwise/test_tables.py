"""Lookup tables against the functions that they hold."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.operators.pointwise import tables as lookup_tables


def test_lut_s8_is_the_rounded_function() -> None:
    table = lookup_tables.lut_s8(np.tanh, 0.03, -5, 1 / 128, 2)
    x = np.arange(-128, 128).astype(np.int8)
    real = np.clip(np.tanh((x + 5.0) * 0.03) * 128 + 2, -128, 127)
    assert np.abs(lookup_tables.ek_lut_s8(x, table) - real).max() <= 0.5
    assert set(lookup_tables.lut_s8(np.log, 0.1, 0, 0.1, 7)[:128].tolist()) == {7}


def test_gate_tables_are_within_four_steps() -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    for gate, exact in (
        (lookup_tables.sigmoid_gate, lambda x: 1 / (1 + np.exp(-x))),
        (lookup_tables.tanh_gate, np.tanh),
    ):
        table, error = gate()
        found = lookup_tables.ek_lut_s16(every, table) * 2.0**-15
        assert error == np.abs(found - exact(every * 2.0**-11)).max()
        assert error < 2.0**-15 * 4
        assert np.all(np.diff(found) >= 0)


POINTWISE: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], float]] = {
    "tanh": (np.tanh, 4.0),
    "exponential unit": (lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x), 8.0),
}


@pytest.mark.parametrize("name", POINTWISE)
def test_a_table_of_16_bits_is_within_the_error_that_it_states(name: str) -> None:
    function, peak = POINTWISE[name]
    scale = peak / 32768
    table, stated = lookup_tables.lut_s16(function, scale, scale)
    every = np.arange(-32768, 32768).astype(np.int16)
    found = lookup_tables.ek_lut_s16(every, table) * scale
    error = np.abs(found - function(every * scale)).max()
    assert error <= stated * (1 + 1e-12)
    assert (
        stated <= 64**2 / 8 * scale**2 + 2 * scale
    )  # bound of linear interpolation, and two roundings
