"""The oracle: runs an integer graph in NumPy, bit for bit what the generated C computes.

Integer operators call the kernels' twins in `arithmetic` and its neighbours; float islands run in the same
scalar order as the C code. It is the reference for every target of EdgeKit's own arithmetic.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.errors import ModelError, Problem
from edgekit.export.model import FRONTEND_DOMAIN, Model
from edgekit.quantize import (
    arith_fft,
    arith_float,
    arith_linear,
    arith_recurrent,
    arith_tables,
    arithmetic,
)
from edgekit.quantize.geometry import ConvShape, conv_shape, dims, ints
from edgekit.quantize.integer import INTEGER_DOMAIN, ZERO_POINT, to_integer
from edgekit.quantize.pointwise import POINTWISE, attributes_of

Array = NDArray[Any]
SUFFIX = {"int8": "s8", "int16": "s16"}


class Oracle:
    """Runs a QDQ or float model as the C targets do, hop by hop, states carried in their own types."""

    def __init__(self, model: Model) -> None:
        """Lower the model to integers; raises `ModelError` for operators without a NumPy form."""
        self.model = to_integer(model)
        self.graph = self.model.ir.graph
        problems = [
            Problem(
                f"{n.op_type} {n.name!r}",
                "no integer oracle",
                "an operator of the C targets",
                "see `edgekit export`",
            )
            for n in self.graph
            if (n.domain, n.op_type) not in OPERATORS
        ]
        if problems:
            raise ModelError(problems)
        initializers = self.graph.initializers.values()
        tensors = {str(v.name): v.const_value for v in initializers}
        self.constants = {n: np.asarray(t.numpy()) for n, t in tensors.items() if t is not None}
        self.reset()

    def reset(self) -> None:
        """Bring every state back to zero (its zero point, where it is an integer)."""
        inputs = {str(value.name): value for value in self.graph.inputs}
        self.states = {pair.input: _zeros(inputs[pair.input]) for pair in self.model.states}

    def process(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one hop: float32 arrays by stream input name; returns the stream outputs."""
        values: dict[str, Array] = {**self.constants, **self.states}
        values |= {name: np.asarray(array, np.float32) for name, array in inputs.items()}
        self.values = values
        for node in self.graph:
            operands: list[Any] = [None if v is None else values[str(v.name)] for v in node.inputs]
            results = OPERATORS[node.domain, node.op_type](node, operands)
            for value, result in zip(node.outputs, results, strict=False):
                values[str(value.name)] = np.asarray(result).reshape(dims(value))
        self.states = {pair.input: values[pair.output] for pair in self.model.states}
        return {str(v.name): values[str(v.name)] for v in self.model.stream_outputs}

    def run_hops(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run arrays whose first axis is hops, from zero state; outputs have the same first axis."""
        self.reset()
        hops = len(next(iter(inputs.values())))
        rows = [
            self.process({name: array[i] for name, array in inputs.items()}) for i in range(hops)
        ]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _zeros(value: ir.Value) -> Array:
    assert value.dtype is not None
    zero = int(value.metadata_props.get(ZERO_POINT, "0"))
    return np.full(dims(value), zero, value.dtype.numpy())


def _tensor(node: ir.Node, name: str) -> Array:
    return np.asarray(node.attributes[name].as_tensor().numpy())


def _int(node: ir.Node, name: str, default: int | None = None) -> int:
    attribute = node.attributes.get(name)
    if attribute is None:
        assert default is not None, f"{node.name}: {name}"
        return default
    return attribute.as_int()


def _kernel(module: Any, stem: str, *arrays: Array) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(
        module, "_".join([stem, *(SUFFIX[a.dtype.name] for a in arrays)])
    )
    return function


def _result(node: ir.Node) -> Array:
    """An empty array of the output's type, to name it."""
    dtype = node.outputs[0].dtype
    assert dtype is not None
    return np.empty(0, dtype.numpy())


# -- integer operators ---------------------------------------------------------------------------------


def _quantize(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arithmetic, "ek_quantize", _result(node))
    return [kernel(x[0], node.attributes["scale"].as_float(), _int(node, "zero"))]


def _dequantize(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arithmetic, "ek_dequantize", x[0])
    return [kernel(x[0], node.attributes["scale"].as_float(), _int(node, "zero"))]


def _requantize(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arithmetic, "ek_requantize", x[0], _result(node))
    return [
        kernel(
            x[0], *(_int(node, n) for n in ("x_zero", "mult", "shift", "y_zero", "y_min", "y_max"))
        )
    ]


def _gemm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arith_linear, "ek_fc", x[0], _result(node))
    arrays = [_tensor(node, n) for n in ("w", "bias", "mult", "shift")]
    rows = x[0].reshape(-1, arrays[0].shape[1])
    return [kernel(rows, *arrays, *(_int(node, n) for n in ("y_zero", "y_min", "y_max")))]


