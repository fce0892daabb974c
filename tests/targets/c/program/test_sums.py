"""The largest sums of integer layers bound what any input reaches, closely."""

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.base.errors import ModelError
from edgekit.targets.c.program.sums import sums_of


def layer(op_type: str, dtype: ir.DataType, **attributes: Any) -> ir.Node:
    """A node of integers with one operand."""
    x = ir.Value(name="x", type=ir.TensorType(dtype), shape=ir.Shape([1, 5]))
    made = [
        ir.AttrTensor(name, ir.tensor(value))
        if isinstance(value, np.ndarray)
        else ir.AttrInt64s(name, value)
        if isinstance(value, list)
        else ir.AttrInt64(name, value)
        for name, value in attributes.items()
    ]
    return ir.Node("edgekit", op_type, [x], made, name="layer")


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


@pytest.mark.parametrize("seed", range(20))
def test_a_gemm_reaches_its_bound_almost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, bias = drawn(rng, 6, 5), rng.integers(-5000, 5000, 6).astype(np.int32)
    mult = np.full(6, 2**30, np.int32)
    ((reach, limit),) = sums_of(layer("Gemm", ir.DataType.INT8, w=w, bias=bias, mult=mult)).values()
    ends = [np.where(w > 0, a, b).astype(np.int64) for a, b in ((127, -128), (-128, 127))]
    most = max(int(np.abs((w * x).sum(1) + bias).max()) for x in ends)
    assert most <= reach <= most * 1.1 and limit == 2**31 - 1


@pytest.mark.parametrize("seed", range(20))
def test_a_convolution_is_bounded_with_and_without_its_zero_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    zero = int(rng.integers(-128, 128))
    w, bias = drawn(rng, 4, 3, 1, 5), rng.integers(-5000, 5000, 4).astype(np.int32)
    mult = np.full(4, 2**30, np.int32)
    found = sums_of(layer("Conv", ir.DataType.INT8, w=w, bias=bias, mult=mult, x_zero=zero))
    rows = w.reshape(4, -1).astype(np.int64)
    folded = bias - zero * rows.sum(1)
    for x in (np.where(rows > 0, 127, -128), np.where(rows > 0, -128, 127)):
        for start, terms in ((bias, rows * (x - zero)), (folded, rows * x)):
            partial = np.cumsum(np.concatenate([np.asarray(start)[:, None], terms], 1), 1)
            assert np.abs(partial).max() <= found["w"][0]


def test_outputs_of_transposed_groups_have_their_own_weights() -> None:
    w = np.zeros((4, 1, 1, 1), np.int8)  # two groups of two inputs and one output
    w[2:] = 100
    bias, mult = np.zeros(2, np.int32), np.ones(2, np.int32)
    shape = [4, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 2]
    node = layer(
        "ConvTranspose", ir.DataType.INT8, w=w, bias=bias, mult=mult, x_zero=0, shape=shape
    )
    assert sums_of(node)["w"][0] == 2 * 100 * 128


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2), (4, 2), (4, 6), (8, 1)])
def test_an_output_of_a_transposed_convolution_meets_only_its_own_taps(
    stride: int, dilation: int
) -> None:
    rng, frames = np.random.default_rng(stride), 12
    w = drawn(rng, 3, 2, 1, 7)
    ends = (frames - 1) * stride + 6 * dilation + 1
    shape = [3, 1, frames, 2, 1, ends, 1, 7, 1, stride, 1, dilation, 0, 0, 1]
    bias, mult = np.zeros(2, np.int32), np.ones(2, np.int32)
    node = layer(
        "ConvTranspose", ir.DataType.INT8, w=w, bias=bias, mult=mult, x_zero=0, shape=shape
    )
    sums = np.zeros((2, ends), np.int64)
    for frame in range(frames):
        for tap in range(7):
            sums[:, frame * stride + tap * dilation] += np.abs(w[:, :, 0, tap].astype(int)).sum(0)
    assert sums_of(node)["w"][0] == 128 * sums.max()


@pytest.mark.parametrize(
    ("bias", "mult", "expected"),
    [(2**31 - 10, 1, "sums of w reach"), (2**30 + 2**29, 2**31 - 1, "")],
)
def test_sums_that_do_not_fit_are_refused(bias: int, mult: int, expected: str) -> None:
    node = layer(
        "Gemm",
        ir.DataType.INT8,
        w=np.full((1, 5), 127, np.int8),
        bias=np.array([bias], np.int32),
        mult=np.array([mult], np.int32),
    )
    if not expected:
        assert sums_of(node)
        return
    with pytest.raises(ModelError, match=expected):
        sums_of(node)
