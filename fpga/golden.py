"""The integer golden model: the exact results of every form of an engine, bit for bit."""

from collections.abc import Callable, Mapping

import numpy as np

from edgekit.base.arrays import Float32, Int8, Int64
from edgekit.fpga.network import CpuPart, Layer, Network, View
from edgekit.operators.fixed_point import output

S8 = Int8
F32 = Float32
Values = Mapping[str, S8]
Compute = Callable[[CpuPart, Mapping[str, F32]], Mapping[str, F32]]


def run(network: Network, inputs: Values) -> dict[str, S8]:
    """Return every stored tensor ``(channels, height, width)`` for one picture in integers.

    `inputs` are by stored tensor. The CPU has no part in the network, see `run_with_cpu`.
    """
    if network.cpu:
        raise ValueError("the CPU computes a part of this network: run_with_cpu")
    return _run(network, inputs, lambda _layers, _values: None)


def run_with_cpu(
    network: Network, picture: Mapping[str, F32], compute: Compute
) -> tuple[dict[str, S8], dict[str, F32]]:
    """Return every stored tensor, and every float that the CPU has, of one picture in float.

    `compute` returns the outputs of a part for its inputs, by name.
    """
    floats = dict(picture)
    waiting = list(network.cpu)

    def cpu(layers: int, values: dict[str, S8]) -> None:
        while waiting and waiting[0].at == layers:
            part = waiting.pop(0)
            floats.update({n: _real(network, view, values) for n, view in part.reads.items()})
            floats.update(compute(part, floats))
            for name, stored in part.writes.items():
                kind = network.tensors[stored].kind
                values[stored] = kind.quantize(floats[name][0]).astype(np.int8)

    return _run(network, quantize(network, picture), cpu), floats


def _run(
    network: Network, inputs: Values, before: Callable[[int, dict[str, S8]], None]
) -> dict[str, S8]:
    values = {name: np.asarray(array, np.int8) for name, array in inputs.items()}
    for step, layer in enumerate(network.layers):
        before(step, values)
        values[layer.y] = run_layer(layer, read_view(layer.x, values), _dilation(layer, values))
    before(len(network.layers), values)
    return values


def quantize(network: Network, picture: Mapping[str, F32]) -> dict[str, S8]:
    """Return the stored inputs of one picture ``(1, channels, height, width)`` in float."""
    return {
        stored: network.tensors[stored].kind.quantize(picture[name][0]).astype(np.int8)
        for name, stored in network.inputs.items()
    }


def infer(network: Network, picture: Mapping[str, F32]) -> dict[str, F32]:
    """Return the outputs in float of one picture in float, both ``(1, channels, height, width)``."""
    return dequantize(network, run(network, quantize(network, picture)))


def dequantize(network: Network, values: Values) -> dict[str, F32]:
    """Return the engine's outputs ``(1, channels, height, width)`` of the stored tensors."""
    return {name: _real(network, view, values) for name, view in network.outputs.items()}


def _real(network: Network, view: View, values: Values) -> F32:
    return network.tensors[view.tensors[0]].kind.dequantize(read_view(view, values))[None]


def read_view(view: View, values: Values) -> S8:
    """Return the input of a layer, ``(channels, height, width)``."""
    return np.stack([values[t][c].repeat(f, 0).repeat(f, 1) for t, c, f in view.sources])


def run_layer(layer: Layer, x: S8, d: S8 | None = None) -> S8:
    """Return y of one layer of x ``(channels, height, width)`` and d ``(height, width)`` (None: 1)."""
    if layer.path == "pool":
        return pool(layer, x)
    acc = dense(layer, x) if layer.path == "dense" else depthwise(layer, x, d)
    acc = acc + layer.bias.astype(np.int64)[:, None, None]
    mult, shift = layer.mult[:, None, None], layer.shift[:, None, None]
    return output(acc, mult, shift, layer.y_zero, layer.y_min, layer.y_max).astype(np.int8)


def dense(layer: Layer, x: S8) -> Int64:
    """Sums of a convolution over all channels; exact in float64, whose 53 bits hold them."""
    k, s = layer.kernel, layer.stride
    padded = np.pad(x, ((0, 0), (k // 2,) * 2, (k // 2,) * 2), constant_values=layer.x_zero)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    columns = windows.transpose(0, 3, 4, 1, 2).reshape(x.shape[0] * k * k, -1)
    rows = layer.weights.reshape(len(layer.weights), -1)
    sums = rows.astype(np.float64) @ columns.astype(np.float64)
    return sums.astype(np.int64).reshape(-1, *windows.shape[1:3])


def pool(layer: Layer, x: S8) -> S8:
    """Return the largest value of each window; pixels outside are the least."""
    k, s = layer.kernel, layer.stride
    ends = ((k - 1) // 2, k)
    padded = np.pad(x, ((0, 0), ends, ends), constant_values=-128)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))
    _, height, width = x.shape
    return np.asarray(windows[:, 0:height:s, 0:width:s].max(axis=(3, 4)), np.int8)


def depthwise(layer: Layer, x: S8, d: S8 | None) -> Int64:
    """Sums of the 3x3 taps at distance d of each pixel; outside of the image they read x_zero."""
    _, height, width = x.shape
    y, x_ = np.mgrid[0 : height : layer.stride, 0 : width : layer.stride]
    reach = np.ones((height, width), np.int64) if d is None else d.astype(np.int64)
    reach = reach[:: layer.stride, :: layer.stride]
    acc = np.zeros((x.shape[0], *y.shape), np.int64)
    for ky in range(3):
        for kx in range(3):
            row, column = y + (ky - 1) * reach, x_ + (kx - 1) * reach
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            taps = x[:, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
            taps = np.where(inside, taps, np.int8(layer.x_zero))
            acc += layer.weights[:, ky, kx, None, None].astype(np.int64) * taps
    return acc


def _dilation(layer: Layer, values: Values) -> S8 | None:
    return None if layer.dilation is None else values[layer.dilation][0]