def _conv_int(node: ir.Node, x: list[Array]) -> list[Array]:
    stem = "ek_conv" if node.op_type == "Conv" else "ek_conv_transpose"
    kernel = _kernel(arith_linear, stem, x[0], _result(node))
    shape = ConvShape.of(ints(node, "shape", []))
    w = _tensor(node, "w")
    arrays = [
        w.reshape(*w.shape[:2], shape.k_h, shape.k_w),
        *(_tensor(node, n) for n in ("bias", "mult", "shift")),
    ]
    image = x[0].reshape(shape.in_c, shape.in_h, shape.in_w)
    numbers = [_int(node, n) for n in ("y_zero", "y_min", "y_max")]
    return [kernel(image, _int(node, "x_zero"), *arrays, *numbers, shape)]


def _gru_int(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arith_recurrent, "ek_gru", x[0])
    names = ("w", "r", "w_bias", "r_bias", "w_mult", "w_shift", "r_mult", "r_shift")
    arrays = [_tensor(node, name) for name in names]
    tables = arith_tables.sigmoid_gate()[0], arith_tables.tanh_gate()[0]
    h, rows = x[1].ravel(), []
    for step in x[0].reshape(x[0].shape[0], -1):
        h = kernel(step, h, *arrays, *tables, _int(node, "linear_before_reset"))
        rows.append(h)
    both = [np.stack(rows), h]
    return [both[i] for i in node.attributes["outputs"].as_ints()]


def _table(node: ir.Node, x: list[Array]) -> list[Array]:
    table, result = _tensor(node, "table"), _result(node)
    if x[0].dtype == np.int8:
        return [arith_tables.ek_lut_s8(x[0], table)]
    if result.dtype == np.int16:
        return [arith_tables.ek_lut_s16(x[0], table)]
    return [
        arith_tables.ek_lut_s16_s8(
            x[0], table, *(_int(node, n) for n in ("mult", "shift", "y_zero"))
        )
    ]


def _prelu_int(node: ir.Node, x: list[Array]) -> list[Array]:
    slopes = _tensor(node, "m_neg")
    channels = x[0].reshape(slopes.size, -1)
    return [
        arithmetic.ek_prelu_s8(
            channels,
            _int(node, "x_zero"),
            _int(node, "m_pos"),
            slopes,
            _int(node, "shift"),
            _int(node, "y_zero"),
        )
    ]


def _arithmetic_int(node: ir.Node, x: list[Array]) -> list[Array]:
    kernel = _kernel(arithmetic, f"ek_{node.op_type.lower()}", x[0])
    tail = [_int(node, n) for n in ("shift", "y_zero", "y_min", "y_max")]
    a_zero, b_zero = _int(node, "a_zero"), _int(node, "b_zero")
    if node.op_type == "Add":
        return [kernel(x[0], a_zero, _int(node, "m1"), x[1], b_zero, _int(node, "m2"), *tail)]
    return [kernel(x[0], a_zero, x[1], b_zero, _int(node, "m"), *tail)]


# -- float operators -----------------------------------------------------------------------------------


def _gemm(node: ir.Node, x: list[Array]) -> list[Array]:
    w = x[1].T if _int(node, "transB", 0) else x[1]
    bias = (
        np.broadcast_to(np.ravel(x[2]), (w.shape[1],)) if len(x) > 2 and x[2] is not None else None
    )
    return [arith_float.ek_fc_f32(x[0].reshape(-1, w.shape[0]), w, bias)]


def _matmul(node: ir.Node, x: list[Array]) -> list[Array]:
    a, b = x
    if np.prod(b.shape[:-2]) == 1:
        return [arith_float.ek_matmul_f32(a.reshape(-1, a.shape[-1]), b.reshape(b.shape[-2:]))]
    pairs = zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]), strict=True)
    return [np.stack([arith_float.ek_matmul_f32(p, q) for p, q in pairs])]


