"""Builders of layers with weights, and of products of two computed tensors."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Int64
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.nodes import attribute
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import conv_shape, dims, ints, optional
from edgekit.operators.qdq import Weight, output_attributes
from edgekit.operators.roles import activations, constant, constant_tail
from edgekit.operators.scheme import MANTISSA_BITS, SUM_LIMITS, QuantType, fixed_point
from edgekit.operators.weight_layout import channel_rows, summed_rows


def build_linear(fuser: Fuser, node: ir.Node) -> bool:
    """Gemm, Conv, ConvTranspose: int8 weights, bias int32 (int64 with int16 activations), M and s per channel."""
    x, weight = fuser.operand(node.inputs[0]), fuser.weights.get(node.inputs[1])  # type: ignore[arg-type]
    frame = fuser.frame(node)
    if x is None or weight is None or frame is None or not _is_linear(fuser, node, weight):
        return False
    _, kind, fused = frame
    rows = channel_rows(node, weight.q)
    spread = channel_rows(node, np.broadcast_to(weight.scale, weight.q.shape)).reshape(
        len(rows), -1
    )
    scales = spread[:, 0]
    if np.any(spread != scales[:, None]):
        return False
    bias = integer_bias(fuser, node, x.kind, scales)
    prove_accumulator(node, x.kind, rows, bias)
    attributes: dict[str, object] = {
        **multipliers("", x.kind.scale, scales, kind.scale, x.kind.dtype),
        **output_attributes(kind, fused),
    }
    if node.op_type == "Gemm":
        folded = bias - x.kind.zero_point * rows.reshape(len(rows), -1).astype(np.int64).sum(axis=1)
        attributes |= {"w": weight.kept(rows), "bias": bias_array(folded, x.kind)}
    else:
        shape = conv_shape(node, list(weight.q.shape[2:]))
        attributes |= {
            "w": weight.kept(weight.q),
            "bias": bias_array(bias, x.kind),
            "x_zero": x.kind.zero_point,
        }
        attributes |= {"shape": shape.fields()}
    fuser.add(node, node.op_type, [x.value], [frame], attributes)
    return True


def build_matmul(fuser: Fuser, node: ir.Node) -> bool:
    """Build the product of two computed tensors: in int16 if one of them is."""
    a, b, frame = fuser.operand(node.inputs[0]), fuser.operand(node.inputs[1]), fuser.frame(node)
    if a is None or b is None or frame is None:
        return False
    if "int16" in (a.kind.dtype, b.kind.dtype):
        a, b = (fuser.widened(x, f"{node.name}.wide{i}") for i, x in enumerate((a, b)))
    span = 255 if a.kind.dtype == "int8" else 32768
    if dims(node.inputs[0])[-1] * span**2 > SUM_LIMITS[a.kind.dtype]:
        return False
    real = np.float64(a.kind.scale) * b.kind.scale / frame[1].scale
    mult, shift = fixed_point(real, MANTISSA_BITS[a.kind.dtype])
    attributes = {
        "a_zero": a.kind.zero_point,
        "b_zero": b.kind.zero_point,
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **output_attributes(frame[1]),
    }
    fuser.add(node, "MatMul", [a.value, b.value], [frame], attributes)
    return True


def _is_linear(fuser: Fuser, node: ir.Node, weight: Weight) -> bool:
    """Whether the kernels support the layer: batch 1, int8 weights around 0, a constant bias."""
    bias = optional(node, 2)
    known = bias is None or bias in fuser.weights or constant(bias) is not None
    batch = 1 if node.op_type == "Gemm" else dims(node.inputs[0])[0]
    return known and batch == 1 and weight.q.dtype == np.int8 and weight.zero_point == 0


def integer_bias(
    fuser: Fuser, node: ir.Node, kind: QuantType, scales: Float32, index: int = 2
) -> Int64:
    """Return the bias in units of input scale * weight scale; a stored int32 one is used unchanged."""
    value = optional(node, index)
    if value is None:
        return np.zeros(len(scales), np.int64)
    stored = fuser.weights.get(value)
    unit = np.float64(kind.scale) * scales.astype(np.float64)
    if stored is not None and np.allclose(stored.scale.ravel(), unit, rtol=1e-6):
        return np.broadcast_to(stored.q.ravel(), scales.shape).astype(np.int64)
    real = constant(value) if stored is None else stored.real
    assert real is not None, node.name
    return np.rint(np.broadcast_to(np.ravel(real), scales.shape).astype(np.float64) / unit).astype(
        np.int64
    )


def bias_array(bias: Int64, kind: QuantType) -> NDArray[np.signedinteger]:
    """Return the bias as kernels read it: int32, with int16 activations int64."""
    return bias.astype(np.int32 if kind.dtype == "int8" else np.int64)


def prove_accumulator(
    node: ir.Node, kind: QuantType, rows: NDArray[np.signedinteger], bias: Int64
) -> None:
    """Prove that the largest possible |accumulator|, from the weights' actual sums, fits: 32 or 47 bits."""
    span, limit = (255 if kind.dtype == "int8" else 32768), SUM_LIMITS[kind.dtype]
    if node.op_type == "ConvTranspose":
        rank = rows.ndim - 2
        rows = summed_rows(
            rows, ints(node, "strides", [1] * rank), ints(node, "dilations", [1] * rank)
        )
    sums = np.abs(rows.reshape(len(bias), -1, rows[0].size).astype(np.int64)).sum(axis=2)
    worst = int((sums * span + np.abs(bias)[:, None]).max(initial=0))
    if worst > limit:
        raise ModelError(
            Problem(
                f"{node.op_type} {node.name!r}",
                f"integer sums reach {worst}",
                f"at most {limit}",
                "use --recipe float32, or split the layer",
            )
        )


def multipliers(
    prefix: str, x_scale: float, w_scales: Float32, y_scale: float, dtype: str
) -> dict[str, object]:
    """``mult`` and ``shift`` of each output channel, from the product of two scales to that of the result."""
    real = np.float64(x_scale) * w_scales.astype(np.float64) / np.float64(y_scale)
    mult, shift = fixed_point(real, MANTISSA_BITS[dtype])
    return {f"{prefix}mult": mult.astype(np.int32), f"{prefix}shift": shift.astype(np.uint8)}


def _is_plain_gemm(node: ir.Node) -> bool:
    computed = constant(node.inputs[0]) is None and constant_tail(node)
    return computed and attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0


def _is_single_conv(node: ir.Node) -> bool:
    """A convolution of one picture or sequence."""
    return dims(node.inputs[0])[0] == 1 and _is_plain_gemm(node)


INTEGERS = {
    "Gemm": IntegerForm(_is_plain_gemm, build_linear),
    **dict.fromkeys(("Conv", "ConvTranspose"), IntegerForm(_is_single_conv, build_linear)),
    "MatMul": IntegerForm(lambda node: len(activations(node)) == 2, build_matmul),
}
