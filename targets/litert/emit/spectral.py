"""Fourier transforms: LiteRT's own where it has one, else products with constant matrices: the PCM front end."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import dims
from edgekit.targets.litert.emit.movement import multiply_along_axis
from edgekit.targets.litert.file import options
from edgekit.targets.litert.node_emission import Item, LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import natural

LEAST = 16  # samples of a transform below which its matrix is small


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


def has_own(w: NodeEmission, n: int) -> bool:
    """Whether LiteRT transforms `n` real samples itself: powers of two; tflite-micro does not."""
    return not w.micro and n >= LEAST and n & (n - 1) == 0


def _spectrum_of_rows(w: NodeEmission, x: int) -> tuple[int, int]:
    """Real and imaginary parts (count, n / 2 + 1) of the spectra of rows (count, n)."""
    count, n = w.shape(x)
    bins = (count, 1, n // 2 + 1)
    given = [w.reshaped(x, (count, 1, n)), w.ints_constant([1, n])]
    spectra = w.op("RFFT2D", given, bins, dtype="complex64")
    real, imaginary = (
        w.reshaped(w.op(part, [spectra], bins, dtype="float32"), (count, n // 2 + 1))
        for part in ("REAL", "IMAG")
    )
    return real, imaginary


def _in_turn(w: NodeEmission, x: int) -> int:
    """Return the spectra of rows (count, n) in turn, (1, count * 2 * (n / 2 + 1)), the parts of a bin in turn."""
    parts = [w.reshaped(part, (*w.shape(part), 1)) for part in _spectrum_of_rows(w, x)]
    pairs = w.op(
        "CONCATENATION", parts, (*w.shape(parts[0])[:2], 2), chosen=options("Concatenation", axis=2)
    )
    return w.reshaped(pairs, (1, int(np.prod(w.shape(pairs)))))


def _samples(w: NodeEmission, spectrum: int) -> int:
    """Return the samples (1, n) of a spectrum (1, 2 * (n / 2 + 1)), by a forward transform.

    H[k] = Re X[k] - Im X[k] over all k is the Hartley transform of the samples. It is its own inverse but for a factor
    of n. The Hartley transform of H is Re F - Im F of its Fourier transform F.
    """
    bins = w.shape(spectrum)[1] // 2
    pairs = w.reshaped(spectrum, (bins, 2))
    real, imaginary = (
        w.reshaped(
            w.op("SLICE", [pairs, w.ints_constant([0, i]), w.ints_constant([bins, 1])], (bins, 1)),
            (1, bins),
        )
        for i in range(2)
    )
    edges = np.ones((1, bins), np.float32)
    edges[0, [0, -1]] = 0  # whose imaginary parts the inverse of a real signal does not read
    imaginary = w.op("MUL", [imaginary, w.constant(edges)])
    hartley = _hartley(w, real, imaginary)
    found = _hartley(w, *_spectrum_of_rows(w, hartley))
    return w.op("MUL", [found, w.real_constant(1 / (2 * (bins - 1)))])


def _hartley(w: NodeEmission, real: int, imaginary: int) -> int:
    """Re - Im over all n, of which the upper ones are the conjugates of the lower ones: (1, n) of (1, n / 2 + 1)."""
    bins = w.shape(real)[1]
    lower, mirrored = w.op("SUB", [real, imaginary]), w.op("ADD", [real, imaginary])
    back = w.ints_constant(range(bins - 2, 0, -1))
    upper = w.op("GATHER", [mirrored, back], (1, bins - 2), chosen=options("Gather", axis=1))
    return w.op(
        "CONCATENATION",
        [lower, upper],
        (1, 2 * (bins - 1)),
        chosen=options("Concatenation", axis=1),
    )


def _rows(w: NodeEmission, value: ir.Value | None) -> int:
    """A tensor as one row."""
    x = w.flat(w.item(value))
    return w.reshaped(x, (1, int(np.prod(w.shape(x)))))


def _times(w: NodeEmission, x: int, matrix: Array) -> int:
    inputs = [x, w.constant(matrix.astype(np.float32)), w.real_constant(np.zeros(len(matrix)))]
    return w.op("FULLY_CONNECTED", inputs, (1, len(matrix)), chosen=options("FullyConnected"))


def _part(w: NodeEmission, x: int, first: int, count: int) -> int:
    if count == w.shape(x)[1]:
        return x
    return w.op("SLICE", [x, w.ints_constant([0, first]), w.ints_constant([1, count])], (1, count))


def _give(w: NodeEmission, number: int, output: int) -> None:
    value = w.node.outputs[output]
    if value.uses() or value.is_graph_output():
        w.put(w.reshaped(number, dims(value)), natural(len(dims(value))), output)


def _window(w: NodeEmission, node: ir.Node) -> Array:
    window = w.array(node.inputs[2])
    if window is None:
        raise LiteRTRefused("a computed window", "a constant")
    return window.ravel().astype(np.float64)


def stft(w: NodeEmission, node: ir.Node) -> None:
    """One analysis frame: the spectrum, and the samples that the next frame needs again."""
    pcm, history = (_rows(w, value) for value in node.inputs[:2])
    window = _window(w, node)
    frame = w.op(
        "CONCATENATION", [history, pcm], (1, window.size), chosen=options("Concatenation", axis=1)
    )
    if has_own(w, window.size):
        spectrum = _in_turn(w, w.op("MUL", [frame, w.real_constant(window[None])]))
    else:
        spectrum = _times(w, frame, forward(window.size) * window)
    _give(w, spectrum, 0)
    hop = w.shape(pcm)[1]
    _give(w, _part(w, frame, hop, window.size - hop), 1)


def istft(w: NodeEmission, node: ir.Node) -> None:
    """One synthesis frame: the samples that are complete, and the overlap."""
    spectrum, overlap = (_rows(w, value) for value in node.inputs[:2])
    window = _window(w, node)
    if has_own(w, window.size):
        frame = w.op("MUL", [_samples(w, spectrum), w.real_constant(window[None])])
    else:
        frame = _times(w, spectrum, inverse(window.size // 2 + 1) * window[:, None])
    kept = w.shape(overlap)[1]
    hop = window.size - kept
    rest = w.op(
        "PAD", [overlap, w.constant(np.array([[0, 0], [0, hop]], np.int32))], (1, window.size)
    )
    total = w.op("ADD", [frame, rest])
    _give(w, _part(w, total, 0, hop), 0)
    _give(w, _part(w, total, hop, kept), 1)


def irfft(w: NodeEmission, node: ir.Node) -> None:
    """The samples of one spectrum."""
    spectrum = _rows(w, node.inputs[0])
    bins = w.shape(spectrum)[1] // 2
    own = has_own(w, 2 * (bins - 1))
    _give(w, _samples(w, spectrum) if own else _times(w, spectrum, inverse(bins)), 0)


def dft(w: NodeEmission, node: ir.Node) -> None:
    """Real, one-sided transforms of the last but one axis."""
    item = w.item(node.inputs[0])
    shape = dims(node.outputs[0])
    flat = w.reshaped(w.flat(item), item.shape[:-1])
    if has_own(w, item.shape[-2]):
        count = int(np.prod(item.shape[:-2]))
        spectra = _in_turn(w, w.reshaped(flat, (count, item.shape[-2])))
        w.put(w.reshaped(spectra, shape), natural(len(shape)))
        return
    rows = Item(
        item.name, item.shape[:-1], "float32", None, None, {natural(len(item.shape) - 1): flat}
    )
    found = multiply_along_axis(w, rows, len(rows.shape) - 1, forward(item.shape[-2]))
    w.put(w.reshaped(w.flat(found), shape), natural(len(shape)))