def _conv(node: ir.Node, x: list[Array]) -> list[Array]:
    shape = conv_shape(node, list(x[1].shape[2:]))
    run = arith_float.ek_conv_f32 if node.op_type == "Conv" else arith_float.ek_conv_transpose_f32
    w = x[1].reshape(*x[1].shape[:2], shape.k_h, shape.k_w)
    bias = x[2] if len(x) > 2 else None
    return [run(x[0].reshape(shape.in_c, shape.in_h, shape.in_w), w, bias, shape)]


def _recurrent(node: ir.Node, x: list[Array]) -> list[Array]:
    x = [*x, *[None] * (7 - len(x))]  # type: ignore[list-item]
    w, r = x[1][0].T, x[2][0].T
    rows, units = w.shape[1], r.shape[0]
    bias = np.zeros(2 * rows, np.float32) if x[3] is None else x[3][0]
    h, c = (np.zeros(units, np.float32) if s is None else s.ravel() for s in x[5:7])
    steps = []
    for step in x[0].reshape(x[0].shape[0], -1):
        if node.op_type == "LSTM":
            h, c = arith_recurrent.ek_lstm_f32(step, h, c, w, r, bias[:rows] + bias[rows:])
        else:
            reset = _int(node, "linear_before_reset", 0)
            h = arith_recurrent.ek_gru_f32(step, h, w, r, bias[:rows], bias[rows:], reset)
        steps.append(h)
    return [np.stack(steps), h, c]


def _fold(
    function: Callable[[Array, Array], Array],
) -> Callable[[ir.Node, list[Array]], list[Array]]:
    def run(node: ir.Node, x: list[Array]) -> list[Array]:
        total = x[0]
        with np.errstate(all="ignore"):
            for other in x[1:]:
                total = function(total, other)
        return [total]

    return run


