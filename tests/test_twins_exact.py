"""Integer arithmetic against exact rational numbers, at all corners of the ranges and in between."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from operator_cases import f, network

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.operators.border import twin as border_twin
from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.fused import twin as fused_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.oracle import Oracle
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.recurrent import twin as recurrent_twin
from edgekit.operators.scheme import QuantType, fixed_point
from edgekit.operators.to_integer import to_integer

HALF = Fraction(1, 2)
CORNERS = {"s8": (-128, -127, -1, 0, 1, 127), "s16": (-32768, -32767, -1, 0, 1, 32767)}
RANGES = {"s8": (-128, 127), "s16": (-32768, 32767)}
DTYPES = {"s8": np.int8, "s16": np.int16}
WIDTHS = (("s8", "s8"), ("s16", "s16"), ("s16", "s8"))
WORD = st.integers(-32768, 32767)
ZEROS = {"s8": (-128, 0, 127), "s16": (0,)}


def rounded(value: Fraction, zero: int, limits: tuple[int, int]) -> int:
    """Half up, plus the zero point, saturating."""
    return min(max(floor(value + HALF) + zero, limits[0]), limits[1])


def corners(x: str, y: str, count: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Every combination of `count` corner values of x with its zero points and those of y."""
    for values in product(CORNERS[x], repeat=count):
        for x_zero, y_zero in product(ZEROS[x], ZEROS[y]):
            yield values, x_zero, y_zero


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(st.floats(2.0**-30, 2.0**10), st.integers(-128, 127))
@settings(max_examples=30, deadline=None)
def test_every_integer_survives_dequantizing_and_quantizing(
    dtype: str, scale: float, zero: int
) -> None:
    kind = QuantType(dtype, float(np.float32(scale)), zero if dtype == "int8" else 0)
    low, high = kind.limits
    every = np.arange(low, high + 1).astype(dtype)
    real = kind.dequantize(every)
    np.testing.assert_array_equal(kind.quantize(real), every)
    for q in (low, -1, 0, 1, high):
        exact = Fraction(kind.scale) * (q - kind.zero_point)
        assert abs(Fraction(float(real[q - low])) - exact) <= abs(exact) * Fraction(1, 2**24)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.floats(2.0**-20, 2.0**4))
@settings(max_examples=200, deadline=None)
def test_quantize_rounds_the_quotient_half_to_even(dtype: str, x: float, scale: float) -> None:
    kind = QuantType(dtype, float(np.float32(scale)), 9 if dtype == "int8" else 0)
    with np.errstate(over="ignore"):
        quotient = float(np.float32(x) / np.float32(kind.scale))
    low, high = kind.limits
    whole = round(Fraction(quotient)) if abs(quotient) < 1e9 else int(np.sign(quotient)) * 10**9
    assert int(kind.quantize(np.array([x], np.float32))[0]) == min(
        max(whole + kind.zero_point, low), high
    )


@given(st.floats(2.0**-40, 2.0**14), st.sampled_from([15, 31]))
def test_a_multiplier_is_off_by_half_a_unit_of_its_mantissa(real: float, bits: int) -> None:
    m, s = (int(a[0]) for a in fixed_point(real, bits))
    assert 1 <= s <= 62 and 0 < m < 2**bits
    unit = Fraction(1, 2**s)
    assert abs(Fraction(real) - m * unit) <= HALF * unit or m == 2**bits - 1


@pytest.mark.parametrize(("x", "y"), [*WIDTHS, ("s8", "s16")])
def test_requantize_at_corners(x: str, y: str) -> None:
    for (q,), x_zero, y_zero in corners(x, y, 1):
        for mult, shift in product((-(2**31) + 1, -1, 1, 2**30, 2**31 - 1), (1, 31, 40, 62)):
            exact = Fraction((q - x_zero) * mult, 2**shift)
            tail = mult, shift, y_zero, *RANGES[y]
            found = border_twin.ek_requantize(np.array([q], DTYPES[x]), x_zero, *tail, to=DTYPES[y])
            assert int(found[0]) == rounded(exact, y_zero, RANGES[y])


@pytest.mark.parametrize(("x", "y"), WIDTHS)
@pytest.mark.parametrize("factors", [(1, -1), (2**14, 2**15 - 1), (-(2**15) + 1, 7)])
@pytest.mark.parametrize("shift", [1, 15, 30])
def test_add_and_mul_at_corners(x: str, y: str, factors: tuple[int, int], shift: int) -> None:
    m1, m2 = factors
    for (p, q), x_zero, y_zero in corners(x, y, 2):
        a, b = np.array([p], DTYPES[x]), np.array([q], DTYPES[x])
        limits = y_zero, *RANGES[y]
        exact = Fraction((p - x_zero) * m1 + q * m2, 2**shift)
        found = elementwise_twin.ek_add(a, x_zero, m1, b, 0, m2, shift, *limits, to=DTYPES[y])
        assert found[0] == rounded(exact, y_zero, RANGES[y])
        exact = Fraction((p - x_zero) * q * m1, 2**shift)
        found = elementwise_twin.ek_mul(a, x_zero, b, 0, m1, shift, *limits, to=DTYPES[y])
        assert found[0] == rounded(exact, y_zero, RANGES[y])


