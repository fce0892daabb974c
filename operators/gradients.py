"""Operators of a network as torch computes them, with gradients: what a network is trained in.

`run` is given a node's operands, torch tensors and None where one is left out; shapes are those of one hop.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.geometry import dims
from edgekit.operators.roles import is_move, picks, reduced_axes
from edgekit.operators.table import OPERATORS

LEAST_SQUARE = 1e-24  # under a root: 1e-12 of what networks compute with
Operands = Sequence[Any]
Form = Callable[[ir.Node, Operands], list[Any]]


def form_of(node: ir.Node) -> Form | None:
    """Return what computes a node in torch; None where nothing here does."""
    if node.domain == FRONTEND_DOMAIN:
        return OWN.get(node.op_type)
    if node.domain != "":
        return None
    if facts_of(node).moves == "renames":
        return _reshaped
    if (form := FORMS.get(node.op_type)) is not None:
        return form
    if node.op_type == "Gather" and array_of(node.inputs[1]) is None:
        return _lambda(_gather)
    return moved(node) if is_move(node) and not picks(node) else None


def moved(node: ir.Node) -> Form:
    """A movement: its NumPy form, run once on the numbers of elements, says what goes where; 0 is of zeros."""
    import torch

    numbered: list[Any] = []
    places, total = [], 1
    for index, value in enumerate(node.inputs):
        array = array_of(value)
        if value is None or (array is not None and array.dtype.kind != "f"):
            numbered.append(array)
            continue
        shape = dims(value)
        size = int(np.prod(shape))
        zero = array is not None and not array.any()
        numbers = np.zeros(size, np.int64) if zero else np.arange(total, total + size)
        numbered.append(numbers.reshape(shape))
        if not zero:
            places.append(index)
            total += size
    results = OPERATORS["", node.op_type].form(node, numbered)
    picked = [torch.from_numpy(np.array(result, np.int64)) for result in results]

    def run(_: ir.Node, x: Operands) -> list[Any]:
        flat = torch.cat([torch.zeros(1), *(x[i].reshape(-1) for i in places)])
        return [flat[numbers] for numbers in picked]

    return run


def _reshaped(node: ir.Node, x: Operands) -> list[Any]:
    return [x[0].reshape(dims(node.outputs[0]))]


def _each(name: str, **fixed: Any) -> Form:
    """A function of torch of all operands."""

    def run(_: ir.Node, x: Operands) -> list[Any]:
        import torch

        return [getattr(torch, name)(*x, **fixed)]

    return run


def _fold(name: str) -> Form:
    def run(_: ir.Node, x: Operands) -> list[Any]:
        import torch

        total = x[0]
        for other in x[1:]:
            total = getattr(torch, name)(total, other)
        return [total]

    return run


def _lambda(function: Callable[[ir.Node, Operands], Any]) -> Form:
    return lambda node, x: [function(node, x)]


def _reduced(name: str) -> Form:
    def run(node: ir.Node, x: Operands) -> list[Any]:
        import torch

        axes = tuple(reduced_axes(node))
        keep = bool(attribute(node, "keepdims", 1))
        values = x[0] * x[0] if name in ("sum_square", "norm") else x[0]
        function = getattr(torch, "sum" if name in ("sum_square", "norm") else name)
        result = function(values, dim=axes, keepdim=keep)
        return [_root(result) if name == "norm" else result]

    return run


def _root(x: Any) -> Any:
    """Square roots, whose gradient at 0 is 0, not infinity."""
    return x.clamp(min=LEAST_SQUARE).sqrt()


def _clip(_: ir.Node, x: Operands) -> Any:
    low, high = (*x[1:], None, None)[:2]
    y = x[0] if low is None else x[0].maximum(low)
    return y if high is None else y.minimum(high)


def _prelu(_: ir.Node, x: Operands) -> Any:
    return x[0].clamp(min=0) + x[1] * x[0].clamp(max=0)


def _hard_sigmoid(node: ir.Node, x: Operands) -> Any:
    alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
    return (alpha * x[0] + beta).clamp(0, 1)


def _softmax(node: ir.Node, x: Operands) -> Any:
    return x[0].softmax(attribute(node, "axis", -1))


def _cast(node: ir.Node, x: Operands) -> Any:
    import torch

    target = node.outputs[0].dtype
    kinds = {
        ir.DataType.FLOAT: torch.float32,
        ir.DataType.INT64: torch.int64,
        ir.DataType.INT32: torch.int32,
        ir.DataType.BOOL: torch.bool,
    }
    return x[0].to(kinds[target])  # type: ignore[index]


def _gather(node: ir.Node, x: Operands) -> Any:
    """Parts of one axis by computed indices."""
    axis, shape = attribute(node, "axis", 0), x[0].shape
    y = x[0].index_select(axis, x[1].reshape(-1))
    return y.reshape(*shape[:axis], *x[1].shape, *shape[axis + 1 :])


def _gemm(node: ir.Node, x: Operands) -> Any:
    a = x[0].T if attribute(node, "transA", 0) else x[0]
    b = x[1].T if attribute(node, "transB", 0) else x[1]
    y = attribute(node, "alpha", 1.0) * (a @ b)
    has_bias = len(x) > 2 and x[2] is not None
    return y + attribute(node, "beta", 1.0) * x[2] if has_bias else y


def _conv(node: ir.Node, x: Operands) -> Any:
    import torch.nn.functional as nn

    rank = x[0].ndim - 2
    padded = nn.pad(x[0], _pads(node, rank))
    function = (nn.conv1d, nn.conv2d, nn.conv3d)[rank - 1]
    bias = x[2] if len(x) > 2 else None
    steps, dilations = _ints(node, "strides", rank), _ints(node, "dilations", rank)
    groups = attribute(node, "group", 1)
    return function(padded, x[1], bias, stride=steps, dilation=dilations, groups=groups)


def _conv_transpose(node: ir.Node, x: Operands) -> Any:
    """Without padding, then cropped to the shape of the result."""
    import torch.nn.functional as nn

    rank = x[0].ndim - 2
    function = (nn.conv_transpose1d, nn.conv_transpose2d, nn.conv_transpose3d)[rank - 1]
    steps, dilations = _ints(node, "strides", rank), _ints(node, "dilations", rank)
    whole = function(
        x[0], x[1], None, stride=steps, dilation=dilations, groups=attribute(node, "group", 1)
    )
    before = list(attribute(node, "pads", [0] * (2 * rank)))[:rank]
    for axis, (first, size) in enumerate(zip(before, dims(node.outputs[0])[2:], strict=True), 2):
        more = first + size - whole.shape[axis]
        if more > 0:  # output_padding
            whole = nn.pad(whole, [0, 0] * (whole.ndim - 1 - axis) + [0, more])
        whole = whole.narrow(axis, first, size)
    return whole if len(x) < 3 or x[2] is None else whole + x[2].reshape(-1, *[1] * rank)


def _pads(node: ir.Node, rank: int) -> list[int]:
    """As torch has them: the last axis first, before and after."""
    pads = list(attribute(node, "pads", [0] * (2 * rank)))
    return [p for i in reversed(range(rank)) for p in (pads[i], pads[rank + i])]


def _ints(node: ir.Node, name: str, rank: int) -> tuple[int, ...]:
    return tuple(attribute(node, name, [1] * rank))


def _pooled(kind: str) -> Form:
    def run(node: ir.Node, x: Operands) -> list[Any]:
        import torch.nn.functional as nn

        rank = x[0].ndim - 2
        size, steps = tuple(attribute(node, "kernel_shape", [])), _ints(node, "strides", rank)
        pads, given = _pads(node, rank), attribute(node, "count_include_pad", 0)
        if kind == "max":
            function = (nn.max_pool1d, nn.max_pool2d, nn.max_pool3d)[rank - 1]
            low = nn.pad(x[0], pads, value=float("-inf"))
            return [function(low, size, steps, 0, _ints(node, "dilations", rank))]
        average = (nn.avg_pool1d, nn.avg_pool2d, nn.avg_pool3d)[rank - 1]
        total = average(nn.pad(x[0], pads), size, steps)
        if any(pads) and not given:
            total = total / average(nn.pad(x[0] * 0 + 1, pads), size, steps)
        return [total]

    return run


def _globally(name: str) -> Form:
    def run(_: ir.Node, x: Operands) -> list[Any]:
        axes = tuple(range(2, x[0].ndim))
        return [getattr(x[0], name)(dim=axes, keepdim=True)]

    return run


def _layer_norm(node: ir.Node, x: Operands) -> list[Any]:
    import torch.nn.functional as nn

    axis = attribute(node, "axis", -1) % x[0].ndim
    shape, bias = x[0].shape[axis:], x[2] if len(x) > 2 else None
    scale = x[1].broadcast_to(shape)
    bias = None if bias is None else bias.broadcast_to(shape)
    return [nn.layer_norm(x[0], shape, scale, bias, attribute(node, "epsilon", 1e-5))]


def _gru(node: ir.Node, x: Operands) -> list[Any]:
    """One direction; gates are update, reset, hidden, as ONNX has them."""
    import torch

    sequence, h = x[0], x[5] if len(x) > 5 and x[5] is not None else None
    w, r = x[1][0], x[2][0]
    size = r.shape[1]
    b = x[3][0] if len(x) > 3 and x[3] is not None else torch.zeros(6 * size)
    h = torch.zeros(sequence.shape[1], size) if h is None else h[0]
    behind, made = attribute(node, "linear_before_reset", 0), []
    for t in range(sequence.shape[0]):
        own = sequence[t] @ w.T + b[: 3 * size]
        past = h @ r[: 2 * size].T + b[3 * size : 5 * size]
        z, reset = torch.chunk(torch.sigmoid(own[:, : 2 * size] + past), 2, -1)
        recurrent, shift = r[2 * size :], b[5 * size :]
        scaled = reset * (h @ recurrent.T + shift) if behind else (reset * h) @ recurrent.T + shift
        h = (1 - z) * torch.tanh(own[:, 2 * size :] + scaled) + z * h
        made.append(h)
    return [torch.stack(made)[:, None], h[None]][: len(node.outputs)]


def _lstm(node: ir.Node, x: Operands) -> list[Any]:
    """One direction; gates are input, output, forget, cell, as ONNX has them."""
    import torch

    sequence, made = x[0], []
    w, r = x[1][0], x[2][0]
    size = r.shape[1]
    b = x[3][0] if len(x) > 3 and x[3] is not None else torch.zeros(8 * size)
    states = [x[i][0] if len(x) > i and x[i] is not None else None for i in (5, 6)]
    h, c = (torch.zeros(sequence.shape[1], size) if s is None else s for s in states)
    for t in range(sequence.shape[0]):
        gates = sequence[t] @ w.T + h @ r.T + b[: 4 * size] + b[4 * size :]
        i, o, f, cell = torch.chunk(gates, 4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(cell)
        h = torch.sigmoid(o) * torch.tanh(c)
        made.append(h)
    return [torch.stack(made)[:, None], h[None], c[None]][: len(node.outputs)]


def _magnitude(node: ir.Node, x: Operands) -> Any:
    return _root(x[0] * x[0] + x[1] * x[1] + attribute(node, "epsilon", 0.0))


def _mean_square(node: ir.Node, x: Operands) -> Any:
    keep = bool(attribute(node, "keepdims", 1))
    return (x[0] * x[0]).mean(dim=tuple(attribute(node, "axes", [])), keepdim=keep)


def _product_sum(node: ir.Node, x: Operands) -> Any:
    return x[0] * x[1] + attribute(node, "sign", 1.0) * (x[2] * x[3])


FORMS: dict[str, Form] = {
    **{
        n: _fold(t)
        for n, t in {"Add": "add", "Sum": "add", "Max": "maximum", "Min": "minimum"}.items()
    },
    **{n: _each(n.lower()) for n in ("Sub", "Mul", "Div", "Pow", "Exp", "Log", "Abs", "Neg")},
    **{n: _each(n.lower()) for n in ("Relu", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Reciprocal")},
    **{n: _each(n.lower()) for n in ("Floor", "Ceil", "Less", "Greater", "Where")},
    "Sqrt": _lambda(lambda _, x: _root(x[0])),
    "Equal": _each("eq"),
    "LessOrEqual": _each("le"),
    "GreaterOrEqual": _each("ge"),
    "And": _each("logical_and"),
    "Or": _each("logical_or"),
    "Not": _each("logical_not"),
    "MatMul": _each("matmul"),
    "Gemm": _lambda(_gemm),
    "Conv": _lambda(_conv),
    "ConvTranspose": _lambda(_conv_transpose),
    "GRU": _gru,
    "LSTM": _lstm,
    "Clip": _lambda(_clip),
    "PRelu": _lambda(_prelu),
    "LeakyRelu": _lambda(lambda node, x: _prelu(node, [x[0], attribute(node, "alpha", 0.01)])),
    "HardSigmoid": _lambda(_hard_sigmoid),
    "HardSwish": _lambda(lambda _, x: x[0] * (x[0] / 6 + 0.5).clamp(0, 1)),
    "Softplus": _lambda(lambda _, x: (x[0].exp() + 1).log().where(x[0] < 20, x[0])),
    "Softmax": _lambda(_softmax),
    "Transpose": _lambda(lambda node, x: x[0].permute(*attribute(node, "perm", []))),
    "Concat": _lambda(lambda node, x: _joined(node, x)),
    "Cast": _lambda(_cast),
    "ReduceMean": _reduced("mean"),
    "ReduceSum": _reduced("sum"),
    "ReduceMax": _reduced("amax"),
    "ReduceMin": _reduced("amin"),
    "ReduceSumSquare": _reduced("sum_square"),
    "ReduceL2": _reduced("norm"),
    "GlobalAveragePool": _globally("mean"),
    "GlobalMaxPool": _globally("amax"),
    "AveragePool": _pooled("average"),
    "MaxPool": _pooled("max"),
    "LayerNormalization": _layer_norm,
}
OWN: dict[str, Form] = {
    "Magnitude": _lambda(_magnitude),
    "MeanSquare": _lambda(_mean_square),
    "ProductSum": _lambda(_product_sum),
    "Finite": _lambda(lambda _, x: x[0]),
}


def _joined(node: ir.Node, x: Operands) -> Any:
    import torch

    return torch.cat([part for part in x if part is not None], dim=attribute(node, "axis", 0))
