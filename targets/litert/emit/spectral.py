"""Fourier transforms as products with constant matrices: the PCM front end."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.geometry import dims
from edgekit.targets.litert.emit.movement import along
from edgekit.targets.litert.emitting import Emitting, Item, Refused
from edgekit.targets.litert.file import Array, options
from edgekit.targets.litert.orders import natural


def forward(n: int) -> Array:
    """The matrix (2 * (n / 2 + 1), n) of a real, one-sided transform; real and imaginary parts in turn."""
    spectra = np.fft.rfft(np.eye(n), axis=0)
    return np.stack([spectra.real, spectra.imag], axis=1).reshape(-1, n)


def inverse(bins: int) -> Array:
    """The matrix (2 * (bins - 1), 2 * bins) from a one-sided spectrum to samples."""
    rows = np.zeros((bins, 2, bins), np.complex128)
    for k in range(bins):
        rows[k, 0, k], rows[k, 1, k] = 1, 1j
    samples: Array = np.fft.irfft(rows.reshape(2 * bins, bins), 2 * (bins - 1), axis=1).T
    return samples


def _rows(w: Emitting, value: ir.Value | None) -> int:
    """A tensor as one row."""
    x = w.flat(w.item(value))
    return w.reshaped(x, (1, int(np.prod(w.shape(x)))))


def _times(w: Emitting, x: int, matrix: Array) -> int:
    inputs = [x, w.constant(matrix.astype(np.float32)), w.real_constant(np.zeros(len(matrix)))]
    return w.op("FULLY_CONNECTED", inputs, (1, len(matrix)), chosen=options("FullyConnected"))


def _part(w: Emitting, x: int, first: int, count: int) -> int:
    if count == w.shape(x)[1]:
        return x
    return w.op("SLICE", [x, w.ints_constant([0, first]), w.ints_constant([1, count])], (1, count))


def _give(w: Emitting, number: int, output: int) -> None:
    value = w.node.outputs[output]
    if value.uses() or value.is_graph_output():
        w.put(w.reshaped(number, dims(value)), natural(len(dims(value))), output)


def _window(w: Emitting, node: ir.Node) -> Array:
    window = w.array(node.inputs[2])
    if window is None:
        raise Refused("a computed window", "a constant")
    return window.ravel().astype(np.float64)


def stft(w: Emitting, node: ir.Node) -> None:
    """One analysis frame: the spectrum, and the samples that the next frame needs again."""
    pcm, history = (_rows(w, value) for value in node.inputs[:2])
    window = _window(w, node)
    frame = w.op(
        "CONCATENATION", [history, pcm], (1, window.size), chosen=options("Concatenation", axis=1)
    )
    _give(w, _times(w, frame, forward(window.size) * window), 0)
    hop = w.shape(pcm)[1]
    _give(w, _part(w, frame, hop, window.size - hop), 1)


def istft(w: Emitting, node: ir.Node) -> None:
    """One synthesis frame: the samples that are complete, and the overlap."""
    spectrum, overlap = (_rows(w, value) for value in node.inputs[:2])
    window = _window(w, node)
    frame = _times(w, spectrum, inverse(window.size // 2 + 1) * window[:, None])
    kept = w.shape(overlap)[1]
    hop = window.size - kept
    rest = w.op(
        "PAD", [overlap, w.constant(np.array([[0, 0], [0, hop]], np.int32))], (1, window.size)
    )
    total = w.op("ADD", [frame, rest])
    _give(w, _part(w, total, 0, hop), 0)
    _give(w, _part(w, total, hop, kept), 1)


def irfft(w: Emitting, node: ir.Node) -> None:
    """The samples of one spectrum."""
    spectrum = _rows(w, node.inputs[0])
    _give(w, _times(w, spectrum, inverse(w.shape(spectrum)[1] // 2)), 0)


def dft(w: Emitting, node: ir.Node) -> None:
    """Real, one-sided transforms of the last but one axis."""
    item = w.item(node.inputs[0])
    shape = dims(node.outputs[0])
    flat = w.reshaped(w.flat(item), item.shape[:-1])
    rows = Item(
        item.name, item.shape[:-1], "float32", None, None, {natural(len(item.shape) - 1): flat}
    )
    found = along(w, rows, len(rows.shape) - 1, forward(item.shape[-2]))
    w.put(w.reshaped(w.flat(found), shape), natural(len(shape)))
