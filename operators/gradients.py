"""Operators of a network in torch, with gradients, for training.

`run` gets a node's operands, torch tensors and None for one that is left out; shapes are those of one hop.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.geometry import conv_shape, dims
from edgekit.operators.pointwise.gradients import apart_from_zero, logarithm, pointwise, root
from edgekit.operators.pooling.gradients import average_pool, max_pool
from edgekit.operators.recurrent.gradients import gru, is_plain, lstm, rnn
from edgekit.operators.reduce import SUMS
from edgekit.operators.roles import is_move, picks, reduced_axes
from edgekit.operators.table import OPERATORS

if TYPE_CHECKING:
    from torch import Tensor

Operands = Sequence["Tensor"]  # None for one that is left out
Form = Callable[[ir.Node, Operands], "list[Tensor]"]


def form_of(node: ir.Node) -> Form | None:
    """Return the function that computes a node in torch; None if there is none here."""
    if node.domain != "":
        return OWN.get(node.op_type) if node.domain == FRONTEND_DOMAIN else None
    if facts_of(node).moves == "renames":
        return _reshape_gradient
    form = FORMS.get(node.op_type) or pointwise(node)
    if form is not None:
        return None if facts_of(node).cell and not is_plain(node) else form
    if node.op_type in BY_COMPUTED_INDEX and array_of(node.inputs[1]) is None:
        return BY_COMPUTED_INDEX[node.op_type]
    return movement_gradient(node) if is_move(node) and not picks(node) else None


def movement_gradient(node: ir.Node) -> Form:
    """Return a movement's gradient: its NumPy form runs once on element numbers, 0 for zeros, to find the mapping."""
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

    def run(_: ir.Node, x: Operands) -> "list[Tensor]":
        flat = torch.cat([torch.zeros(1), *(x[i].reshape(-1) for i in places)])
        return [flat[numbers] for numbers in picked]

    return run


def _reshape_gradient(node: ir.Node, x: Operands) -> "list[Tensor]":
    return [x[0].reshape(dims(node.outputs[0]))]


def _elementwise_gradient(name: str, **fixed: Any) -> Form:
    """Return a function of torch of all operands."""

    def run(_: ir.Node, x: Operands) -> "list[Tensor]":
        import torch

        return [getattr(torch, name)(*x, **fixed)]

    return run


def _fold(name: str) -> Form:
    def run(_: ir.Node, x: Operands) -> "list[Tensor]":
        import torch

        total = x[0]
        for other in x[1:]:
            total = getattr(torch, name)(total, other)
        return [total]

    return run


def _lambda(function: "Callable[[ir.Node, Operands], Tensor]") -> Form:
    return lambda node, x: [function(node, x)]


def _reduction_gradient(name: str, before: str | None = None, after: str | None = None) -> Form:
    def run(node: ir.Node, x: Operands) -> "list[Tensor]":
        import torch

        axes = tuple(reduced_axes(node))
        keep = bool(attribute(node, "keepdims", 1))
        elements = CHANGES[before](x[0])
        if axes:
            elements = getattr(torch, name)(elements, dim=axes, keepdim=keep)
        return [CHANGES[after](elements)]

    return run


CHANGES: dict[str | None, Callable[["Tensor"], "Tensor"]] = {
    None: lambda x: x,
    "size": lambda x: x.abs(),
    "square": lambda x: x * x,
    "root": root,
    "log": logarithm,
}


def _clip(_: ir.Node, x: Operands) -> "Tensor":
    low, high = (*x[1:], None, None)[:2]
    y = x[0] if low is None else x[0].maximum(low)
    return y if high is None else y.minimum(high)


def _prelu(_: ir.Node, x: Operands) -> "Tensor":
    return x[0].clamp(min=0) + x[1] * x[0].clamp(max=0)


def _softmax(node: ir.Node, x: Operands) -> "Tensor":
    return x[0].softmax(attribute(node, "axis", -1))


def _cast(node: ir.Node, x: Operands) -> "Tensor":
    import torch

    target = node.outputs[0].dtype
    kinds = {
        ir.DataType.FLOAT: torch.float32,
        ir.DataType.INT64: torch.int64,
        ir.DataType.INT32: torch.int32,
        ir.DataType.BOOL: torch.bool,
    }
    return x[0].to(kinds[target])  # type: ignore[index]


def _gather(node: ir.Node, x: Operands) -> "Tensor":
    """Parts of one axis by computed indices."""
    axis, shape = attribute(node, "axis", 0), x[0].shape
    axis, indices = axis % x[0].ndim, x[1].reshape(-1)
    y = x[0].index_select(axis, indices + (indices < 0) * shape[axis])
    return y.reshape(*shape[:axis], *x[1].shape, *shape[axis + 1 :])