@pytest.mark.parametrize(("x", "y"), WIDTHS)
def test_prelu_at_corners(x: str, y: str) -> None:
    for (q,), x_zero, y_zero in corners(x, y, 1):
        for above, below, shift in product((2**14, 2**15 - 1), (-(2**15) + 1, 0, 99), (1, 15, 20)):
            d = q - x_zero
            exact = Fraction(d * (above if d >= 0 else below), 2**shift)
            slopes = np.array([below], np.int32)
            image, numbers = np.array([[q]], DTYPES[x]), (above, slopes, shift, y_zero)
            found = elementwise_twin.ek_prelu(image, x_zero, *numbers, to=DTYPES[y])
            assert int(found[0, 0]) == rounded(exact, y_zero, RANGES[y])


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
    found = conv_twin.ek_conv(image, 0, kernel, *tail, shape, to=DTYPES[y])
    assert int(found[0, 0, 0]) == expected


FACTORS = (0, 1, 2**29, 2**30)


@pytest.mark.parametrize("y", ["s16", "s8"])
@pytest.mark.parametrize("shift", [2, 30, 62])
def test_magnitude_is_the_root_rounded_half_up(y: str, shift: int) -> None:
    low, high = RANGES[y]
    pairs = np.array(list(product(CORNERS["s16"], repeat=2)), np.int16)
    for m1, m2, add in product(FACTORS, FACTORS, (0, 1, 2**61)):
        tail = add, shift, -7, low, high
        found = fused_twin.ek_magnitude(pairs[:, 0], m1, pairs[:, 1], m2, *tail, to=DTYPES[y])
        for (p, q), result in zip(pairs.tolist(), found.tolist(), strict=True):
            square = Fraction(p * p * m1 + q * q * m2 + add, 2**shift)
            root = result + 7
            assert (root - HALF) ** 2 <= square or root <= 0 or result == low
            assert square < (root + HALF) ** 2 or result == high


@given(st.integers(0, 2**64 - 1))
def test_the_integer_root_is_exact(v: int) -> None:
    for value in (v, (v >> 32) ** 2, max((v >> 32) ** 2 - 1, 0)):
        root = int(fused_twin.isqrt64(np.array([value], np.uint64))[0])
        assert root**2 <= value < (root + 1) ** 2


@pytest.mark.parametrize("y", ["s16", "s8"])
@pytest.mark.parametrize("shift", [1, 30, 62])
def test_sum_of_products_has_one_rounding(y: str, shift: int) -> None:
    quads = np.array(list(product(CORNERS["s16"][::2], repeat=4)), np.int16)
    for m1, m2 in product((-(2**30), 3, 2**30), repeat=2):
        tail = m2, shift, 5, *RANGES[y]
        found = fused_twin.ek_product_sum(*quads.T[:2], m1, *quads.T[2:], *tail, to=DTYPES[y])
        for (a, b, c, d), result in zip(quads.tolist(), found.tolist(), strict=True):
            assert result == rounded(Fraction(a * b * m1 + c * d * m2, 2**shift), 5, RANGES[y])


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=30), st.integers(16, 46)
)
def test_mean_of_squares_has_one_rounding(y: str, values: list[int], shift: int) -> None:
    x = np.array(values, np.int16).reshape(1, -1, 1)
    exact = Fraction(sum(v * v for v in values) * 32767, 2**shift)
    found = fused_twin.ek_mean_square(x, 32767, shift, -3, *RANGES[y], to=DTYPES[y])
    assert int(found[0, 0]) == rounded(exact, -3, RANGES[y])


def near(found: int, exact: Decimal, error: Decimal, limits: tuple[int, int]) -> bool:
    """Whether a result is the exact one but for this error, or saturated."""
    low, high = limits
    return abs(Decimal(found) - min(max(exact, Decimal(low)), Decimal(high))) <= error


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=24),
    st.sampled_from([0, 1, 2**50]),
    st.sampled_from([2**8, 2**24]),
)
@settings(max_examples=150, deadline=None)
def test_normalization_keeps_its_stated_error(
    y: str, values: list[int], epsilon: int, gain: int
) -> None:
    n, shift, bias = len(values), 30, 12345
    arrays = np.full(n, gain, np.int32), np.full(n, bias, np.int32)
    tail = 4, epsilon, shift, 1, *RANGES[y]
    found = fused_twin.ek_layernorm(np.array([values], np.int16), *arrays, *tail, to=DTYPES[y])[0]
    total, squares = sum(values), sum(v * v for v in values)
    with localcontext() as context:
        context.prec = 60
        root = Decimal(n * squares - total * total + epsilon).sqrt()
        for v, result in zip(values, found.tolist(), strict=True):
            z = Decimal(n * v - total) / root * 2**20 if root else Decimal(0)
            exact = (z * gain + bias * 16) / 2**shift + 1
            error = HALF_DECIMAL + gain * (HALF_DECIMAL + abs(z) / 2**28) / 2**shift
            assert near(result, exact, error, RANGES[y])


