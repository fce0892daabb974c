"""Grids of quantizers: values, signed integers, and what is refused."""

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_texts import network
from pass_networks import parse

from edgekit.export.passes.foreign_integers.grids import Grid, grid_of, grid_problem, is_kept_weight

SCALES = np.array([0.1, 0.25, 2], np.float32)


def node_of(kind: str, **weights):
    """The DequantizeLinear of a constant `w`, or the QuantizeLinear of x."""
    call = "DequantizeLinear <axis = 1> (w, s, z)" if kind == "d" else "QuantizeLinear (x, s, z)"
    result = "float[2,3] y" if kind == "d" else "uint8[2,3] y"
    text = f"(float[2,3] x) => ({result}) {{ y = {call} }}"
    return next(iter(parse(text, **weights).graph))


def test_values_and_integers_are_those_of_onnx() -> None:
    zero, x = (
        np.array([3, 128, 250], np.uint8),
        np.random.default_rng(0).normal(0, 40, (2, 3)).astype(np.float32),
    )
    grid = grid_of(node_of("q", s=SCALES, z=zero))
    proto = network(
        """(float[2,3] x) => (uint8[2,3] q, float[2,3] y) {
          q = QuantizeLinear (x, s, z) y = DequantizeLinear (q, s, z) }""",
        s=SCALES,
        z=zero,
    )
    q, y = ReferenceEvaluator(proto).run(None, {"x": x})
    np.testing.assert_array_equal(grid.quantized(x), q)
    np.testing.assert_allclose(grid.real(q), y, rtol=1e-6)
    signed = grid.shifted
    assert (signed.dtype, grid.shift, signed.limits) == (ir.DataType.INT8, 128, (-128, 127))
    np.testing.assert_allclose(signed.real(q.astype(np.int16) - 128), y, rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero", "stored"),
    [
        (ir.DataType.UINT8, 0.1, 7, True),
        (ir.DataType.INT16, 0.1, 0, True),
        (ir.DataType.INT16, 0.1, 5, False),
        (ir.DataType.UINT16, 0.1, 32768, True),
        (ir.DataType.INT32, 0.1, 0, False),
        (ir.DataType.INT8, [0.1, 0.2], [0, 0], False),
    ],
)
def test_activations_are_int8_or_int16_around_zero(dtype, scale, zero, stored: bool) -> None:
    grid = Grid(dtype, np.asarray(scale, np.float32), np.asarray(zero, np.int64), 1)
    assert grid.is_stored == stored
    assert grid.equals(Grid(dtype, grid.scale.copy(), grid.zero.copy(), 0))
    assert not grid.equals(Grid(dtype, grid.scale * 2, grid.zero, 1))


def test_types_without_arithmetic_have_a_problem() -> None:
    fine = node_of("d", w=np.ones((2, 3), np.int8), s=SCALES, z=np.zeros(3, np.int8))
    assert grid_problem(fine) is None and not is_kept_weight(fine)
    fine.attributes["block_size"] = ir.AttrInt64("block_size", 2)
    assert grid_problem(fine) is None and is_kept_weight(fine)
    shifted = node_of("d", w=np.ones((2, 3), np.int8), s=SCALES, z=np.ones(3, np.int8))
    shifted.attributes["block_size"] = ir.AttrInt64("block_size", 2)
    assert grid_problem(shifted).found == "blocked quantization"