def _gemm(node: ir.Node, x: Operands) -> "Tensor":
    a = x[0].T if attribute(node, "transA", 0) else x[0]
    b = x[1].T if attribute(node, "transB", 0) else x[1]
    y = float(attribute(node, "alpha", 1.0)) * (a @ b)
    has_bias = len(x) > 2 and x[2] is not None
    return y + float(attribute(node, "beta", 1.0)) * x[2] if has_bias else y


def _conv(node: ir.Node, x: Operands) -> "Tensor":
    """Convolve, with all padding added first, so that every kind of padding is treated the same."""
    import torch.nn.functional as nn

    rank = x[0].ndim - 2
    steps, dilations = _ints(node, "strides", rank), _ints(node, "dilations", rank)
    sizes, results = dims(node.inputs[0])[2:], dims(node.outputs[0])[2:]
    pads: list[int] = []  # the last axis first, before and after
    geometry = zip(
        _starts(node), sizes, results, dims(node.inputs[1])[2:], steps, dilations, strict=True
    )
    for before, size, out, k, step, dilation in reversed(list(geometry)):
        pads += [before, (out - 1) * step + (k - 1) * dilation + 1 - size - before]
    function = (nn.conv1d, nn.conv2d)[rank - 1]
    bias = x[2] if len(x) > 2 else None
    groups = attribute(node, "group", 1)
    return function(nn.pad(x[0], pads), x[1], bias, steps, 0, dilations, groups)


def _conv_transpose(node: ir.Node, x: Operands) -> "Tensor":
    """Convolve without padding, then crop to the shape of the result."""
    import torch.nn.functional as nn

    rank = x[0].ndim - 2
    function = (nn.conv_transpose1d, nn.conv_transpose2d)[rank - 1]
    steps, dilations = _ints(node, "strides", rank), _ints(node, "dilations", rank)
    whole = function(
        x[0], x[1], None, stride=steps, dilation=dilations, groups=attribute(node, "group", 1)
    )
    sizes = dims(node.outputs[0])[2:]
    for axis, (first, size) in enumerate(zip(_starts(node), sizes, strict=True), 2):
        more = first + size - whole.shape[axis]
        if more > 0:  # output_padding
            whole = nn.pad(whole, [0, 0] * (whole.ndim - 1 - axis) + [0, more])
        whole = whole.narrow(axis, first, size)
    return whole if len(x) < 3 or x[2] is None else whole + x[2].reshape(-1, *[1] * rank)


def _starts(node: ir.Node) -> list[int]:
    """Padding before each axis of a convolution of one or two dimensions."""
    kernel = [int(size) for size in dims(node.inputs[1])[2:]]
    shape = conv_shape(node, kernel)
    return [shape.pad_top, shape.pad_left][-len(kernel) :]


def _ints(node: ir.Node, name: str, rank: int) -> tuple[int, ...]:
    return tuple(attribute(node, name, [1] * rank))


def _globally(name: str) -> Form:
    def run(_: ir.Node, x: Operands) -> "list[Tensor]":
        axes = tuple(range(2, x[0].ndim))
        return [getattr(x[0], name)(dim=axes, keepdim=True)]

    return run


def _layer_norm(node: ir.Node, x: Operands) -> "list[Tensor]":
    """Return the result, and also mean and inverse deviation, which may have readers."""
    axis = attribute(node, "axis", -1) % x[0].ndim
    axes, bias = tuple(range(axis, x[0].ndim)), x[2] if len(x) > 2 else None
    mean = x[0].mean(axes, keepdim=True)
    centred = x[0] - mean
    power = (centred * centred).mean(axes, keepdim=True)
    inverse = 1 / (power + float(attribute(node, "epsilon", 1e-5))).sqrt()
    scaled = centred * inverse * x[1]
    return [scaled if bias is None else scaled + bias, mean, inverse][: len(node.outputs)]


def _instance_norm(node: ir.Node, x: Operands) -> "Tensor":
    axes = tuple(range(2, x[0].ndim))
    centred = x[0] - x[0].mean(axes, keepdim=True)
    power = (centred * centred).mean(axes, keepdim=True) + float(attribute(node, "epsilon", 1e-5))
    scale, bias = (v.reshape(-1, *[1] * len(axes)) for v in x[1:3])
    return centred / power.sqrt() * scale + bias


def _batch_norm(node: ir.Node, x: Operands) -> "Tensor":
    """Normalize with given statistics; the import leaves computed ones to other operators."""
    scale, bias, mean, power = (v.reshape(-1, *[1] * (x[0].ndim - 2)) for v in x[1:5])
    return (x[0] - mean) / (power + float(attribute(node, "epsilon", 1e-5))).sqrt() * scale + bias