HALF_DECIMAL = Decimal("0.5")


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=24),
    st.sampled_from([2.0**-15, 2.0**-11, 0.01, 3.0]),
)
@settings(max_examples=150, deadline=None)
def test_softmax_keeps_its_stated_error(y: str, values: list[int], scale: float) -> None:
    m, s = (int(a[0]) for a in fixed_point(scale * np.log2(np.e) * 2.0**20, 31))
    scaling = m, s, fused_twin.exp2_table(), 2**29 - 1, 45
    row = np.array([values], np.int16)
    found = fused_twin.ek_softmax(row, *scaling, 0, *RANGES[y], to=DTYPES[y])[0]
    with localcontext() as context:
        context.prec = 40
        parts = [(Decimal(scale) * (v - max(values))).exp() for v in values]
        for part, result in zip(parts, found.tolist(), strict=True):
            p, unit = part / sum(parts), Decimal(2**31 * (2**29 - 1)) / 2**45
            error = HALF_DECIMAL + unit * (p / 2**17 + len(values) / Decimal(2**30))
            assert near(result, p * unit, error, RANGES[y])


@pytest.mark.parametrize("bits", [0, 11, 15, 20, 30])
@given(st.integers(-(2**31), 2**31 - 1), st.lists(WORD, min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_the_memory_of_an_lstm_has_one_rounding(bits: int, c: int, gates: Sequence[int]) -> None:
    sigmoid, tanh = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    zero, one, shift = np.zeros((4, 1), np.int8), np.full(4, 2**14, np.int32), np.full(4, 14)
    h, bias = np.zeros(1, np.int16), np.array(gates, np.int64)
    given = (zero, zero, bias, np.zeros(4, np.int64), one, shift, one, shift, sigmoid, tanh, bits)
    x, memory = np.zeros(1, np.int16), np.array([c], np.int32)
    _, found = recurrent_twin.ek_lstm(x, h, memory, *given, operand=np.int16)

    def table(value: int, entries: NDArray[np.int16]) -> int:
        return int(lookup_tables.ek_lut_s16(np.array([value], np.int16), entries)[0])

    enter, keep = table(gates[0], sigmoid), 32768 - table(min(-gates[2], 32767), sigmoid)
    exact = Fraction(keep * c, 2**15)
    exact += Fraction(enter * table(gates[3], tanh) * 2**bits, 2**30)
    assert int(found[0]) == rounded(exact, 0, (-(2**31), 2**31 - 1))


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


def layer_of(weights: NDArray[np.int8], dtype: type[np.signedinteger]) -> Model:
    """A quantized Gemm of one output, its input as `dtype`, its result as int16."""
    grids = {"x": (0.01, dtype), "w": (0.01, np.int8), "y": (100.0, np.int16)}
    arrays = {f"{n}_scale": np.float32(scale) for n, (scale, _) in grids.items()}
    arrays |= {f"{n}_zero": kind(0) for n, (_, kind) in grids.items()}
    nodes = [helper.make_node("DequantizeLinear", ["w_q", "w_scale", "w_zero"], ["w"])]
    for source, name in (("x", "x"), ("y_real", "y")):
        grid = [f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("QuantizeLinear", [source, *grid], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *grid], [f"{name}_dq"]))
        if name == "x":
            nodes.append(helper.make_node("Gemm", ["x_dq", "w"], ["y_real"]))
    operands = {"x": f(1, len(weights)), "w_q": weights[:, None], **arrays}
    return from_onnx(network("layer", nodes, operands, ["y_dq"]).onnx, name="layer")


@pytest.mark.parametrize(("dtype", "worst"), [(np.int8, -128), (np.int16, -32768)])
def test_the_largest_sum_that_is_proved_is_exact(dtype: type[np.signedinteger], worst: int) -> None:
    model = layer_of(np.full(60_000, -127, np.int8), dtype)
    x = np.full((1, 1, 60_000), worst * 0.01, np.float32)
    oracle = Oracle(model)
    (gemm,) = (node for node in oracle.graph if node.op_type == "Gemm")
    mult, shift = (int(gemm.attributes[n].as_tensor().numpy()[0]) for n in ("mult", "shift"))
    found = oracle.run_hops({"x": x})["y_dq"].item()
    exact = rounded(Fraction(worst * -127 * 60_000 * mult, 2**shift), 0, RANGES["s16"])
    assert found == pytest.approx(exact * 100)
    assert exact > 0


def test_a_sum_that_could_overflow_is_refused() -> None:
    model = layer_of(np.full(70_000, 127, np.int8), np.int8)
    with pytest.raises(ModelError, match="integer sums reach 2266950000"):
        to_integer(model)
    Oracle(layer_of(np.full(70_000, 127, np.int8), np.int16))