def _unary(node: ir.Node, x: list[Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        return [POINTWISE[node.op_type].exact(x[0], attributes_of(node)).astype(np.float32)]


def _clip(node: ir.Node, x: list[Array]) -> list[Array]:
    y, bounds = x[0], [*x[1:], None, None]
    y = y if bounds[0] is None else np.maximum(y, bounds[0])
    return [y if bounds[1] is None else np.minimum(y, bounds[1])]


def _prelu(node: ir.Node, x: list[Array]) -> list[Array]:
    return [np.where(x[0] < 0, x[1] * x[0], x[0]).astype(np.float32)]


def _softmax(node: ir.Node, x: list[Array]) -> list[Array]:
    return [arith_float.ek_softmax_f32(x[0])]


def _layernorm(node: ir.Node, x: list[Array]) -> list[Array]:
    epsilon = node.attributes.get("epsilon")
    eps = 1e-5 if epsilon is None else epsilon.as_float()
    n, bias = x[1].size, x[2].ravel() if len(x) > 2 and x[2] is not None else None
    return [arith_float.ek_layernorm_f32(x[0].reshape(-1, n), x[1].ravel(), bias, eps)]


def _reduce(node: ir.Node, x: list[Array]) -> list[Array]:
    shape = x[0].shape
    named = ints(node, "axes", []) if len(x) < 2 or x[1] is None else np.ravel(x[1]).tolist()
    empty = [] if _int(node, "noop_with_empty_axes", 0) else list(range(len(shape)))
    axes = sorted(int(a) % len(shape) for a in named) if named else empty
    kept = [a for a in range(len(shape)) if a not in axes]
    rows = x[0].transpose(*kept, *axes).reshape(int(np.prod([shape[a] for a in kept])), -1)
    if node.op_type == "ReduceMax":
        return [rows.max(axis=1)]
    if node.op_type == "ReduceMin":
        return [rows.min(axis=1)]
    total = np.zeros(len(rows), np.float32)
    with np.errstate(all="ignore"):
        for column in rows.T:
            total = total + column
        return [total / np.float32(rows.shape[1]) if node.op_type == "ReduceMean" else total]


# -- movement: any type --------------------------------------------------------------------------------


def _slice(node: ir.Node, x: list[Array]) -> list[Array]:
    starts, ends = np.ravel(x[1]), np.ravel(x[2])
    axes = np.ravel(x[3]) if len(x) > 3 and x[3] is not None else np.arange(len(starts))
    steps = np.ravel(x[4]) if len(x) > 4 and x[4] is not None else np.ones(len(starts), np.int64)
    index: list[slice] = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x[0].shape[axis]
        stop = None if step < 0 and end < -size else int(end)
        index[int(axis)] = slice(int(start), stop, int(step))
    return [x[0][tuple(index)]]


def _split(node: ir.Node, x: list[Array]) -> list[Array]:
    axis = _int(node, "axis", 0)
    sizes = [dims(value)[axis] for value in node.outputs]
    return list(np.split(x[0], np.cumsum(sizes)[:-1], axis=axis))


def _pad(node: ir.Node, x: list[Array]) -> list[Array]:
    pads, rank = np.ravel(x[1]).tolist(), x[0].ndim
    axes = (
        [int(a) % rank for a in np.ravel(x[3])]
        if len(x) > 3 and x[3] is not None
        else list(range(rank))
    )
    fill = np.ravel(x[2])[0] if len(x) > 2 and x[2] is not None else 0
    both = {axis: (int(pads[i]), int(pads[i + len(axes)])) for i, axis in enumerate(axes)}
    widths = [both.get(axis, (0, 0)) for axis in range(rank)]
    grown = np.pad(x[0], [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=fill)
    return [
        grown[
            tuple(
                slice(max(-a, 0), n - max(-b, 0))
                for (a, b), n in zip(widths, grown.shape, strict=True)
            )
        ]
    ]


def _expand(node: ir.Node, x: list[Array]) -> list[Array]:
    return [np.broadcast_to(x[0], dims(node.outputs[0]))]


def _transpose(node: ir.Node, x: list[Array]) -> list[Array]:
    return [x[0].transpose(ints(node, "perm", list(reversed(range(x[0].ndim)))))]


def _stft(node: ir.Node, x: list[Array]) -> list[Array]:
    pcm, history, window = (a.ravel() for a in x)
    return list(arith_fft.ek_stft_f32(pcm, history, window, arith_fft.fft_tables(window.size)))


def _istft(node: ir.Node, x: list[Array]) -> list[Array]:
    overlap, window = x[1].ravel(), x[2].ravel()
    return list(
        arith_fft.ek_istft_f32(
            x[0].reshape(-1, 2), overlap, window, arith_fft.fft_tables(window.size)
        )
    )


def _finite(node: ir.Node, x: list[Array]) -> list[Array]:
    return [arith_float.ek_finite_f32(x[0], node.attributes["limit"].as_float())]


OPERATORS: dict[tuple[str, str], Callable[[ir.Node, list[Array]], list[Array]]] = {
    ("", "Gemm"): _gemm,
    ("", "MatMul"): _matmul,
    ("", "Conv"): _conv,
    ("", "ConvTranspose"): _conv,
    ("", "GRU"): _recurrent,
    ("", "LSTM"): _recurrent,
    **{("", name): _unary for name in POINTWISE},
    ("", "Add"): _fold(np.add),
    ("", "Sub"): _fold(np.subtract),
    ("", "Mul"): _fold(np.multiply),
    ("", "Div"): _fold(np.divide),
    ("", "Max"): _fold(np.maximum),
    ("", "Min"): _fold(np.minimum),
    ("", "PRelu"): _prelu,
    ("", "Clip"): _clip,
    ("", "ReduceSum"): _reduce,
    ("", "ReduceMean"): _reduce,
    ("", "ReduceMax"): _reduce,
    ("", "ReduceMin"): _reduce,
    ("", "Softmax"): _softmax,
    ("", "LayerNormalization"): _layernorm,
    ("", "Identity"): lambda node, x: [x[0]],
    ("", "Reshape"): lambda node, x: [x[0]],
    ("", "Transpose"): _transpose,
    ("", "Slice"): _slice,
    ("", "Concat"): lambda node, x: [np.concatenate(x, axis=_int(node, "axis"))],
    ("", "Split"): _split,
    ("", "Expand"): _expand,
    ("", "Pad"): _pad,
    (FRONTEND_DOMAIN, "STFT"): _stft,
    (FRONTEND_DOMAIN, "ISTFT"): _istft,
    (FRONTEND_DOMAIN, "Finite"): _finite,
    (INTEGER_DOMAIN, "Quantize"): _quantize,
    (INTEGER_DOMAIN, "Dequantize"): _dequantize,
    (INTEGER_DOMAIN, "Requantize"): _requantize,
    (INTEGER_DOMAIN, "Gemm"): _gemm_int,
    (INTEGER_DOMAIN, "Conv"): _conv_int,
    (INTEGER_DOMAIN, "ConvTranspose"): _conv_int,
    (INTEGER_DOMAIN, "GRU"): _gru_int,
    (INTEGER_DOMAIN, "Table"): _table,
    (INTEGER_DOMAIN, "PRelu"): _prelu_int,
    (INTEGER_DOMAIN, "Add"): _arithmetic_int,
    (INTEGER_DOMAIN, "Mul"): _arithmetic_int,
}