def _lp_normalization(node: ir.Node, x: Operands) -> "Tensor":
    axis = attribute(node, "axis", -1)
    if attribute(node, "p", 2) == 1:
        return x[0] / x[0].abs().sum(axis, keepdim=True)
    return x[0] / root((x[0] * x[0]).sum(axis, keepdim=True))


def _magnitude(node: ir.Node, x: Operands) -> "Tensor":
    return root(x[0] * x[0] + x[1] * x[1] + attribute(node, "epsilon", 0.0))


def _mean_square(node: ir.Node, x: Operands) -> "Tensor":
    keep = bool(attribute(node, "keepdims", 1))
    return (x[0] * x[0]).mean(dim=tuple(attribute(node, "axes", [])), keepdim=keep)


def _gather_elements(node: ir.Node, x: Operands) -> "Tensor":
    """Gather elements; computed places wrap around, as in C."""
    axis = attribute(node, "axis", 0)
    return x[0].gather(axis, x[1].long() % x[0].shape[axis])


def _top_k(node: ir.Node, x: Operands) -> "list[Tensor]":
    """Return the values, which lead back to their elements, and their places; of equal ones the first comes first."""
    axis, largest = attribute(node, "axis", -1), bool(attribute(node, "largest", 1))
    count = int(array_of(node.inputs[1]).item())  # type: ignore[union-attr]
    places = x[0].argsort(dim=axis, descending=largest, stable=True).narrow(axis, 0, count)
    return [x[0].gather(axis, places), places]


def _product_sum(node: ir.Node, x: Operands) -> "Tensor":
    return x[0] * x[1] + float(attribute(node, "sign", 1.0)) * (x[2] * x[3])


FORMS: dict[str, Form] = {
    **{
        n: _fold(t)
        for n, t in {"Add": "add", "Sum": "add", "Max": "maximum", "Min": "minimum"}.items()
    },
    **{n: _elementwise_gradient(n.lower()) for n in ("Sub", "Mul", "Less", "Greater", "Where")},
    "Div": _lambda(lambda _, x: apart_from_zero(lambda divisor: x[0] / divisor, x[1])),
    "Pow": _lambda(lambda _, x: apart_from_zero(lambda base: base ** x[1], x[0])),
    "Mean": _lambda(lambda _, x: sum(x[1:], start=x[0]) / len(x)),
    "Equal": _elementwise_gradient("eq"),
    "LessOrEqual": _elementwise_gradient("le"),
    "GreaterOrEqual": _elementwise_gradient("ge"),
    "And": _elementwise_gradient("logical_and"),
    "Or": _elementwise_gradient("logical_or"),
    "Not": _elementwise_gradient("logical_not"),
    "MatMul": _elementwise_gradient("matmul"),
    "Gemm": _lambda(_gemm),
    "Conv": _lambda(_conv),
    "ConvTranspose": _lambda(_conv_transpose),
    "GRU": gru,
    "LSTM": lstm,
    "Clip": _lambda(_clip),
    "PRelu": _lambda(_prelu),
    "Softmax": _lambda(_softmax),
    "Transpose": _lambda(lambda node, x: x[0].permute(*attribute(node, "perm", []))),
    "Concat": _lambda(lambda node, x: _concat_gradient(node, x)),
    "Cast": _lambda(_cast),
    "ReduceMean": _reduction_gradient("mean"),
    "ReduceSum": _reduction_gradient("sum"),
    "ReduceMax": _reduction_gradient("amax"),
    "ReduceMin": _reduction_gradient("amin"),
    **{name: _reduction_gradient("sum", *row) for name, row in SUMS.items()},
    "ReduceLogSumExp": _reduction_gradient("logsumexp"),
    "GlobalAveragePool": _globally("mean"),
    "GlobalMaxPool": _globally("amax"),
    "AveragePool": average_pool,
    "MaxPool": max_pool,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _lambda(_instance_norm),
    "BatchNormalization": _lambda(_batch_norm),
    "LpNormalization": _lambda(_lp_normalization),
    "LogSoftmax": _lambda(lambda node, x: x[0].log_softmax(attribute(node, "axis", -1))),
    "RNN": rnn,
    "TopK": _top_k,
}
BY_COMPUTED_INDEX: dict[str, Form] = {
    "Gather": _lambda(_gather),
    "GatherElements": _lambda(_gather_elements),
}
OWN: dict[str, Form] = {
    "Magnitude": _lambda(_magnitude),
    "MeanSquare": _lambda(_mean_square),
    "ProductSum": _lambda(_product_sum),
    "Finite": _lambda(lambda _, x: x[0]),
}


def _concat_gradient(node: ir.Node, x: Operands) -> "Tensor":
    import torch

    return torch.cat([part for part in x if part is not None], dim=attribute(node, "axis", 0))
