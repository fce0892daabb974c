"""Matrix products in NumPy against Python integers."""

from fractions import Fraction

import numpy as np
import pytest
from exact_integers import CORNERS, DTYPES, RANGES, ZEROS, rounded
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear import twin as linear_twin


@pytest.mark.parametrize("x_type", [np.int8, np.int16])
@pytest.mark.parametrize("y_type", [np.int8, np.int16])
def test_fc_in_python_integers(x_type: type, y_type: type) -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(np.iinfo(x_type).min, np.iinfo(x_type).max, (2, 50)).astype(x_type)
    w = rng.integers(-127, 128, (3, 50)).astype(np.int8)
    bias, mult, shift = (
        rng.integers(-999, 999, 3),
        rng.integers(1 << 14, 1 << 15, 3),
        np.array([22, 24, 27]),
    )
    y = linear_twin.ek_fc(x, w, bias, mult, shift, 4, -100, 90, to=y_type)
    for row in range(2):
        for o in range(3):
            acc = sum(int(a) * int(b) for a, b in zip(x[row], w[o], strict=True)) + int(bias[o])
            rounded = (acc * int(mult[o]) + (1 << (int(shift[o]) - 1))) >> int(shift[o])
            assert y[row, o] == min(max(rounded + 4, -100), 90)
    assert y.dtype == y_type


@pytest.mark.parametrize("x", ["s8", "s16"])
@pytest.mark.parametrize("y", ["s8", "s16"])
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_layers_at_corners(x: str, y: str, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, 40))
    values = data.draw(st.lists(st.sampled_from(CORNERS[x]), min_size=k, max_size=k))
    weights = data.draw(st.lists(st.sampled_from((-127, -1, 0, 1, 127)), min_size=k, max_size=k))
    bits, bound = (31, 2**29) if x == "s8" else (15, 2**45)
    bias = data.draw(st.sampled_from((-bound, -1, 0, bound)))
    mult = data.draw(st.sampled_from((2 ** (bits - 1), 2**bits - 1)))
    shift, y_zero = (
        data.draw(st.sampled_from((1, 31, 45, 62))),
        data.draw(st.sampled_from(ZEROS[y])),
    )
    total = bias + sum(v * w for v, w in zip(values, weights, strict=True))
    expected = rounded(Fraction(total * mult, 2**shift), y_zero, RANGES[y])
    kind = np.int32 if x == "s8" else np.int64
    scaling = np.array([bias], kind), np.array([mult], np.int32), np.array([shift], np.uint8)
    row, w = np.array([values], DTYPES[x]), np.array([weights], np.int8)
    tail = *scaling, y_zero, *RANGES[y]
    assert int(linear_twin.ek_fc(row, w, *tail, to=DTYPES[y])[0, 0]) == expected
    shape = ConvShape(k, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    image, kernel = row.reshape(k, 1, 1), w.reshape(1, k, 1, 1)
    found = conv_twin.ek_conv(image, 0, kernel, *tail, shape=shape, to=DTYPES[y])
    assert int(found[0, 0, 0]) == expected
