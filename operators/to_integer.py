"""One builder per operator: from a Q/DQ-framed ONNX node to an integer operator and its constants.

A builder returns False where the frame is incomplete; the node then stays a float island, which the
manifest counts. `BUILDERS` is the table.
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import ModelError, Problem
from edgekit.operators.deform.dilation import integer_chain
from edgekit.operators.fused.integer import FUSED_BUILDERS
from edgekit.operators.geometry import conv_shape, dims, optional
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise.functions import POINTWISE, Attributes, attributes_of
from edgekit.operators.pooling.twin import column_pool, pool_of
from edgekit.operators.qdq import (
    CELL_BITS,
    HIDDEN_OPERAND,
    Frame,
    Fuser,
    Operand,
    Weight,
    cell_type,
    output_attributes,
)
from edgekit.operators.roles import (
    CELL_INPUT,
    CELL_OUTPUT,
    HIDDEN_INPUT,
    RECURRENT,
    SUMS,
    TABLED,
    constant,
    constant_tail,
    per_channel,
    reduced_axes,
)
from edgekit.operators.scheme import (
    DILATION_TYPE,
    GATE_TYPE,
    HIDDEN_INT8_TYPE,
    HIDDEN_TYPE,
    MANTISSA_BITS,
    SUM_LIMITS,
    QuantType,
    fixed_point,
    fixed_point_pair,
)
from edgekit.operators.weight_layout import channel_rows

BIAS_OF_DEFORM = 3  # the input
LUT_S16_CODOMAIN = 32767
TABLE_ERROR = 2.0**-8  # of the largest value: what a piecewise-linear table may be off
CLAMPS = {"Relu", "Clip"}
# Functions that are straight above 0 and below it: both slopes.
SLOPES: dict[str, Callable[[Attributes], tuple[float, float]]] = {
    "LeakyRelu": lambda attributes: (1.0, attributes["alpha"]),
    "Neg": lambda attributes: (-1.0, -1.0),
    "Abs": lambda attributes: (1.0, -1.0),
}
STEPPED = {"Sign", "Floor", "Ceil", "Round", "ThresholdedRelu", "Shrink"}


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
    bias = _bias(fuser, node, x.kind, scales)
    _prove_accumulator(node, x.kind, rows, bias)
    attributes: dict[str, object] = {
        **_multipliers("", x.kind.scale, scales, kind.scale, x.kind.dtype),
        **output_attributes(kind, fused),
    }
    if node.op_type == "Gemm":
        folded = bias - x.kind.zero_point * rows.reshape(len(rows), -1).astype(np.int64).sum(axis=1)
        attributes |= {"w": weight.kept(rows), "bias": _bias_array(folded, x.kind)}
    else:
        shape = conv_shape(node, list(weight.q.shape[2:]))
        attributes |= {
            "w": weight.kept(weight.q),
            "bias": _bias_array(bias, x.kind),
            "x_zero": x.kind.zero_point,
        }
        attributes |= {"shape": shape.fields()}
    fuser.add(node, node.op_type, [x.value], [frame], attributes)
    return True


def build_matmul(fuser: Fuser, node: ir.Node) -> bool:
    """The product of two computed tensors: in int16 where one of them is."""
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


def build_square_deform(fuser: Fuser, node: ir.Node) -> bool:
    """DeformConv whose d is s, rounded: `edgekit.operators.deform.dilation`; int8 only."""
    x, weight = fuser.operand(node.inputs[0]), fuser.weights.get(node.inputs[1])  # type: ignore[arg-type]
    frame, chain = fuser.frame(node), integer_chain(node)
    s = None if chain is None else fuser.operand(chain.source)
    if x is None or weight is None or frame is None or chain is None or s is None:
        return False
    widths = {x.kind.dtype, frame[1].dtype}
    if widths != {"int8"} or s.kind != DILATION_TYPE or weight.bits != 8:
        return False
    scales = np.broadcast_to(weight.scale, weight.q.shape)[:, 0, 0, 0]
    bias = _bias(fuser, node, x.kind, scales, BIAS_OF_DEFORM)
    _prove_accumulator(node, x.kind, weight.q, bias)
    attributes = {
        **_multipliers("", x.kind.scale, scales, frame[1].scale, "int8"),
        **output_attributes(frame[1]),
        "w": weight.q,
        "bias": _bias_array(bias, x.kind),
        "x_zero": x.kind.zero_point,
        "d_min": int(chain.low),
        "d_max": int(chain.high),
    }
    fuser.forget(chain.nodes)
    fuser.add(node, "SquareDeform", [x.value, s.value], [frame], attributes)
    return True


def _is_linear(fuser: Fuser, node: ir.Node, weight: Weight) -> bool:
    """Whether the kernels take the layer: batch 1, int8 weights around 0, a constant bias."""
    bias = optional(node, 2)
    known = bias is None or bias in fuser.weights or constant(bias) is not None
    batch = 1 if node.op_type == "Gemm" else dims(node.inputs[0])[0]
    return known and batch == 1 and weight.q.dtype == np.int8 and weight.zero_point == 0


def _bias(
    fuser: Fuser, node: ir.Node, kind: QuantType, scales: NDArray[np.float32], index: int = 2
) -> NDArray[np.int64]:
    """The bias in units of input scale * weight scale; a stored int32 one is taken as it is."""
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


def _bias_array(bias: NDArray[np.int64], kind: QuantType) -> NDArray[np.signedinteger]:
    return bias.astype(np.int32 if kind.dtype == "int8" else np.int64)


def _prove_accumulator(
    node: ir.Node, kind: QuantType, rows: NDArray[np.signedinteger], bias: NDArray[np.int64]
) -> None:
    """The largest possible |accumulator|, from the weights' actual sums, must fit: 32 or 47 bits."""
    span, limit = (255 if kind.dtype == "int8" else 32768), SUM_LIMITS[kind.dtype]
    sums = np.abs(rows.reshape(len(rows), -1).astype(np.int64)).sum(axis=1)
    worst = int((sums * span + np.abs(bias)).max(initial=0))
    if worst > limit:
        raise ModelError(
            Problem(
                f"{node.op_type} {node.name!r}",
                f"integer sums reach {worst}",
                f"at most {limit}",
                "use --recipe float32, or split the layer",
            )
        )


