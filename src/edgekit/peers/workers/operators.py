"""ONNX operators in torch, as far as the networks of the benchmark need them, for one static shape each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (quantize_per_tensor and its like)
from torch.nn import functional as F  # noqa: N812

from edgekit.base.arrays import Array
from edgekit.base.json_values import Json, JsonObject
from edgekit.peers.workers.pools import pad_sizes, pool
from edgekit.peers.workers.spectra import irfft, istft, stft

Value = Tensor | Array | None  # known integers are arrays; all else is tensors
SETTINGS = frozenset(
    ("Clip", "DequantizeLinear", "Pad", "Pow", "QuantizeLinear")
)  # operators whose operands after the first are known numbers
Made = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Node:
    """An operator: names of its inputs (empty: left out) and outputs, and its attributes."""

    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: JsonObject

    def get(self, name: str, default: Json) -> Json:
        """Return an attribute."""
        return self.attributes.get(name, default)


class Operands(tuple[Value, ...]):
    """The operands of a node in their order; missing ones are None, or beyond the end."""

    def tensor(self, index: int = 0) -> Tensor:
        """An operand that is there, as a tensor."""
        value = self[index]
        assert value is not None
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    def optional(self, index: int) -> Tensor | None:
        """A tensor, or None where it is left out."""
        return None if self.is_left_out(index) else self.tensor(index)

    def known(self, index: int) -> Array:
        """A known operand that is there."""
        return np.asarray(self[index])

    def numbers(self, index: int) -> list[int] | None:
        """Known integers, or None where they are left out."""
        return None if self.is_left_out(index) else self.known(index).tolist()

    def is_left_out(self, index: int) -> bool:
        """Whether the operand is left out."""
        return index >= len(self) or self[index] is None


def _axes(node: Node, x: Operands) -> tuple[int, ...]:
    axes = node.get("axes", None) if x.is_left_out(1) else x.numbers(1)
    return tuple(range(x.tensor().ndim)) if axes is None else tuple(axes)


def _mean_square(node: Node, x: Operands) -> Made:
    square = x.tensor() * x.tensor()
    return square.mean(tuple(node.get("axes", ())), keepdim=bool(node.get("keepdims", 1)))


def _reshape(node: Node, x: Operands) -> Made:
    y = x.tensor()
    return y.reshape([y.shape[i] if n == 0 else n for i, n in enumerate(x.known(1).tolist())])


def _squeeze(node: Node, x: Operands) -> Made:
    return x.tensor().squeeze(_axes(node, x))


def _unsqueeze(node: Node, x: Operands) -> Made:
    y, axes = x.tensor(), x.known(1).tolist()
    rank = y.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        y = y.unsqueeze(axis)
    return y


def _transpose(node: Node, x: Operands) -> Made:
    y = x.tensor()
    return y.permute(node.get("perm", tuple(reversed(range(y.ndim)))))


def _slice(node: Node, x: Operands) -> Made:
    y, starts, ends = x.tensor(), x.known(1).tolist(), x.known(2).tolist()
    axes = list(range(len(starts))) if x.is_left_out(3) else x.known(3).tolist()
    steps = [1] * len(starts) if x.is_left_out(4) else x.known(4).tolist()
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


def _split(node: Node, x: Operands) -> Made:
    y, axis, sizes = x.tensor(), node.get("axis", 0), x.numbers(1)
    equal = -(-y.shape[axis] // len(node.outputs))
    return tuple(torch.split(y, equal if sizes is None else sizes, axis))


def _gather(node: Node, x: Operands) -> Made:
    y, axis, places = x.tensor(), node.get("axis", 0), x.known(1)
    if places.ndim == 0:
        return y.select(axis, int(places))
    flat = y.index_select(axis, torch.from_numpy(places.ravel() % y.shape[axis]))
    shape = list(y.shape)
    shape[axis % y.ndim : axis % y.ndim + 1] = places.shape
    return flat.reshape(shape)


def _scatter(node: Node, x: Operands) -> Made:
    """Scatter into known places: a stretch of one axis is joined, others are picked element by element."""
    data, indices, updates = x.tensor(), x.known(1), x.tensor(2)
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


def _pad(node: Node, x: Operands) -> Made:
    pads, value = x.known(1).tolist(), 0.0 if x.is_left_out(2) else float(x.known(2))
    rank = len(pads) // 2
    order = [pads[i + rank * side] for i in reversed(range(rank)) for side in (0, 1)]
    mode = str(node.get("mode", "constant"))
    if mode == "constant":
        return F.pad(x.tensor(), order, value=value)
    while order[-2:] == [0, 0]:
        order = order[:-2]
    return F.pad(x.tensor(), order, mode="replicate" if mode == "edge" else mode)


def _conv(node: Node, x: Operands) -> Made:
    y, weight = x.tensor(), x.tensor(1)
    rank = y.ndim - 2
    strides, dilations = (list(node.get(n, [1] * rank)) for n in ("strides", "dilations"))
    begin, end = pad_sizes(y.shape[2:], node.attributes, weight.shape[2:], strides, dilations)
    if begin != end:
        y = F.pad(y, [p for pair in zip(reversed(begin), reversed(end), strict=True) for p in pair])
        begin = [0] * rank
    convolve: Callable[..., Tensor] = (F.conv1d, F.conv2d)[rank - 1]
    return convolve(y, weight, x.optional(2), strides, begin, dilations, node.get("group", 1))


def _conv_transpose(node: Node, x: Operands) -> Made:
    rank = x.tensor().ndim - 2
    pads, ones = node.get("pads", [0] * 2 * rank), [1] * rank
    begin, end = list(pads[:rank]), list(pads[rank:])
    convolve: Callable[..., Tensor] = (F.conv_transpose1d, F.conv_transpose2d)[rank - 1]
    equal = begin == end
    y = convolve(
        x.tensor(),
        x.tensor(1),
        x.optional(2),
        list(node.get("strides", ones)),
        begin if equal else [0] * rank,
        list(node.get("output_padding", [0] * rank)),
        node.get("group", 1),
        list(node.get("dilations", ones)),
    )
    for axis, (a, b) in enumerate(zip(begin, end, strict=True), start=2) if not equal else ():
        y = y.narrow(axis, a, y.shape[axis] - a - b)
    return y


def _gru(node: Node, x: Operands) -> Made:
    """Gates z, r, h."""
    frames, weight, recurrent = (x.tensor(index) for index in range(3))
    bias, recurrent_bias, state = (x.optional(index) for index in range(3, 6))
    if not node.get("linear_before_reset", 0):
        raise ValueError("a GRU that resets before its matrix has no form in torch")
    n = recurrent.shape[1]
    h = torch.zeros(frames.shape[1], n) if state is None else state[0]
    steps = []
    for given in F.linear(frames, weight, bias).unbind(0):
        kept = F.linear(h, recurrent, recurrent_bias)
        z = torch.sigmoid(given[:, :n] + kept[:, :n])
        r = torch.sigmoid(given[:, n : 2 * n] + kept[:, n : 2 * n])
        new = torch.tanh(given[:, 2 * n :] + r * kept[:, 2 * n :])
        h = new + z * (h - new)
        steps.append(h)
    return torch.stack(steps)[:, None], h[None]


def _lstm(node: Node, x: Operands) -> Made:
    """Gates i, o, f, c."""
    frames, weight, recurrent = (x.tensor(index) for index in range(3))
    bias, state, cell = (x.optional(index) for index in range(3, 6))
    zeros = torch.zeros(frames.shape[1], recurrent.shape[1])
    h, c = (zeros if value is None else value[0] for value in (state, cell))
    steps = []
    for given in F.linear(frames, weight, bias).unbind(0):
        i, o, f, new = (given + F.linear(h, recurrent)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
        h = torch.sigmoid(o) * torch.tanh(c)
        steps.append(h)
    return torch.stack(steps)[:, None], h[None], c[None]


def _cast(node: Node, x: Operands) -> Made:
    kind = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}[node.get("to", 1)]
    return x.tensor().to(kind)


def _norm(node: Node, x: Operands) -> Made:
    y, bias = x.tensor(), x.optional(2)
    shape = y.shape[node.get("axis", -1) % y.ndim :]
    added = None if bias is None else bias.expand(shape)
    return F.layer_norm(y, shape, x.tensor(1).expand(shape), added, node.get("epsilon", 1e-5))


def _prelu(node: Node, x: Operands) -> Made:
    y, slope = x.tensor(), x.tensor(1)
    channels = slope.numel() in (1, y.shape[1]) and slope.shape[:1].numel() == slope.numel()
    if channels or slope.numel() == 1:
        return F.prelu(y, slope.reshape(-1))
    return torch.relu(y) - slope * torch.relu(-y)


def _clip(node: Node, x: Operands) -> Made:
    y = x.tensor()
    low, high = (None if x.is_left_out(i) else float(x.known(i)) for i in (1, 2))
    return F.relu6(y) if (low, high) == (0, 6) else y.clamp(low, high)


def _quantize_node(node: Node, x: Operands) -> Made:
    """Integers of 8 bits; wider ones, which XNNPACK does not have, as floats without a fraction."""
    y, zero = x.tensor(), (np.zeros((), np.int8) if x.is_left_out(2) else x.known(2).reshape(()))
    limits, scale = np.iinfo(zero.dtype), float(x.known(1).reshape(()))
    if limits.bits > 8:
        return (torch.round(y / scale) + float(zero)).clamp(limits.min, limits.max)
    made: Tensor = torch.ops.quantized_decomposed.quantize_per_tensor(
        y, scale, int(zero), limits.min, limits.max, getattr(torch, str(zero.dtype))
    )
    return made


def _dequantize_node(node: Node, x: Operands) -> Made:
    y, zero = x.tensor(), 0 if x.is_left_out(2) else int(x.known(2).reshape(()))
    scale = float(x.known(1).reshape(()))
    if y.is_floating_point():
        return (y - zero) * scale if zero else y * scale
    limits = torch.iinfo(y.dtype)
    made: Tensor = torch.ops.quantized_decomposed.dequantize_per_tensor(
        y, scale, zero, limits.min, limits.max, y.dtype
    )
    return made


def _finite(node: Node, x: Operands) -> Made:
    size = x.tensor().abs()
    inside = (size >= node.get("floor", 0.0)) & (size <= node.get("limit", 0.0))
    return torch.where(inside, x.tensor(), torch.zeros(()))


def _flatten(node: Node, x: Operands) -> Made:
    y = x.tensor()
    return y.reshape(int(np.prod(y.shape[: node.get("axis", 1)])), -1)


def _power(node: Node, x: Operands) -> Made:
    y, exponent = x.tensor(), float(x.known(1))
    return y * y if exponent == 2 else y**exponent


def _product_sum(node: Node, x: Operands) -> Made:
    a, b, c, d = (x.tensor(index) for index in range(4))
    sign: float = node.get("sign", 1.0)
    return a * b + sign * (c * d)


def _plain(function: Callable[..., Tensor]) -> Callable[[Node, Operands], Made]:
    """An operator that computes the same function of its inputs."""

    def made(node: Node, x: Operands) -> Made:
        return function(*map(x.optional, range(len(x))))

    return made


def _reduction(function: Callable[..., Tensor]) -> Callable[[Node, Operands], Made]:
    return lambda node, x: function(x.tensor(), _axes(node, x), bool(node.get("keepdims", 1)))


OPERATORS: dict[str, Callable[[Node, Operands], Made]] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "And": _plain(torch.logical_and),
    "AveragePool": lambda node, x: pool(x.tensor(), node.attributes, largest=False),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda node, x: torch.cat(
        [x.tensor(index) for index in range(len(x))], node.attributes["axis"]
    ),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Div": _plain(torch.div),
    "Elu": lambda node, x: F.elu(x.tensor(), node.get("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Expand": lambda node, x: x.tensor().expand(
        np.broadcast_shapes(tuple(x.tensor().shape), tuple(x.known(1).tolist()))
    ),
    "DequantizeLinear": _dequantize_node,
    "Finite": _finite,
    "Flatten": _flatten,
    "GRU": _gru,
    "Gather": _gather,
    "Gelu": lambda node, x: F.gelu(x.tensor(), approximate=node.get("approximate", "none")),
    "GlobalMaxPool": lambda node, x: x.tensor().amax(
        tuple(range(2, x.tensor().ndim)), keepdim=True
    ),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "HardSigmoid": lambda node, x: (
        x.tensor() * node.get("alpha", 0.2) + node.get("beta", 0.5)
    ).clamp(0.0, 1.0),
    "HardSwish": _plain(F.hardswish),
    "Identity": lambda node, x: x.tensor().clone(),
    "IRFFT": lambda node, x: irfft(x.tensor()),
    "ISTFT": lambda node, x: istft(x.tensor(), x.tensor(1), x.tensor(2)),
    "IsNaN": _plain(torch.isnan),
    "Log": _plain(torch.log),
    "LSTM": _lstm,
    "LayerNormalization": _norm,
    "Magnitude": lambda node, x: torch.sqrt(
        x.tensor() * x.tensor() + x.tensor(1) * x.tensor(1) + node.get("epsilon", 0.0)
    ),
    "MatMul": _plain(torch.matmul),
    "LeakyRelu": lambda node, x: F.leaky_relu(x.tensor(), node.get("alpha", 0.01)),
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Linear": _plain(F.linear),
    "Max": _plain(torch.maximum),
    "MaxPool": lambda node, x: pool(x.tensor(), node.attributes, largest=True),
    "MeanSquare": _mean_square,
    "Min": _plain(torch.minimum),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _power,
    "ProductSum": _product_sum,
    "QuantizeLinear": _quantize_node,
    "Reciprocal": _plain(torch.reciprocal),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceMin": _reduction(torch.amin),
    "ReduceSum": _reduction(torch.sum),
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "STFT": lambda node, x: stft(x.tensor(), x.tensor(1), x.tensor(2)),
    "ScatterND": _scatter,
    "Sigmoid": _plain(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda node, x: torch.softmax(x.tensor(), node.get("axis", -1)),
    "Split": _split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _plain(torch.where),
}
