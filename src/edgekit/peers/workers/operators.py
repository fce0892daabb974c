"""ONNX operators in torch, as far as the networks of the benchmark need them, for one static shape each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (quantize_per_tensor and its like)
from torch.nn import functional as F  # noqa: N812

from edgekit.peers.workers.pools import padding, pool
from edgekit.peers.workers.spectra import irfft, istft, stft

Value = Tensor | NDArray[Any] | None  # known integers are arrays; all else is tensors
SETTINGS = frozenset(
    ("Clip", "DequantizeLinear", "Pad", "Pow", "QuantizeLinear")
)  # what stands behind their first input is a known number
Made = Any  # a tensor, or a tuple of them


@dataclass(frozen=True)
class Node:
    """An operator: names of its inputs (empty: left out) and outputs, and its attributes."""

    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: dict[str, Any]

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)


def _axes(node: Node, x: list[Any]) -> Made:
    axes = node.get("axes", None) if len(x) < 2 or x[1] is None else x[1].tolist()
    return tuple(range(x[0].ndim)) if axes is None else tuple(axes)


def _mean(node: Node, x: list[Any]) -> Made:
    return x[0].mean(_axes(node, x), keepdim=bool(node.get("keepdims", 1)))


def _mean_square(node: Node, x: list[Any]) -> Made:
    return (x[0] * x[0]).mean(tuple(node.get("axes", ())), keepdim=bool(node.get("keepdims", 1)))


def _sum(node: Node, x: list[Any]) -> Made:
    return x[0].sum(_axes(node, x), keepdim=bool(node.get("keepdims", 1)))


def _reshape(node: Node, x: list[Any]) -> Made:
    shape = [x[0].shape[i] if n == 0 else n for i, n in enumerate(x[1].tolist())]
    return x[0].reshape(shape)


def _squeeze(node: Node, x: list[Any]) -> Made:
    return x[0].squeeze(_axes(node, x))


def _unsqueeze(node: Node, x: list[Any]) -> Made:
    rank = x[0].ndim + len(x[1])
    y = x[0]
    for axis in sorted(int(axis) % rank for axis in x[1]):
        y = y.unsqueeze(axis)
    return y


def _transpose(node: Node, x: list[Any]) -> Made:
    return x[0].permute(node.get("perm", tuple(reversed(range(x[0].ndim)))))


def _slice(node: Node, x: list[Any]) -> Made:
    y, starts, ends = x[0], x[1].tolist(), x[2].tolist()
    axes = list(range(len(starts))) if len(x) < 4 or x[3] is None else x[3].tolist()
    steps = [1] * len(starts) if len(x) < 5 or x[4] is None else x[4].tolist()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places = range(y.shape[axis])[slice(start, None if end < -(2**60) else end, step)]
        if step < 0 and len(places):
            y = y.flip(axis)
            start, step = y.shape[axis] - 1 - places[0], -step
        else:
            start = places.start
        y = y.narrow(axis, start, 0 if not places else (len(places) - 1) * step + 1)
        if step != 1:
            y = y[(slice(None),) * (axis % y.ndim) + (slice(None, None, step),)]
    return y


def _split(node: Node, x: list[Any]) -> Made:
    axis = node.get("axis", 0)
    count = len(node.outputs)
    sizes = x[1].tolist() if len(x) > 1 and x[1] is not None else -(-x[0].shape[axis] // count)
    return tuple(x[0].split(sizes, axis))


def _gather(node: Node, x: list[Any]) -> Made:
    axis, places = node.get("axis", 0), np.asarray(x[1])
    if places.ndim == 0:
        return x[0].select(axis, int(places))
    flat = x[0].index_select(axis, torch.from_numpy(places.ravel() % x[0].shape[axis]))
    shape = list(x[0].shape)
    shape[axis % x[0].ndim : axis % x[0].ndim + 1] = places.shape
    return flat.reshape(shape)


def _scatter(node: Node, x: list[Any]) -> Made:
    """What is written is known: a stretch of one axis is joined, anything else picked element by element."""
    data, indices, updates = x
    size, shape = data.numel(), tuple(data.shape)
    source = np.arange(size).reshape(shape)
    new = np.arange(updates.numel()).reshape(tuple(updates.shape)) + size
    source[tuple(np.moveaxis(indices, -1, 0))] = new
    for axis in range(len(shape)):
        rows = np.flatnonzero(
            (np.moveaxis(source, axis, 0) >= size).reshape(shape[axis], -1).any(1)
        )
        first, count = int(rows[0]), len(rows)
        part = source.take(range(first, first + count), axis)
        if rows[-1] - first + 1 == count and np.array_equal(part.ravel(), new.ravel()):
            end = shape[axis] - first - count
            middle = updates.reshape(part.shape)
            return torch.cat(
                [data.narrow(axis, 0, first), middle, data.narrow(axis, first + count, end)], axis
            )
    flat = torch.cat([data.flatten(), updates.flatten()])
    return flat.index_select(0, torch.from_numpy(source.ravel())).reshape(shape)


def _pad(node: Node, x: list[Any]) -> Made:
    pads, value = x[1].tolist(), 0.0 if len(x) < 3 or x[2] is None else float(x[2])
    rank = len(pads) // 2
    order = [pads[i + rank * side] for i in reversed(range(rank)) for side in (0, 1)]
    mode = str(node.get("mode", "constant"))
    if mode == "constant":
        return F.pad(x[0], order, value=value)
    while order[-2:] == [0, 0]:
        order = order[:-2]
    return F.pad(x[0], order, mode="replicate" if mode == "edge" else mode)


def _conv(node: Node, x: list[Any]) -> Made:
    rank = x[0].ndim - 2
    strides, dilations = (list(node.get(n, [1] * rank)) for n in ("strides", "dilations"))
    begin, end = padding(x[0].shape[2:], node.attributes, x[1].shape[2:], strides, dilations)
    if begin != end:
        x[0] = F.pad(
            x[0], [p for pair in zip(reversed(begin), reversed(end), strict=True) for p in pair]
        )
        begin = [0] * rank
    convolve: Any = (F.conv1d, F.conv2d)[rank - 1]
    bias = x[2] if len(x) > 2 else None
    return convolve(x[0], x[1], bias, strides, begin, dilations, node.get("group", 1))


def _conv_transpose(node: Node, x: list[Any]) -> Made:
    rank = x[0].ndim - 2
    pads, ones = node.get("pads", [0] * 2 * rank), [1] * rank
    begin, end = list(pads[:rank]), list(pads[rank:])
    convolve: Any = (F.conv_transpose1d, F.conv_transpose2d)[rank - 1]
    equal = begin == end
    y = convolve(
        x[0],
        x[1],
        x[2] if len(x) > 2 else None,
        list(node.get("strides", ones)),
        begin if equal else [0] * rank,
        list(node.get("output_padding", [0] * rank)),
        node.get("group", 1),
        list(node.get("dilations", ones)),
    )
    for axis, (a, b) in enumerate(zip(begin, end, strict=True), start=2) if not equal else ():
        y = y.narrow(axis, a, y.shape[axis] - a - b)
    return y


def _gru(node: Node, x: list[Any]) -> Made:
    """Gates z, r, h."""
    frames, weight, recurrent, bias, kept_bias, state = x
    if not node.get("linear_before_reset", 0):
        raise ValueError("a GRU that resets before its matrix has no form in torch")
    n = recurrent.shape[1]
    h = torch.zeros(frames.shape[1], n) if state is None else state[0]
    steps = []
    for given in F.linear(frames, weight, bias).unbind(0):
        kept = F.linear(h, recurrent, kept_bias)
        z = torch.sigmoid(given[:, :n] + kept[:, :n])
        r = torch.sigmoid(given[:, n : 2 * n] + kept[:, n : 2 * n])
        new = torch.tanh(given[:, 2 * n :] + r * kept[:, 2 * n :])
        h = new + z * (h - new)
        steps.append(h)
    return torch.stack(steps)[:, None], h[None]


def _lstm(node: Node, x: list[Any]) -> Made:
    """Gates i, o, f, c."""
    frames, weight, recurrent, bias, state, cell = x
    zeros = torch.zeros(frames.shape[1], recurrent.shape[1])
    h, c = (zeros if value is None else value[0] for value in (state, cell))
    steps = []
    for given in F.linear(frames, weight, bias).unbind(0):
        i, o, f, new = (given + F.linear(h, recurrent)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
        h = torch.sigmoid(o) * torch.tanh(c)
        steps.append(h)
    return torch.stack(steps)[:, None], h[None], c[None]


def _cast(node: Node, x: list[Any]) -> Made:
    kind = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}[node.get("to", 1)]
    return x[0].to(kind)


def _norm(node: Node, x: list[Any]) -> Made:
    axis = node.get("axis", -1) % x[0].ndim
    shape = x[0].shape[axis:]
    bias = x[2].expand(shape) if len(x) > 2 and x[2] is not None else None
    return F.layer_norm(x[0], shape, x[1].expand(shape), bias, node.get("epsilon", 1e-5))


def _prelu(node: Node, x: list[Any]) -> Made:
    slope = x[1]
    channels = slope.numel() in (1, x[0].shape[1]) and slope.shape[:1].numel() == slope.numel()
    if channels or slope.numel() == 1:
        return F.prelu(x[0], slope.reshape(-1))
    return torch.relu(x[0]) - slope * torch.relu(-x[0])


def _clip(node: Node, x: list[Any]) -> Made:
    low, high = (None if v is None else float(v) for v in [*x[1:], None, None][:2])
    return F.relu6(x[0]) if (low, high) == (0, 6) else x[0].clamp(low, high)


def _quantize_node(node: Node, x: list[Any]) -> Made:
    """Integers of 8 bits; wider ones, which XNNPACK does not have, as floats without a fraction."""
    zero = np.int8(0) if len(x) < 3 or x[2] is None else np.asarray(x[2]).reshape(())
    limits, scale = np.iinfo(zero.dtype), float(np.asarray(x[1]).reshape(()))
    if limits.bits > 8:
        return (torch.round(x[0] / scale) + float(zero)).clamp(limits.min, limits.max)
    return torch.ops.quantized_decomposed.quantize_per_tensor(
        x[0], scale, int(zero), limits.min, limits.max, getattr(torch, str(zero.dtype))
    )


def _dequantize_node(node: Node, x: list[Any]) -> Made:
    zero = 0 if len(x) < 3 or x[2] is None else int(np.asarray(x[2]).reshape(()))
    scale = float(np.asarray(x[1]).reshape(()))
    if x[0].is_floating_point():
        return (x[0] - zero) * scale if zero else x[0] * scale
    limits = torch.iinfo(x[0].dtype)
    return torch.ops.quantized_decomposed.dequantize_per_tensor(
        x[0], scale, zero, limits.min, limits.max, x[0].dtype
    )


def _finite(node: Node, x: list[Any]) -> Made:
    size = x[0].abs()
    inside = (size >= node.get("floor", 0.0)) & (size <= node.get("limit", 0.0))
    return torch.where(inside, x[0], torch.zeros(()))


def _plain(function: Callable[..., Any]) -> Callable[[Node, list[Any]], Made]:
    """An operator that computes the same function of its inputs."""

    def made(node: Node, x: list[Any]) -> Made:
        return function(*(torch.from_numpy(v) if isinstance(v, np.ndarray) else v for v in x))

    return made


def _extreme(function: Callable[..., Any]) -> Callable[[Node, list[Any]], Made]:
    return lambda node, x: function(x[0], _axes(node, x), bool(node.get("keepdims", 1)))


OPERATORS: dict[str, Callable[[Node, list[Any]], Made]] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "And": _plain(torch.logical_and),
    "AveragePool": lambda node, x: pool(x[0], node.attributes, largest=False),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda node, x: torch.cat(x, node.attributes["axis"]),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Div": _plain(torch.div),
    "Elu": lambda node, x: F.elu(x[0], node.get("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Expand": lambda node, x: x[0].expand(
        np.broadcast_shapes(tuple(x[0].shape), tuple(x[1].tolist()))
    ),
    "DequantizeLinear": _dequantize_node,
    "Finite": _finite,
    "Flatten": lambda node, x: x[0].reshape(int(np.prod(x[0].shape[: node.get("axis", 1)])), -1),
    "GRU": _gru,
    "Gather": _gather,
    "Gelu": lambda node, x: F.gelu(x[0], approximate=node.get("approximate", "none")),
    "GlobalMaxPool": lambda node, x: x[0].amax(tuple(range(2, x[0].ndim)), keepdim=True),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "HardSigmoid": lambda node, x: (x[0] * node.get("alpha", 0.2) + node.get("beta", 0.5)).clamp(
        0.0, 1.0
    ),
    "HardSwish": _plain(F.hardswish),
    "Identity": lambda node, x: x[0].clone(),
    "IRFFT": lambda node, x: irfft(x),
    "ISTFT": lambda node, x: istft(x),
    "IsNaN": _plain(torch.isnan),
    "Log": _plain(torch.log),
    "LSTM": _lstm,
    "LayerNormalization": _norm,
    "Magnitude": lambda node, x: torch.sqrt(x[0] * x[0] + x[1] * x[1] + node.get("epsilon", 0.0)),
    "MatMul": _plain(torch.matmul),
    "LeakyRelu": lambda node, x: F.leaky_relu(x[0], node.get("alpha", 0.01)),
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Linear": _plain(F.linear),
    "Max": _plain(torch.maximum),
    "MaxPool": lambda node, x: pool(x[0], node.attributes, largest=True),
    "MeanSquare": _mean_square,
    "Min": _plain(torch.minimum),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": lambda node, x: x[0] * x[0] if float(x[1]) == 2 else x[0] ** float(x[1]),
    "ProductSum": lambda node, x: x[0] * x[1] + node.get("sign", 1.0) * (x[2] * x[3]),
    "QuantizeLinear": _quantize_node,
    "Reciprocal": _plain(torch.reciprocal),
    "ReduceMax": _extreme(torch.amax),
    "ReduceMean": _mean,
    "ReduceMin": _extreme(torch.amin),
    "ReduceSum": _sum,
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "STFT": lambda node, x: stft(x),
    "ScatterND": _scatter,
    "Sigmoid": _plain(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda node, x: torch.softmax(x[0], node.get("axis", -1)),
    "Split": _split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _plain(torch.where),
}