def _multipliers(
    prefix: str, x_scale: float, w_scales: NDArray[np.float32], y_scale: float, dtype: str
) -> dict[str, object]:
    real = np.float64(x_scale) * w_scales.astype(np.float64) / np.float64(y_scale)
    mult, shift = fixed_point(real, MANTISSA_BITS[dtype])
    return {f"{prefix}mult": mult.astype(np.int32), f"{prefix}shift": shift.astype(np.uint8)}


def build_recurrent(fuser: Fuser, node: ir.Node) -> bool:
    """GRU, LSTM: int8 weights, h int16 of scale 2^-15, gate pre-activations int16 of scale 2^-11.

    c of an LSTM is int32, of the scale that the node says.
    """
    x, (w, r) = fuser.operand(node.inputs[0]), (fuser.weights.get(node.inputs[i]) for i in (1, 2))  # type: ignore[arg-type]
    cell = cell_type(node)
    used = [i for i, value in enumerate(node.outputs) if value.uses() or value.is_graph_output()]
    frames = [fuser.frame(node, i) for i in used if i != CELL_OUTPUT]
    known = all(frame is not None and frame[1] == HIDDEN_TYPE for frame in frames)
    if x is None or w is None or r is None or not known or w.bits != r.bits:
        return False
    if (node.op_type == "LSTM") != (cell is not None):
        return False
    states = [fuser.state(optional(node, HIDDEN_INPUT), HIDDEN_TYPE)]
    if cell is not None:
        states.append(fuser.state(optional(node, CELL_INPUT), cell))
    hidden = _hidden_operand(node, x.kind)
    rows = len(w.q[0])
    bias = constant(optional(node, 3))
    both = np.zeros(2 * rows, np.float32) if bias is None else bias[0]
    w_bias, r_bias = (
        np.rint(
            part.astype(np.float64) / (np.float64(scale) * weight.scale.ravel().astype(np.float64))
        )
        for part, scale, weight in ((both[:rows], x.kind.scale, w), (both[rows:], hidden.scale, r))
    )
    _prove_accumulator(node, x.kind, w.q[0], w_bias.astype(np.int64))
    _prove_accumulator(node, hidden, r.q[0], r_bias.astype(np.int64))
    folded = w_bias.astype(np.int64) - x.kind.zero_point * w.q[0].astype(np.int64).sum(axis=1)
    reset = node.attributes.get("linear_before_reset")
    attributes: dict[str, object] = {
        "w": w.kept(w.q[0]),
        "r": r.kept(r.q[0]),
        "w_bias": _bias_array(folded, x.kind),
        "r_bias": _bias_array(r_bias.astype(np.int64), hidden),
        **_multipliers("w_", x.kind.scale, w.scale.ravel(), GATE_TYPE.scale, x.kind.dtype),
        **_multipliers("r_", hidden.scale, r.scale.ravel(), GATE_TYPE.scale, hidden.dtype),
        "outputs": used,
    }
    if cell is None:
        attributes["linear_before_reset"] = 0 if reset is None else reset.as_int()
    else:
        attributes["c_bits"] = int(node.metadata_props[CELL_BITS])
    framed = [frame for frame in frames if frame is not None]
    written = (
        (node.outputs[CELL_OUTPUT], cell) if cell is not None and CELL_OUTPUT in used else None
    )
    fuser.add(node, node.op_type, [x.value, *states], framed, attributes, written)
    return True


def _hidden_operand(node: ir.Node, x: QuantType) -> QuantType:
    """How the recurrent product reads h: as the file says, else as wide as the input."""
    dtype = node.metadata_props.get(HIDDEN_OPERAND, x.dtype)
    return HIDDEN_INT8_TYPE if dtype == "int8" else HIDDEN_TYPE


def build_table(fuser: Fuser, node: ir.Node) -> bool:
    """A function of one value: 256 entries on int8, else exact pieces or a piecewise-linear table.

    A function with jumps, or too far from straight between the entries of such a table, stays in float.
    """
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None or not constant_tail(node):
        return False
    _, kind, _ = frame

    def function(real: NDArray[np.float64]) -> NDArray[np.float64]:
        return _evaluate(node, real)

    if x.kind.dtype == "int8" and kind.dtype == "int8":
        zeros = x.kind.zero_point, kind.zero_point
        bytewise = lookup_tables.lut_s8(function, x.kind.scale, zeros[0], kind.scale, zeros[1])
        fuser.add(node, "Table", [x.value], [frame], {"table": bytewise})
        return True
    if node.op_type in CLAMPS:
        return _build_clamp(fuser, node, x, frame)
    if node.op_type in SLOPES:
        return _build_slopes(fuser, node, *SLOPES[node.op_type](attributes_of(node)))
    if node.op_type in STEPPED:
        return False
    x = fuser.widened(x, f"{node.name}.wide")
    peak = np.abs(function(np.arange(-32768, 32768, 16) * np.float64(x.kind.scale))).max()
    inner = kind.scale if kind.dtype == "int16" else float(max(peak, 1e-30) / LUT_S16_CODOMAIN)
    table, error = lookup_tables.lut_s16(function, x.kind.scale, inner)
    if error > TABLE_ERROR * max(peak, inner) and error > inner:
        return False
    attributes: dict[str, object] = {"table": table, "max_error": error}
    if kind.dtype == "int8":
        mult, shift = fixed_point(inner / kind.scale, MANTISSA_BITS["int16"])
        attributes |= {"mult": int(mult[0]), "shift": int(shift[0]), "y_zero": kind.zero_point}
    fuser.add(node, "Table", [x.value], [frame], attributes)
    return True


def _build_clamp(fuser: Fuser, node: ir.Node, x: Operand, frame: Frame) -> bool:
    """Relu, Clip: a change of scale whose result is clamped."""
    mult, shift = fixed_point(x.kind.scale / frame[1].scale, MANTISSA_BITS[x.kind.dtype])
    attributes = {
        "x_zero": x.kind.zero_point,
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **output_attributes(frame[1], node),
    }
    fuser.add(node, "Requantize", [x.value], [frame], attributes)
    return True


def _evaluate(node: ir.Node, real: NDArray[np.float64]) -> NDArray[np.float64]:
    if node.op_type == "Clip":
        low, high = (
            constant(v) if v is not None else None for v in (*node.inputs[1:], None, None)[:2]
        )
        return np.clip(
            real,
            -np.inf if low is None else np.float64(np.ravel(low)[0]),
            np.inf if high is None else np.float64(np.ravel(high)[0]),
        )
    return POINTWISE[node.op_type].real(real, attributes_of(node))


def build_arithmetic(fuser: Fuser, node: ir.Node) -> bool:
    """Add, Sub, Mul with broadcasting; in int16 where an operand or the result is."""
    a, b = fuser.operand(node.inputs[0]), fuser.operand(node.inputs[1])
    frame = fuser.frame(node)
    if a is None or b is None or frame is None:
        return False
    _, kind, fused = frame
    if "int16" in (a.kind.dtype, b.kind.dtype, kind.dtype):
        a, b = (fuser.widened(x, f"{node.name}.wide{i}") for i, x in enumerate((a, b)))
    attributes: dict[str, object] = {"a_zero": a.kind.zero_point, "b_zero": b.kind.zero_point}
    bits = MANTISSA_BITS[a.kind.dtype]
    if node.op_type == "Mul":
        mult, shift = fixed_point(np.float64(a.kind.scale) * b.kind.scale / kind.scale, bits)
        attributes |= {"m": int(mult[0]), "shift": int(shift[0])}
    else:
        sign = -1.0 if node.op_type == "Sub" else 1.0
        m1, m2, s = fixed_point_pair(
            a.kind.scale / kind.scale, sign * b.kind.scale / kind.scale, bits
        )
        attributes |= {"m1": m1, "m2": m2, "shift": s}
    op_type = "Mul" if node.op_type == "Mul" else "Add"
    fuser.add(
        node, op_type, [a.value, b.value], [frame], attributes | output_attributes(kind, fused)
    )
    return True


def build_prelu(fuser: Fuser, node: ir.Node) -> bool:
    """PRelu with one slope per channel (axis 1) of every image, a float or a stored constant."""
    stored = fuser.weights.get(node.inputs[1])  # type: ignore[arg-type]
    slope = constant(node.inputs[1]) if stored is None else stored.real
    if slope is None or not per_channel(slope, len(dims(node.inputs[0]))):
        return False
    slopes = np.ravel(slope).astype(np.float64)
    if slopes.size > 1:
        slopes = np.tile(slopes, dims(node.inputs[0])[0])
    return _build_slopes(fuser, node, 1.0, *slopes)


def _build_slopes(fuser: Fuser, node: ir.Node, above: float, *below: float) -> bool:
    """One slope above 0, one per channel of every image below."""
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None:
        return False
    kind = frame[1]
    if kind.dtype == "int16":
        x = fuser.widened(x, f"{node.name}.wide")
    bits = MANTISSA_BITS[x.kind.dtype]
    real = np.array([above, *below]) * (np.float64(x.kind.scale) / kind.scale)
    _, shifts = fixed_point(float(np.abs(real).max()), bits)
    shift, largest = int(shifts[0]), (1 << bits) - 1
    fixed = np.clip(np.rint(real * 2.0**shift), -largest, largest).astype(np.int64)
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "m_pos": int(fixed[0]),
        "m_neg": fixed[1:].astype(np.int32),
        "shift": shift,
        "y_zero": kind.zero_point,
    }
    fuser.add(node, "PRelu", [x.value], [frame], attributes)
    return True


def build_average_pool(fuser: Fuser, node: ir.Node) -> bool:
    """Mean of windows or along axes, or a sum: one multiplier per number of taps that a window may have."""
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None:
        return False
    _, kind, fused = frame
    if kind.dtype == "int16":
        x = fuser.widened(x, f"{node.name}.wide")
    pool = column_pool(node, reduced_axes(node)) if node.op_type in SUMS else pool_of(node)
    counts = pool.counts()
    if counts.max() * 255 > SUM_LIMITS["int8"] and x.kind.dtype == "int8":
        return False
    divisors = np.arange(counts.min(), counts.max() + 1)
    if node.op_type == "ReduceSum":
        divisors = np.ones(1, np.int64)
    real = np.float64(x.kind.scale) / (np.float64(kind.scale) * divisors)
    mult, shift = fixed_point(real, MANTISSA_BITS[x.kind.dtype])
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "mult": mult.astype(np.int32),
        "shift": shift.astype(np.uint8),
        "count_min": int(counts.min()),
        **output_attributes(kind, fused),
        "borders": pool.borders(),
        "shape": pool.shape.fields(),
    }
    fuser.add(node, "AveragePool", [x.value], [frame], attributes)
    return True


def build_division(fuser: Fuser, node: ir.Node) -> bool:
    """Division by a number: part of the factor between the scales."""
    x, frame, divisor = fuser.operand(node.inputs[0]), fuser.frame(node), constant(node.inputs[1])
    if x is None or frame is None or divisor is None or divisor.size != 1:
        return False
    real = np.float64(x.kind.scale) / (np.float64(divisor.ravel()[0]) * frame[1].scale)
    mult, shift = fixed_point(real, MANTISSA_BITS[x.kind.dtype])
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **output_attributes(frame[1]),
    }
    fuser.add(node, "Requantize", [x.value], [frame], attributes)
    return True


BUILDERS: dict[str, Callable[[Fuser, ir.Node], bool]] = {
    "Gemm": build_linear,
    "Conv": build_linear,
    "ConvTranspose": build_linear,
    "DeformConv": build_square_deform,
    "MatMul": build_matmul,
    **dict.fromkeys(sorted(RECURRENT), build_recurrent),
    "AveragePool": build_average_pool,
    "GlobalAveragePool": build_average_pool,
    **dict.fromkeys(sorted(SUMS), build_average_pool),
    "Div": build_division,
    "Add": build_arithmetic,
    "Sub": build_arithmetic,
    "Mul": build_arithmetic,
    "PRelu": build_prelu,
    **dict.fromkeys(sorted(TABLED), build_table),
    **FUSED_BUILDERS,
}
